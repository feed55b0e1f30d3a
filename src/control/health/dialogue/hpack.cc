#include "control/health/dialogue/hpack.h"

#include <algorithm>
#include <array>
#include <optional>

namespace fairlead::control {
namespace {

// How many bits each byte's code has, and the end's (RFC 7541 appendix B). The codes are canonical:
// those of one length follow each other in the order of the bytes, and a length begins where the
// one before it has ended, with a zero more. So the lengths say all.
constexpr std::array<uint8_t, 257> kCodeBits{
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6,  10, 10, 12, 13, 6,  8,  11, 10, 10, 8,  11, 8,  6,  6,  6,
    5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8,  15, 6,  12, 10, 13, 6,  7,  7,  7,  7,  7,  7,
    7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8,  13, 19, 13, 14, 6,
    15, 5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,  6,  7,  6,  5,  5,  6,  7,  7,
    7,  7,  7,  15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21,
    23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
    21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30};
constexpr int kMostCodeBits = 30;
constexpr uint16_t kEndOfString = 256;

struct Codes {
  struct Length {
    uint32_t first = 0;  // code
    uint32_t count = 0;
    size_t symbols = 0;  // where its symbols begin
  };
  std::array<Length, kMostCodeBits + 1> lengths{};
  std::array<uint16_t, 257> symbols{};  // by length, then by number
};

constexpr Codes kCodes = [] {
  Codes codes;
  uint32_t code = 0;
  size_t placed = 0;
  for (size_t bits = 1; bits <= kMostCodeBits; ++bits) {
    code <<= 1;
    codes.lengths[bits] = {code, 0, placed};
    for (size_t symbol = 0; symbol < kCodeBits.size(); ++symbol) {
      if (kCodeBits[symbol] != bits) continue;
      codes.symbols[placed++] = static_cast<uint16_t>(symbol);
      ++codes.lengths[bits].count;
      ++code;
    }
  }
  return codes;
}();

std::optional<std::string> Unhuffman(std::string_view coded) {
  std::string text;
  uint32_t code = 0;
  size_t bits = 0;
  for (const char c : coded) {
    for (int bit = 7; bit >= 0; --bit) {
      code = code << 1 | (static_cast<unsigned char>(c) >> bit & 1u);
      if (++bits > kMostCodeBits) return std::nullopt;
      const Codes::Length& length = kCodes.lengths[bits];
      if (code < length.first || code - length.first >= length.count) continue;
      const uint16_t symbol = kCodes.symbols[length.symbols + code - length.first];
      if (symbol == kEndOfString) return std::nullopt;
      text.push_back(static_cast<char>(symbol));
      code = 0;
      bits = 0;
    }
  }
  // The rest of the last byte is ones, the begin of the end's code.
  if (bits > 7 || code != (1u << bits) - 1) return std::nullopt;
  return text;
}

class Reader {
 public:
  explicit Reader(std::string_view block) : rest_(block) {}
  [[nodiscard]] bool is_over() const { return rest_.empty(); }
  [[nodiscard]] unsigned Peek() const { return static_cast<unsigned char>(rest_.front()); }

  // With the low `bits` of the first byte; RFC 7541 section 5.1.
  std::optional<uint32_t> Number(int bits) {
    if (rest_.empty()) return std::nullopt;
    const uint32_t full = (1u << bits) - 1;
    uint32_t number = Take() & full;
    if (number < full) return number;
    for (unsigned shift = 0; shift <= 14; shift += 7) {
      if (rest_.empty()) return std::nullopt;
      const unsigned byte = Take();
      number += (byte & 127) << shift;
      if ((byte & 128) == 0) return number;
    }
    return std::nullopt;  // over two million
  }

  std::optional<std::string> Text() {
    if (rest_.empty()) return std::nullopt;
    const bool is_coded = (Peek() & 128) != 0;
    const std::optional<uint32_t> length = Number(7);
    if (!length || *length > rest_.size()) return std::nullopt;
    const std::string_view text = rest_.substr(0, *length);
    rest_.remove_prefix(*length);
    if (is_coded) return Unhuffman(text);
    return std::string(text);
  }

 private:
  unsigned Take() {
    const unsigned byte = Peek();
    rest_.remove_prefix(1);
    return byte;
  }

  std::string_view rest_;
};

constexpr uint32_t kStaticFields = 61;
constexpr uint32_t kFirstStatus = 8, kLastStatus = 14;
constexpr std::array<std::string_view, 7> kStatuses{"200", "204", "206", "304",
                                                    "400", "404", "500"};

// Of the static table a client wants the statuses alone; other names are told apart by number.
std::string StaticName(uint32_t number) {
  if (number >= kFirstStatus && number <= kLastStatus) return ":status";
  return "field " + std::to_string(number);
}

Error Malformed() { return {ErrorCode::kInvalid, "malformed header fields", {}}; }

void AppendNumber(uint32_t number, int bits, std::string* bytes) {
  const uint32_t full = (1u << bits) - 1;
  if (number < full) {
    bytes->push_back(static_cast<char>(number));
    return;
  }
  bytes->push_back(static_cast<char>(full));
  for (number -= full; number >= 128; number >>= 7) {
    bytes->push_back(static_cast<char>((number & 127) | 128));
  }
  bytes->push_back(static_cast<char>(number));
}

void AppendText(std::string_view text, std::string* bytes) {
  AppendNumber(static_cast<uint32_t>(text.size()), 7, bytes);
  bytes->append(text);
}

}  // namespace

Result<HpackFields> ReadHpack(std::string_view block) {
  HpackFields fields;
  Reader reader(block);
  size_t bytes = 0;
  while (!reader.is_over()) {
    const unsigned first = reader.Peek();
    if ((first & 0xe0) == 0x20) {  // the size of the dynamic table
      const auto size = reader.Number(5);
      if (!size || *size != 0) return Malformed();
      continue;
    }
    const bool is_indexed = (first & 0x80) != 0;
    const auto index = reader.Number(is_indexed ? 7 : (first & 0x40) != 0 ? 6 : 4);
    if (!index || *index > kStaticFields || (is_indexed && *index == 0)) return Malformed();
    std::string name = StaticName(*index), value;
    if (is_indexed) {
      if (name == ":status") value = kStatuses[*index - kFirstStatus];
    } else {
      if (*index == 0) {
        auto text = reader.Text();
        if (!text) return Malformed();
        name = *std::move(text);
      }
      auto text = reader.Text();
      if (!text) return Malformed();
      value = *std::move(text);
    }
    bytes += name.size() + value.size();
    fields.emplace_back(std::move(name), std::move(value));
    if (fields.size() > kMostHpackFields || bytes > kMostHpackBytes) {
      return Error{ErrorCode::kInvalid, "too many header fields", {}};
    }
  }
  return fields;
}

std::string HpackField(uint32_t name, std::string_view value) {
  std::string bytes;
  AppendNumber(name, 4, &bytes);
  AppendText(value, &bytes);
  return bytes;
}

std::string HpackField(std::string_view name, std::string_view value) {
  std::string bytes(1, '\0');
  AppendText(name, &bytes);
  AppendText(value, &bytes);
  return bytes;
}

}  // namespace fairlead::control
