// Changing by hand all that can be changed by hand at once: PUT /v1/config.
#include <string_view>
#include <unordered_map>

#include "control/command_rule.h"
#include "control/config/yaml_loader.h"
#include "control/editor.h"
#include "control/model_diff.h"

namespace fairlead::control {
namespace {

constexpr const char* kRemedy =
    ": PUT changes services, policy and defaults.timeouts; change the file and reload for the rest";

// What differs and is none of these. The changes by hand that outlive a restart know nothing of it.
std::vector<Error> OutOfReach(const ConfigModel& running, ConfigModel* wanted) {
  std::vector<Error> errors;
  const auto refuse = [&errors](const std::string& key) {
    errors.push_back({ErrorCode::kInvalid, key + " is not as it is in force" + kRemedy, key});
  };
  for (const std::string& sentence : KeepStartupKeys(running, wanted)) {
    refuse(sentence.substr(0, sentence.find(" has changed")));
  }
  const auto compare = [&](const char* key, const auto& now, const auto& then) {
    if (!(now == then)) refuse(key);
  };
  compare("routes", running.routes, wanted->routes);
  compare("prefix_sets", running.prefix_sets, wanted->prefix_sets);
  compare("classifier", running.classifier, wanted->classifier);
  compare("client_groups", running.client_groups, wanted->client_groups);
  compare("defaults.scheduler", running.defaults.scheduler, wanted->defaults.scheduler);
  compare("defaults.forward", running.defaults.forward, wanted->defaults.forward);
  compare("log", running.log, wanted->log);
  compare("api.on_reload", running.api.on_reload, wanted->api.on_reload);
  return errors;
}

}  // namespace

EditResult Editor::operator()(const ReplaceConfig& edit) {
  if (!*edit.loaded) return EditRefusal{ErrorCode::kInvalid, edit.loaded->errors};
  ConfigModel wanted = *edit.loaded->model;
  if (auto errors = OutOfReach(*before_.model, &wanted); !errors.empty()) {
    return EditRefusal{ErrorCode::kInvalid, std::move(errors)};
  }
  model_ = std::move(wanted);
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
