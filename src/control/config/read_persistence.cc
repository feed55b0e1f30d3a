#include "control/config/section_readers.h"
#include "control/config/units.h"

namespace fairlead::control {
namespace {

constexpr Duration kMinTime = 1s;
constexpr Duration kMaxTime = 24h * 31;  // what ipvsadm takes (spec section 3.10)
constexpr uint64_t kMaxSpread = 64;
constexpr std::string_view kStep = "step=";

// 1s-31d, or "infinite".
void ReadTimeout(MapReader& reader, Duration* timeout) {
  const YamlNode* const node = reader.Find("timeout");
  if (node != nullptr && node->is_scalar() && node->text == "infinite") {
    *timeout = kInfinite;
    return;
  }
  reader.Time("timeout", timeout, kMinTime, kMaxTime);
}

// A word, or "step=60s".
void ReadRenew(MapReader& reader, PersistenceConfig& persistence) {
  const YamlNode* const node = reader.Find("renew");
  const bool is_step = node != nullptr && node->is_scalar() && node->text.starts_with(kStep);
  if (!is_step) {
    reader.Word("renew", &persistence.renew);
    return;
  }
  const auto step = ParseDuration(node->text.substr(kStep.size()));
  if (!step || *step < kMinTime || *step > kMaxTime) {
    reader.problems().Add(reader.PathOf("renew"), node->mark,
                          WrongValue(*node, "step= and a duration from 1s to 31d").message);
    return;
  }
  persistence.renew = Renew::kStep;
  persistence.step = *step;
}

void ReadNetmaskRule(MapReader reader, const PersistenceConfig& persistence, NetmaskRule& rule) {
  rule.mask4 = persistence.mask4;
  rule.prefix_length6 = persistence.prefix_length6;
  if (reader.Require("source")) ReadMatch(reader, "source", rule.source);
  if (!reader.Has("netmask") && !reader.Has("netmask6")) {
    reader.Require("netmask", "or netmask6: what those clients have instead of the service's");
  }
  reader.Read("netmask", &rule.mask4, ReadNetmask);
  reader.Number("netmask6", &rule.prefix_length6, 1, 128);
}

}  // namespace

void ReadPersistence(MapReader reader, PersistenceConfig& persistence) {
  ReadTimeout(reader, &persistence.timeout);
  reader.Read("netmask", &persistence.mask4, ReadNetmask);
  reader.Number("netmask6", &persistence.prefix_length6, 1, 128);
  ReadRenew(reader, persistence);
  reader.Time("max_lifetime", &persistence.max_lifetime, kMinTime, kMaxTime);
  reader.Time("rekey", &persistence.rekey, kMinTime, kMaxTime);
  reader.ForEach("netmasks", [&](const YamlNode& item, const std::string& path) {
    ReadNetmaskRule(MapReader(reader.problems(), item, path, kNetmaskRuleSection), persistence,
                    persistence.netmasks.emplace_back());
  });
  reader.ReadOneOrMany("client_groups", &persistence.client_groups, ReadName);
  reader.Read("group", &persistence.group, ReadName);
  reader.Number("spread", &persistence.spread, 1, kMaxSpread);
}

}  // namespace fairlead::control
