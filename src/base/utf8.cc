#include "base/utf8.h"

#include <cstdint>
#include <utility>

namespace fairlead {
namespace {

// How a first byte goes on: so many bytes, the second of them from `low` to `high`, the others from
// 80 to bf (RFC 3629 section 4). The narrow ranges leave out surrogates, what is longer than it
// need be, and what lies above U+10FFFF.
struct Form {
  uint8_t length = 0;  // 0: no character begins so
  uint8_t low = 0x80, high = 0xbf;
};

Form FormOf(uint8_t first) {
  if (first < 0x80) return {1};
  if (first < 0xc2) return {};
  if (first < 0xe0) return {2};
  if (first == 0xe0) return {3, 0xa0, 0xbf};
  if (first == 0xed) return {3, 0x80, 0x9f};
  if (first < 0xf0) return {3};
  if (first == 0xf0) return {4, 0x90, 0xbf};
  if (first < 0xf4) return {4};
  if (first == 0xf4) return {4, 0x80, 0x8f};
  return {};
}

}  // namespace

size_t Utf8CharacterLength(std::string_view text) {
  if (text.empty()) return 0;
  const Form form = FormOf(static_cast<uint8_t>(text[0]));
  if (form.length == 0 || text.size() < form.length) return 0;
  for (size_t i = 1; i < form.length; ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    const uint8_t low = i == 1 ? form.low : 0x80, high = i == 1 ? form.high : 0xbf;
    if (byte < low || byte > high) return 0;
  }
  return form.length;
}

size_t Utf8Length(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    if (static_cast<uint8_t>(text[at]) < 0x80) {
      ++at;
      continue;
    }
    const size_t length = Utf8CharacterLength(text.substr(at));
    if (length == 0) return at;
    at += length;
  }
  return at;
}

std::string ToUtf8(std::string text) {
  constexpr std::string_view kReplacement = "\xef\xbf\xbd";
  std::string_view rest = text;
  size_t good = Utf8Length(rest);
  if (good == rest.size()) return text;
  std::string out;
  out.reserve(text.size() + 64);
  while (!rest.empty()) {
    out += rest.substr(0, good);
    rest.remove_prefix(good);
    if (rest.empty()) break;
    out += kReplacement;
    rest.remove_prefix(1);
    good = Utf8Length(rest);
  }
  return out;
}

}  // namespace fairlead
