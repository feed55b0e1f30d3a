// Changing by hand what services inherit: the default timeouts and the global policy. A service
// that has the previous value of a key gets the new one.
#include "control/config/dump.h"
#include "control/config/keys.h"
#include "control/config/merge_patch.h"
#include "control/config/section_readers.h"
#include "control/editor.h"

namespace fairlead::control {

EditResult Editor::operator()(const PatchTimeouts& edit) {
  const YamlNode* const patch = ReadBody(edit.body);
  if (patch == nullptr) return refusal_;
  const TimeoutsConfig old = model_.defaults.timeouts;
  const YamlNode merged = MergePatch(TreeOf(DumpOf(old)), *patch, kTimeoutsSection);
  TimeoutsConfig now;
  ReadTimeoutsMap(MapReader(problems_, merged, "", kTimeoutsSection), now);
  if (HasProblems("")) return refusal_;
  model_.defaults.timeouts = now;
  for (size_t i = 0; i < model_.services.size(); ++i) {
    const TimeoutsConfig& own = model_.services[i].timeouts;
    const TimeoutsConfig timeouts = Inherit(kTimeoutKeys, own, old, now);
    if (timeouts != own) model_.services.Edit(i).timeouts = timeouts;
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
  for (size_t i = 0; i < model_.services.size(); ++i) {
    const ServiceConfig& service = model_.services[i];
    const ServicePolicy policy =
        Inherit(kServicePolicyKeys, service.policy, old.service, now.service);
    const Announce announce = service.announce == old.announce ? now.announce : service.announce;
    if (policy == service.policy && announce == service.announce) continue;
    ServiceConfig& edited = model_.services.Edit(i);
    edited.policy = policy;
    edited.announce = announce;
  }
  return Finish();
}

}  // namespace fairlead::control
