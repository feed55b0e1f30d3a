// Changing by hand what services inherit: the default timeouts and the global policy.
#include <algorithm>
#include <utility>
#include <vector>

#include "control/config/dump.h"
#include "control/config/merge_patch.h"
#include "control/config/section_readers.h"
#include "control/editor.h"

namespace fairlead::control {
namespace {

// The policy of a service with the new global value of every key that had the old one.
ServicePolicy Inherit(const ServicePolicy& own, const YamlNode& old, const YamlNode& now) {
  YamlNode tree = TreeOf(DumpOf(own));
  for (size_t i = 0; i < tree.keys.size(); ++i) {
    const YamlNode* const before = FindKey(old, tree.keys[i].text);
    const YamlNode* const after = FindKey(now, tree.keys[i].text);
    if (before == nullptr || after == nullptr || before->text != tree.items[i].text) continue;
    tree.items[i] = *after;
  }
  Problems problems("");
  MapReader reader(problems, tree, "", kServicePolicySection);
  ServicePolicy inherited = own;
  ReadServicePolicy(reader, inherited);
  return inherited;
}

}  // namespace

EditResult Editor::operator()(const PatchTimeouts& edit) {
  using T = TimeoutsConfig;
  static constexpr Duration T::*kKeys[] = {&T::tcp,        &T::tcp_fin,  &T::udp,       &T::none,
                                           &T::syn_sent,   &T::syn_recv, &T::time_wait, &T::close,
                                           &T::close_wait, &T::last_ack, &T::listen,    &T::synack};
  static_assert(sizeof(T) == std::size(kKeys) * sizeof(Duration));
  const YamlNode* const patch = ReadBody(edit.body);
  if (patch == nullptr) return refusal_;
  const TimeoutsConfig old = model_.defaults.timeouts;
  const YamlNode merged = MergePatch(TreeOf(DumpOf(old)), *patch, kTimeoutsSection);
  TimeoutsConfig now;
  ReadTimeoutsMap(MapReader(problems_, merged, "", kTimeoutsSection), now);
  if (HasProblems("")) return refusal_;
  model_.defaults.timeouts = now;
  for (size_t i = 0; i < model_.services.size(); ++i) {
    TimeoutsConfig timeouts = model_.services[i].timeouts;
    for (const auto key : kKeys) {
      if (timeouts.*key == old.*key) timeouts.*key = now.*key;
    }
    if (timeouts != model_.services[i].timeouts) model_.services.Edit(i).timeouts = timeouts;
  }
  return Finish();
}

EditResult Editor::operator()(const PatchPolicy& edit) {
  const YamlNode* const patch = ReadBody(edit.body);
  if (patch == nullptr) return refusal_;
  const PolicyConfig old = model_.policy;
  const YamlNode merged = MergePatch(TreeOf(DumpOf(old)), *patch, kPolicySection);
  PolicyConfig now;
  ReadPolicy(MapReader(problems_, merged, "", kPolicySection), now);
  if (HasProblems("")) return refusal_;
  model_.policy = now;
  const YamlNode old_tree = TreeOf(DumpOf(old.service));
  const YamlNode new_tree = TreeOf(DumpOf(now.service));
  // Of thousands of services most have the same.
  std::vector<std::pair<ServicePolicy, ServicePolicy>> known;
  const auto inherit = [&](const ServicePolicy& own) {
    const auto found = std::ranges::find(known, own, &decltype(known)::value_type::first);
    if (found != known.end()) return found->second;
    return known.emplace_back(own, Inherit(own, old_tree, new_tree)).second;
  };
  for (size_t i = 0; i < model_.services.size(); ++i) {
    const ServiceConfig& service = model_.services[i];
    const ServicePolicy policy = inherit(service.policy);
    const Announce announce = service.announce == old.announce ? now.announce : service.announce;
    if (policy == service.policy && announce == service.announce) continue;
    ServiceConfig& edited = model_.services.Edit(i);
    edited.policy = policy;
    edited.announce = announce;
  }
  return Finish();
}

}  // namespace fairlead::control
