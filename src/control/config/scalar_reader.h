// One YAML value as a typed value, or the sentence that says what it must be.
//
//   Result<uint64_t> weight = ReadNumber(node, 0, 65535);
//   weight.error().message;        // must be a whole number from 0 to 65535, not "010": ...
//   Result<OnFail> on_fail = ReadWord<OnFail>(node);
//
// Strict: `010` is no number, `yes` is no bool, a number in quotes is text. What has a unit (10s,
// 64k) may stand in quotes, as JSON needs it. The readers see one node and know nothing of places;
// MapReader adds them. Threads: pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "control/config/names.h"
#include "control/config/yaml_tree.h"

namespace fairlead::control {

// `must be <wanted>, not <what the node is>`: the sentence of nearly every type error.
Error WrongValue(const YamlNode& node, std::string_view wanted);

// `"lblc" is not supported by this version; use <instead>`.
Error NotSupported(const YamlNode& node, std::string_view instead);

Result<bool> ReadBool(const YamlNode& node);
Result<uint64_t> ReadNumber(const YamlNode& node, uint64_t min, uint64_t max);
Result<uint64_t> ReadSize(const YamlNode& node, uint64_t min, uint64_t max);
Result<Duration> ReadDuration(const YamlNode& node, Duration min, Duration max);
// Any text without control characters, 1…1024 bytes.
Result<std::string> ReadText(const YamlNode& node);
// 1…63 letters, digits and . _ : -, beginning with a letter or digit: safe in a URL and a metric.
Result<std::string> ReadName(const YamlNode& node);
Result<IpAddress> ReadAddress(const YamlNode& node);
// An address other packets can be sent to: not unspecified, multicast, loopback or broadcast.
Result<IpAddress> ReadUnicast(const YamlNode& node);
// A network: host bits are refused. An address alone is a host prefix.
Result<Prefix> ReadPrefix(const YamlNode& node);
// An address with its network length; host bits are the point.
Result<Prefix> ReadInterfaceAddress(const YamlNode& node);
// "80" or "1-79", within min…max.
Result<PortRange> ReadRange(const YamlNode& node, uint16_t min, uint16_t max);
// A prefix length 0…32 or a dotted mask, as a host-order mask.
Result<uint32_t> ReadNetmask(const YamlNode& node);

// The same for text that did not come from a YAML node.
Result<Prefix> ParseNetwork(std::string_view text);

// `; did you mean "http"?` or nothing. Capital and small letters are the same; a number is near to
// no other.
std::string WordMeant(std::string_view text, std::span<const std::string_view> words);

// `planned`: words that mean something here but not in this version.
template <typename E>
Result<E> ReadWord(const YamlNode& node, std::span<const std::string_view> planned = {}) {
  if (!node.is_scalar()) return WrongValue(node, WordList<E>());
  if (const auto value = FromWord<E>(node.text)) return *value;
  for (const std::string_view word : planned) {
    if (node.text == word) return NotSupported(node, WordList<E>());
  }
  Error error = WrongValue(node, WordList<E>());
  std::string_view words[kWords<E>.size()];
  for (size_t i = 0; i < kWords<E>.size(); ++i) words[i] = kWords<E>[i].second;
  error.message += WordMeant(node.text, words);
  return error;
}

}  // namespace fairlead::control
