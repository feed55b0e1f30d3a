#include "control/config/scalar_reader.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include "base/loopback.h"
#include "control/config/foreign_words.h"
#include "control/config/suggest.h"
#include "control/config/units.h"

namespace fairlead::control {
namespace {

constexpr size_t kMaxTextBytes = 1024;
constexpr size_t kMaxNameBytes = 63;

Error Invalid(std::string message) { return {ErrorCode::kInvalid, std::move(message), ""}; }

bool IsAllDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// What to say beyond "not X" when the writer's thought can be guessed.
std::string NumberHint(const YamlNode& node) {
  if (!node.is_scalar()) return "";
  if (node.is_quoted && ParseDigits(node.text)) return "; remove the quotes";
  if (IsAllDigits(node.text) && node.text.size() > 1 && node.text[0] == '0')
    return "; numbers are decimal, without leading zeros";
  if (node.text.starts_with("0x")) return "; numbers are decimal";
  return "";
}

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == ':' || c == '-';
}

}  // namespace

Error WrongValue(const YamlNode& node, std::string_view wanted) {
  std::string sentence = "must be " + std::string(wanted) + ", not ";
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return Invalid("has no value; it must be " + std::string(wanted));
    case YamlNode::Kind::kList:
      return Invalid(sentence + "a list");
    case YamlNode::Kind::kMap:
      return Invalid(sentence + "a map");
    case YamlNode::Kind::kScalar:
    case YamlNode::Kind::kBroken:
      break;
  }
  return Invalid(sentence + Quote(node.text));
}

Error NotSupported(const YamlNode& node, std::string_view instead) {
  return Invalid(Quote(node.text) + " is not supported by this version; use " +
                 std::string(instead));
}

std::string WordMeant(std::string_view text, std::span<const std::string_view> words) {
  constexpr size_t kMostBytes = 64;
  const auto small = [](std::string_view word) {
    std::string lower(word);
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return lower;
  };
  if (const std::string hint = ForeignValueHint(text, words); !hint.empty()) return "; " + hint;
  const bool is_word = std::ranges::any_of(
      text, [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; });
  if (!is_word || text.size() > kMostBytes) return "";
  if (const std::string hint = ForeignWordHint(text); !hint.empty()) return "; " + hint;
  std::vector<std::string> known;
  for (const std::string_view word : words) known.push_back(small(word));
  const std::vector<std::string_view> candidates(known.begin(), known.end());
  const std::string meant = small(text);
  auto found = std::ranges::find(candidates, meant);
  if (found == candidates.end()) found = std::ranges::find(candidates, Suggest(meant, candidates));
  if (found == candidates.end()) return "";
  const auto place = static_cast<size_t>(found - candidates.begin());
  return "; did you mean \"" + std::string(words[place]) + "\"?";
}

Result<bool> ReadBool(const YamlNode& node) {
  if (node.is_scalar() && !node.is_quoted) {
    if (node.text == "true") return true;
    if (node.text == "false") return false;
  }
  return WrongValue(node, "true or false");
}

Result<uint64_t> ReadNumber(const YamlNode& node, uint64_t min, uint64_t max) {
  const auto value = node.is_scalar() && !node.is_quoted ? ParseDigits(node.text) : std::nullopt;
  if (value && *value >= min && *value <= max) return *value;
  Error error =
      WrongValue(node, "a whole number from " + std::to_string(min) + " to " + std::to_string(max));
  error.message += NumberHint(node);
  return error;
}

Result<uint64_t> ReadSize(const YamlNode& node, uint64_t min, uint64_t max) {
  const bool is_text = node.is_quoted && IsAllDigits(node.text);
  const auto value = node.is_scalar() && !is_text ? ParseSize(node.text) : std::nullopt;
  if (value && *value >= min && *value <= max) return *value;
  Error error = WrongValue(
      node, "a number such as 64k or 4M from " + FormatSize(min) + " to " + FormatSize(max));
  error.message += NumberHint(node);
  return error;
}

Result<Duration> ReadDuration(const YamlNode& node, Duration min, Duration max) {
  const auto value = node.is_scalar() ? ParseDuration(node.text) : std::nullopt;
  if (value && *value >= min && *value <= max) return *value;
  Error error =
      WrongValue(node, "a duration from " + FormatDuration(min) + " to " + FormatDuration(max));
  if (node.is_scalar() && ParseDigits(node.text))
    error.message += "; add a unit (ms, s, m, h or d)";
  else if (node.is_scalar() && !value)
    error.message += "; write a whole number and one unit (ms, s, m, h or d)";
  return error;
}

