#include "control/config/keys.h"
#include "control/config/section_readers.h"
#include "control/config/units.h"

namespace fairlead::control {
namespace {

constexpr std::string_view kStep = "step=";

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

// 1s-31d, or "infinite".
void ReadPersistenceTimeout(MapReader& reader, const PersistenceKey& key, PersistenceConfig& to) {
  const YamlNode* const node = reader.Find(key.name);
  if (node != nullptr && node->is_scalar() && node->text == "infinite") {
    to.timeout = kInfinite;
    return;
  }
  reader.Time(key.name, &to.timeout, kSecondToMonth.min, kSecondToMonth.max);
}

void ReadPersistenceMask(MapReader& reader, const PersistenceKey& key, PersistenceConfig& to) {
  reader.Read(key.name, &to.mask4, ReadNetmask);
}

// A word, or "step=60s".
void ReadRenew(MapReader& reader, const PersistenceKey& key, PersistenceConfig& to) {
  const YamlNode* const node = reader.Find(key.name);
  const bool is_step = node != nullptr && node->is_scalar() && node->text.starts_with(kStep);
  if (!is_step) {
    reader.Word(key.name, &to.renew);
    return;
  }
  const auto step = ParseDuration(node->text.substr(kStep.size()));
  if (!step || *step < kSecondToMonth.min || *step > kSecondToMonth.max) {
    reader.problems().Add(reader.PathOf(key.name), node->mark,
                          WrongValue(*node, "step= and a duration from 1s to 31d").message);
    return;
  }
  to.renew = Renew::kStep;
  to.step = *step;
}

// Each has what the service has where it says nothing: netmask and netmask6 are read before.
void ReadNetmaskRules(MapReader& reader, const PersistenceKey& key, PersistenceConfig& to) {
  reader.ForEach(key.name, [&](const YamlNode& item, const std::string& path) {
    ReadNetmaskRule(MapReader(reader.problems(), item, path, kNetmaskRuleSection), to,
                    to.netmasks.emplace_back());
  });
}

void ReadClientGroupNames(MapReader& reader, const PersistenceKey& key, PersistenceConfig& to) {
  reader.ReadOneOrMany(key.name, &to.client_groups, ReadName);
}

void ReadPersistenceGroup(MapReader& reader, const PersistenceKey& key, PersistenceConfig& to) {
  reader.Read(key.name, &to.group, ReadName);
}

void ReadPersistence(MapReader reader, PersistenceConfig& persistence) {
  ReadKeys(reader, kPersistenceKeys, &persistence);
}

}  // namespace fairlead::control
