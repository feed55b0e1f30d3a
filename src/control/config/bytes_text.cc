#include "control/config/bytes_text.h"

#include <optional>
#include <utility>

#include "control/config/yaml_writer.h"

namespace fairlead::control {
namespace {

constexpr std::pair<char, char> kShortEscapes[] = {
    {'r', '\r'}, {'n', '\n'}, {'t', '\t'}, {'0', '\0'}, {'\\', '\\'}};

std::optional<unsigned> HexDigit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

// The byte behind a backslash, which it removes from *rest.
std::optional<char> TakeEscape(std::string_view* rest) {
  if (rest->empty()) return std::nullopt;
  for (const auto& [letter, byte] : kShortEscapes) {
    if (rest->front() != letter) continue;
    rest->remove_prefix(1);
    return byte;
  }
  if (rest->front() != 'x' || rest->size() < 3) return std::nullopt;
  const auto high = HexDigit((*rest)[1]), low = HexDigit((*rest)[2]);
  if (!high || !low) return std::nullopt;
  rest->remove_prefix(3);
  return static_cast<char>(*high << 4 | *low);
}

}  // namespace

Result<std::string> ReadBytes(const YamlNode& node) {
  const auto invalid = [](std::string message) {
    return Error{ErrorCode::kInvalid, std::move(message), ""};
  };
  if (!node.is_scalar()) return WrongValue(node, "text");
  std::string bytes;
  for (std::string_view rest = node.text; !rest.empty();) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c != '\\') {
      bytes.push_back(c);
    } else if (const auto byte = TakeEscape(&rest)) {
      bytes.push_back(*byte);
    } else {
      return invalid("has an unknown escape at " + Quote("\\" + std::string(rest.substr(0, 3))) +
                     "; known are \\r \\n \\t \\0 \\\\ and \\xHH");
    }
  }
  if (bytes.empty()) return invalid("must not be empty; leave the key out instead");
  if (bytes.size() > kMostProbeBytes) {
    return invalid("is longer than " + std::to_string(kMostProbeBytes) + " bytes");
  }
  return bytes;
}

std::string BytesText(std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    char letter = 0;
    for (const auto& [name, escaped] : kShortEscapes) {
      if (escaped == c) letter = name;
    }
    if (letter != 0) {
      text.append({'\\', letter});
    } else if (byte < 0x20 || byte >= 0x7f) {
      text.append({'\\', 'x', kHex[byte >> 4], kHex[byte & 15]});
    } else {
      text.push_back(c);
    }
  }
  return Scalar(text);
}

}  // namespace fairlead::control
