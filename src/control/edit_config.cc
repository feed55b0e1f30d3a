// Changing by hand all that can be changed by hand at once: PUT /v1/config.
#include <string_view>
#include <unordered_map>

#include "control/command_rule.h"
#include "control/config/dump.h"
#include "control/config/yaml_loader.h"
#include "control/editor.h"

namespace fairlead::control {
namespace {

constexpr const char* kRemedy =
    ": PUT changes services, policy and defaults.timeouts; change the file and reload for the rest";

// The changes by hand that outlive a restart know of nothing else.
std::vector<Error> OutOfReach(const ConfigModel& reached, const ConfigModel& wanted) {
  if (reached == wanted) return {};
  std::vector<std::string> keys = DifferingKeys(reached, wanted);
  if (keys.empty()) keys.emplace_back("what GET /v1/config does not show");
  std::vector<Error> errors;
  for (const std::string& key : keys) {
    errors.push_back({ErrorCode::kInvalid, key + " is not as it is in force" + kRemedy, key});
  }
  return errors;
}

}  // namespace

EditResult Editor::operator()(const ReplaceConfig& edit) {
  if (!*edit.loaded) return EditRefusal{ErrorCode::kInvalid, edit.loaded->errors};
  const ConfigModel& wanted = *edit.loaded->model;
  // Into what runs, rather than all of it: whatever the model will have one day stays out of reach.
  model_.services = wanted.services;
  model_.policy = wanted.policy;
  model_.defaults.timeouts = wanted.defaults.timeouts;
  if (auto errors = OutOfReach(model_, wanted); !errors.empty()) {
    return EditRefusal{ErrorCode::kInvalid, std::move(errors)};
  }
  std::unordered_map<std::string_view, size_t> by_name;
  const auto& before = before_.model->services;
  for (size_t i = 0; i < before.size(); ++i) by_name.emplace(before[i].name, i);
  std::vector<bool> stays(before.size());
  for (size_t i = 0; i < model_.services.size(); ++i) {
    const auto known = by_name.find(model_.services[i].name);
    if (known == by_name.end() || before[known->second] != model_.services[i]) {
      control::CheckCommands(
          model_.services[i], known == by_name.end() ? nullptr : &before[known->second],
          model_.director.scripts, "services[" + std::to_string(i) + "]", problems_);
      continue;
    }
    model_.services.Set(i, before.item(known->second));  // so that who compares sees it by address
    stays[known->second] = true;
  }
  if (HasProblems("")) return refusal_;
  // Whoever writes down a service says all of it: what was remembered beside it goes.
  for (size_t i = 0; i < before.size(); ++i) {
    if (!stays[i]) overlay_.Forget(KeyOf(before[i]));
  }
  return Finish();
}

}  // namespace fairlead::control