Result<std::string> ReadText(const YamlNode& node) {
  if (!node.is_scalar()) return WrongValue(node, "text");
  if (node.text.empty()) return Invalid("must not be empty");
  if (node.text.size() > kMaxTextBytes)
    return Invalid("is longer than " + std::to_string(kMaxTextBytes) + " bytes");
  const bool is_clean = std::none_of(node.text.begin(), node.text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (!is_clean) return Invalid("must not hold control characters: " + Quote(node.text));
  return node.text;
}

Result<std::string> ReadName(const YamlNode& node) {
  const std::string& text = node.text;
  const bool is_name = node.is_scalar() && !text.empty() && text.size() <= kMaxNameBytes &&
                       std::all_of(text.begin(), text.end(), IsNameByte) &&
                       std::isalnum(static_cast<unsigned char>(text[0]));
  if (is_name) return text;
  return WrongValue(node,
                    "a name of 1 to 63 letters, digits and . _ : - that begins with a letter "
                    "or digit");
}

Result<IpAddress> ReadAddress(const YamlNode& node) {
  if (node.is_scalar()) {
    if (const auto address = IpAddress::Parse(node.text)) return *address;
  }
  Error error = WrongValue(node, "an IPv4 or IPv6 address");
  if (node.is_scalar() && Endpoint::Parse(node.text)) {
    error.message += "; leave the port out: where one is needed, it has the key \"port\"";
  }
  return error;
}

Result<IpAddress> ReadUnicast(const YamlNode& node) {
  auto address = ReadAddress(node);
  if (!address) return address;
  const bool is_broadcast = address->is_v4() && address->v4().value.host() == 0xffffffff;
  if (address->is_unspecified() || address->is_multicast() || IsLoopback(*address) || is_broadcast)
    return Invalid("must be a unicast address, not " + Quote(node.text));
  return address;
}

Result<Prefix> ParseNetwork(std::string_view text) {
  const auto prefix = Prefix::Parse(text);
  if (!prefix) return Invalid(Quote(text) + " is not an address or a prefix such as 192.0.2.0/24");
  if (prefix->network() == prefix->address) return *prefix;
  const Prefix network{prefix->network(), prefix->length};
  return Invalid(Quote(text) + " has bits set after the prefix length; write " +
                 network.ToString());
}

Result<Prefix> ReadPrefix(const YamlNode& node) {
  if (!node.is_scalar()) return WrongValue(node, "an address or a prefix such as 192.0.2.0/24");
  return ParseNetwork(node.text);
}

Result<Prefix> ReadInterfaceAddress(const YamlNode& node) {
  constexpr std::string_view kWanted = "an address with its network length, such as 192.0.2.2/24";
  if (!node.is_scalar()) return WrongValue(node, kWanted);
  const auto prefix = Prefix::Parse(node.text);
  if (!prefix || node.text.find('/') == std::string::npos) return WrongValue(node, kWanted);
  YamlNode address = node;
  address.text = prefix->address.ToString();
  if (const auto unicast = ReadUnicast(address); !unicast) return unicast.error();
  // 192.0.2.0/24 names the network, not a host in it (RFC 3021 makes /31 an exception).
  if (prefix->length + 1 < prefix->address.bit_length() && prefix->network() == prefix->address)
    return Invalid(Quote(node.text) + " is the network itself; write the port's own address in it");
  return *prefix;
}

Result<PortRange> ReadRange(const YamlNode& node, uint16_t min, uint16_t max) {
  const std::string wanted = "a number from " + std::to_string(min) + " to " + std::to_string(max) +
                             " or a range such as " + std::to_string(min) + "-" +
                             std::to_string(max);
  if (!node.is_scalar()) return WrongValue(node, wanted);
  const std::string_view text = node.text;
  const size_t dash = text.find('-');
  const auto first = ParseDigits(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : ParseDigits(text.substr(dash + 1));
  if (!first || !last || *first < min || *last > max || *first > max)
    return WrongValue(node, wanted);
  if (*first > *last) {
    return Invalid("the range " + Quote(text) + " runs backwards; write " + std::to_string(*last) +
                   "-" + std::to_string(*first));
  }
  return PortRange{static_cast<uint16_t>(*first), static_cast<uint16_t>(*last)};
}

Result<uint32_t> ReadNetmask(const YamlNode& node) {
  if (node.is_scalar()) {
    if (const auto length = ParseDigits(node.text); length && *length <= 32)
      return *length == 0 ? 0u : ~uint32_t{0} << (32 - *length);
    if (const auto mask = IpAddress::Parse(node.text); mask && mask->is_v4())
      return mask->v4().value.host();
  }
  return WrongValue(node, "a prefix length from 0 to 32 or a mask such as 255.255.255.0");
}

}  // namespace fairlead::control
