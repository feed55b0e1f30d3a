#include "control/persistence_builder.h"

#include <algorithm>

#include "control/config/find_set.h"

namespace fairlead::control {
namespace {

using dataplane::ClientKeying;
using dataplane::ClientNetmask;
using dataplane::GroupNumber;
using dataplane::PrefixMap;

TickCount TicksOrForever(Duration duration) {
  if (duration == kInfinite) return dataplane::kForever;
  return TicksFromMilliseconds(static_cast<uint64_t>(duration.count()));
}

dataplane::RenewMode ModeOf(Renew renew) {
  switch (renew) {
    case Renew::kLinux:
      return dataplane::RenewMode::kLinux;
    case Renew::kLegacy120:
      return dataplane::RenewMode::kLegacy120;
    case Renew::kFull:
      return dataplane::RenewMode::kFull;
    case Renew::kStep:
      return dataplane::RenewMode::kStep;
    case Renew::kAfterLastClose:
      return dataplane::RenewMode::kAfterLastClose;
    case Renew::kFixed:
      return dataplane::RenewMode::kFixed;
  }
  return dataplane::RenewMode::kLinux;
}

// Whether the configurations take the same networks for one client.
bool HaveOneKeying(const PersistenceConfig& a, const PersistenceConfig& b) {
  return a.mask4 == b.mask4 && a.prefix_length6 == b.prefix_length6 && a.netmasks == b.netmasks &&
         a.client_groups == b.client_groups;
}

}  // namespace

// FNV-1a, then mixed, so that short names fill all bits.
GroupNumber NumberOfGroup(std::string_view name) {
  uint64_t hash = 0xcbf2'9ce4'8422'2325;
  for (const char c : name) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x0000'0100'0000'01b3;
  }
  hash = MixMultiply(hash, 0x9e37'79b9'7f4a'7c15);
  return {hash != 0 ? hash : 1};
}

void PersistenceBuilder::BeginPass(const ConfigModel& model) {
  model_ = &model;
  has_changed_ = sets_ != model.prefix_sets || groups_ != model.client_groups;
  if (!has_changed_) return;
  sets_ = model.prefix_sets;
  groups_ = model.client_groups;
}

std::vector<Prefix> PersistenceBuilder::PrefixesOf(const AddressMatch& match) const {
  std::vector<Prefix> all = match.prefixes;
  for (const std::string& name : match.sets) {
    const PrefixSet* const set = FindPrefixSet(model_->prefix_sets, name);
    if (set == nullptr) continue;
    all.insert(all.end(), set->prefixes.begin(), set->prefixes.end());
  }
  return all;
}

ClientKeying PersistenceBuilder::KeyingOf(const PersistenceConfig& config) const {
  ClientKeying keying{.mask4 = Be32::FromHost(config.mask4),
                      .prefix_length6 = config.prefix_length6};
  std::vector<PrefixMap<ClientNetmask>::Entry> netmasks;
  for (size_t i = 0; i < config.netmasks.size(); ++i) {
    const NetmaskRule& rule = config.netmasks[i];
    const ClientNetmask value{Be32::FromHost(rule.mask4), rule.prefix_length6,
                              static_cast<uint16_t>(i)};
    for (const Prefix& prefix : PrefixesOf(rule.source)) netmasks.emplace_back(prefix, value);
  }
  std::vector<PrefixMap<GroupNumber>::Entry> groups;
  for (const std::string& name : config.client_groups) {
    const auto group = std::ranges::find(model_->client_groups, name, &ClientGroup::name);
    if (group == model_->client_groups.end()) continue;
    for (const Prefix& prefix : PrefixesOf(group->source)) {
      groups.emplace_back(prefix, NumberOfGroup(name));
    }
  }
  if (!netmasks.empty()) {
    keying.netmasks =
        std::make_shared<const PrefixMap<ClientNetmask>>(PrefixMap<ClientNetmask>::Build(netmasks));
  }
  if (!groups.empty()) {
    keying.groups =
        std::make_shared<const PrefixMap<GroupNumber>>(PrefixMap<GroupNumber>::Build(groups));
  }
  return keying;
}

dataplane::PersistenceView PersistenceBuilder::Build(ServiceId service,
                                                     const PersistenceConfig& config) {
  const auto [it, is_new] = services_.try_emplace(service);
  ServiceMemory& memory = it->second;
  const bool uses_lists = !config.netmasks.empty() || !config.client_groups.empty();
  const bool is_same = HaveOneKeying(memory.config, config);
  if (is_new || !is_same || (has_changed_ && uses_lists)) {
    if (!is_new) {
      memory.previous = std::make_shared<const ClientKeying>(memory.keying);
      ++memory.edits;
    }
    memory.keying = KeyingOf(config);
    memory.config = config;
  }
  return {.is_enabled = true,
          .renew = ModeOf(config.renew),
          .spread = config.spread,
          .timeout = TicksOrForever(config.timeout),
          .step = TicksOrForever(config.step),
          .max_lifetime = TicksOrForever(config.max_lifetime),
          .group = config.group.empty() ? GroupNumber{} : NumberOfGroup(config.group),
          .clients = memory.keying,
          .previous = memory.previous,
          .rekey = TicksOrForever(config.rekey),
          .keying_edits = memory.edits};
}

}  // namespace fairlead::control
