#include "control/health/dialogue/dns_name.h"

#include <algorithm>

namespace fairlead::control {

std::optional<std::string> EncodeDnsName(std::string_view name) {
  std::string wire;
  if (name.ends_with('.')) name.remove_suffix(1);
  while (!name.empty()) {
    const size_t length = std::min(name.find('.'), name.size());
    if (length == 0 || length > 63) return std::nullopt;
    wire.push_back(static_cast<char>(length));
    wire.append(name.substr(0, length));
    if (length + 1 == name.size()) return std::nullopt;  // "a.."
    name.remove_prefix(std::min(length + 1, name.size()));
  }
  wire.push_back('\0');
  if (wire.size() > 255) return std::nullopt;
  return wire;
}

size_t EndOfDnsName(std::string_view message, size_t at) {
  size_t end = message.npos;  // behind the first pointer
  size_t begin = at;          // of the run of labels that is walked
  size_t length = 0;
  for (;;) {
    if (at >= message.size()) return message.npos;
    const auto label = static_cast<unsigned char>(message[at]);
    if (label == 0) return end == message.npos ? at + 1 : end;
    if (label < 64) {
      length += label + 1u;
      if (length > 254) return message.npos;
      at += label + 1u;
      continue;
    }
    if (label < 192 || at + 1 >= message.size()) return message.npos;
    const size_t to = (label & 0x3fu) << 8 | static_cast<unsigned char>(message[at + 1]);
    if (to >= begin) return message.npos;
    if (end == message.npos) end = at + 2;
    // Each pointer costs as much as a label of one, so a chain of them is bounded as well.
    length += 2;
    if (length > 254) return message.npos;
    at = begin = to;
  }
}

}  // namespace fairlead::control
