// Changing by hand what services inherit: the default timeouts and the global policy.
#include "control/config/dump.h"
#include "control/config/keys.h"
#include "control/config/merge_patch.h"
#include "control/config/section_readers.h"
#include "control/editor.h"
#include "control/inherited.h"

namespace fairlead::control {

EditResult Editor::operator()(const PatchTimeouts& edit) {
  const YamlNode* const patch = ReadBody(edit.body);
  if (patch == nullptr) return refusal_;
  const Inherited before = InheritedFrom(model_);
  const YamlNode merged = MergePatch(TreeOf(DumpOf(before.timeouts)), *patch, kTimeoutsSection);
  TimeoutsConfig now;
  ReadTimeoutsMap(MapReader(problems_, merged, "", kTimeoutsSection), now);
  if (HasProblems("")) return refusal_;
  model_.defaults.timeouts = now;
  for (size_t i = 0; i < model_.services.size(); ++i) Follow(before, &model_, i);
  return Finish();
}

EditResult Editor::operator()(const PatchPolicy& edit) {
  const YamlNode* const patch = ReadBody(edit.body);
  if (patch == nullptr) return refusal_;
  const Inherited before = InheritedFrom(model_);
  const YamlNode merged = MergePatch(TreeOf(DumpOf(before.policy)), *patch, kPolicySection);
  PolicyConfig now;
  ReadPolicy(MapReader(problems_, merged, "", kPolicySection), now);
  if (HasProblems("")) return refusal_;
  model_.policy = now;
  for (size_t i = 0; i < model_.services.size(); ++i) Follow(before, &model_, i);
  return Finish();
}

}  // namespace fairlead::control
