// What a check asks and expects: the values of its keys, each by itself.
#include <algorithm>

#include "control/config/bytes_text.h"
#include "control/config/health_keys.h"
#include "control/config/section_readers.h"
#include "control/health/dialogue/dns_name.h"
#include "control/health/pattern.h"

namespace fairlead::control {
namespace {

constexpr size_t kMostSteps = 16;

Error WrongProbe(std::string message) { return {ErrorCode::kInvalid, std::move(message), ""}; }

// A line of a protocol is built from it: one word of up to `most_bytes`.
Result<std::string> ReadProbeWord(const YamlNode& node, size_t most_bytes,
                                  std::string_view wanted) {
  auto text = ReadText(node);
  if (!text) return text;
  if (text->find(' ') != std::string::npos) return WrongValue(node, wanted);
  if (text->size() > most_bytes) {
    return WrongProbe("is longer than " + std::to_string(most_bytes) + " bytes");
  }
  return text;
}

Result<std::string> ReadProbePath(const YamlNode& node) {
  constexpr std::string_view kWanted = "a path that begins with / and has no blanks";
  auto text = ReadProbeWord(node, 1024, kWanted);
  if (text && (*text)[0] != '/') return WrongValue(node, kWanted);
  return text;
}

Result<std::string> ReadProbeHost(const YamlNode& node) {
  return ReadProbeWord(node, 255, "a host name");
}

// What stands in the header Host, and no URL.
Result<std::string> ReadProbeAuthority(const YamlNode& node) {
  auto host = ReadProbeHost(node);
  if (host && host->find_first_of("/?#@\\") != std::string::npos) {
    return WrongValue(node,
                      "a host name, with :port where the server wants one; https is \"type: "
                      "https\", and what follows the name is \"path\"");
  }
  return host;
}

Result<std::string> ReadDnsText(const YamlNode& node) {
  auto text = ReadText(node);
  if (!text) return text;
  const bool is_plain = std::ranges::all_of(*text, [](char c) { return c > ' ' && c < '\x7f'; });
  if (!is_plain || !EncodeDnsName(*text)) {
    return WrongValue(node,
                      "a name of the DNS: labels of 1 to 63 bytes with dots between them, 253 "
                      "bytes at most, IDNs as xn--…");
  }
  return text;
}

Result<std::string> ReadPatternText(const YamlNode& node) {
  auto text = ReadText(node);
  if (!text) return text;
  if (const auto fault = FaultOfPattern(*text)) return WrongProbe("the pattern " + *fault);
  return text;
}

Result<std::string> ReadSha256(const YamlNode& node) {
  constexpr std::string_view kHex = "0123456789abcdefABCDEF";
  if (!node.is_scalar() || node.text.size() != 64 ||
      node.text.find_first_not_of(kHex) != std::string::npos) {
    return WrongValue(node, "64 hex digits, as sha256sum prints them");
  }
  std::string digits = node.text;
  for (char& c : digits) c = static_cast<char>(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
  return digits;
}

// A text that the answer contains, or a map that says what else it must be.
void ReadCondition(MapReader& reader, std::string_view key, const Section& section,
                   std::optional<TextCondition>* to) {
  using Kind = TextCondition::Kind;
  const YamlNode* const node = reader.Find(key);
  if (node == nullptr) return;
  if (node->is_scalar()) {
    TextCondition contains{Kind::kContains, ""};
    if (reader.Read(key, &contains.text, ReadBytes)) *to = std::move(contains);
    return;
  }
  if (node->is_list()) {
    reader.problems().Add(reader.PathOf(key), node->mark,
                          WrongValue(*node, "a text, or a map such as { matches: a|b }").message);
    return;
  }
  MapReader map(reader.problems(), *node, reader.PathOf(key), section);
  if (reader.problems().IsUnreadable(map.path())) return;
  const bool is_body = section.name == kBodySection.name;
  const auto count = map.Has("contains") + map.Has("matches") + (is_body && map.Has("sha256"));
  if (count != 1) {
    const std::string_view keys = is_body ? "contains, matches and sha256" : "contains and matches";
    reader.problems().Add(map.path(), node->mark, "must have one of " + std::string(keys));
    return;
  }
  TextCondition condition;
  if (map.Read("contains", &condition.text, ReadBytes)) {
    condition.kind = Kind::kContains;
  } else if (map.Read("matches", &condition.text, ReadPatternText)) {
    condition.kind = Kind::kMatches;
  } else if (map.Read("sha256", &condition.text, ReadSha256)) {
    condition.kind = Kind::kSha256;
  } else {
    return;
  }
  *to = std::move(condition);
}

}  // namespace

Result<std::string> ReadServerName(const YamlNode& node) {
  auto text = ReadDnsText(node);
  if (text && (IpAddress::Parse(*text) || *text == ".")) {
    return WrongValue(node, "a name, as in certificates; an address needs no sni");
  }
  return text;
}

void ReadPlainText(MapReader& reader, std::string_view key, std::string* to) {
  reader.Read(key, to, ReadText);
}

void ReadFilePath(MapReader& reader, std::string_view key, std::string* to) {
  reader.Read(key, to, [](const YamlNode& node) -> Result<std::string> {
    auto text = ReadText(node);
    if (text && !IsCommandPath(*text)) return WrongValue(node, kCommandPathForm);
    return text;
  });
}

void ReadHealthPath(MapReader& reader, const HealthKey& key, HealthConfig& to) {
  reader.Read(key.name, &to.path, ReadProbePath);
}

void ReadHealthHost(MapReader& reader, const HealthKey& key, HealthConfig& to) {
  reader.Read(key.name, &to.host, ReadProbeAuthority);
}

void ReadHealthHelo(MapReader& reader, const HealthKey& key, HealthConfig& to) {
  reader.Read(key.name, &to.helo, ReadProbeHost);
}

void ReadHealthDnsName(MapReader& reader, const HealthKey& key, HealthConfig& to) {
  reader.Read(key.name, &to.name, ReadDnsText);
}

void ReadHealthSni(MapReader& reader, const HealthKey& key, HealthConfig& to) {
  reader.Read(key.name, &to.sni, ReadServerName);
}

void ReadHealthUser(MapReader& reader, const HealthKey& key, HealthConfig& to) {
  reader.Read(key.name, &to.user,
              [](const YamlNode& node) { return ReadProbeWord(node, 128, "the name of a user"); });
}

void ReadHealthExpect(MapReader& reader, const HealthKey& key, HealthConfig& to) {
  if (!reader.Has(key.name)) return;
  to.expect.clear();
  reader.ReadOneOrMany(key.name, &to.expect, [](const YamlNode& node) -> Result<StatusRange> {
    const auto range = ReadRange(node, 100, 599);
    if (!range) return range.error();
    return StatusRange{range->first, range->last};
  });
}

void ReadHealthBody(MapReader& reader, const HealthKey& key, HealthConfig& to) {
  ReadCondition(reader, key.name, kBodySection, &to.expect_body);
}

void ReadHealthSend(MapReader& reader, const HealthKey& key, HealthConfig& to) {
  reader.Read(key.name, &to.send, ReadBytes);
}

void ReadHealthReceive(MapReader& reader, const HealthKey& key, HealthConfig& to) {
  ReadCondition(reader, key.name, kReceiveSection, &to.receive);
}

void ReadHealthSteps(MapReader& reader, const HealthKey& key, HealthConfig& to) {
  const YamlNode* const node = reader.Find(key.name);
  if (node == nullptr) return;
  if (node->is_list() && (node->items.empty() || node->items.size() > kMostSteps)) {
    reader.problems().Add(reader.PathOf(key.name), node->mark,
                          "must have 1 to " + std::to_string(kMostSteps) + " steps");
    return;
  }
  reader.ForEach(key.name, [&](const YamlNode& item, const std::string& path) {
    MapReader step(reader.problems(), item, path, kStepSection);
    TextProbe::Step& read = to.steps.emplace_back();
    step.Read("send", &read.send, ReadBytes);
    ReadCondition(step, "receive", kReceiveSection, &read.receive);
    if (item.is_map() && !step.Has("send") && !step.Has("receive")) {
      reader.problems().Add(path, item.mark, "must have send or receive, or both");
    }
  });
}

void ReadHealthAddress(MapReader& reader, const HealthKey& key, HealthConfig& to) {
  reader.Read(key.name, &to.address, ReadUnicast);
}

void ReadHealthSource(MapReader& reader, const HealthKey& key, HealthConfig& to) {
  reader.Read(key.name, &to.source, ReadUnicast);
}

void ReadHealthCommand(MapReader& reader, const HealthKey& key, HealthConfig& to) {
  ReadCommand(reader, key.name, &to.command);
}

}  // namespace fairlead::control
