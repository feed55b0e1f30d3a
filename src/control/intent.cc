#include "control/intent.h"

#include <algorithm>

#include "control/model_diff.h"

namespace fairlead::control {
namespace {

constexpr int32_t kMaxWeight = 65535;

}  // namespace

Status ApplyByHand(const std::string& service, const std::string& real,
                   std::optional<int32_t> weight, std::optional<AdminState> admin, Intent* intent) {
  const auto& services = intent->model->services;
  const auto config = std::ranges::find(services, service, &ServiceConfig::name);
  if (config == services.end()) {
    return Error{ErrorCode::kNotFound, "there is no service \"" + service + "\"", ""};
  }
  const auto target = std::ranges::find(config->reals, real, NameOf);
  if (target == config->reals.end()) {
    return Error{ErrorCode::kNotFound,
                 "service \"" + service + "\" has no real server \"" + real + "\"", ""};
  }
  if (weight && (*weight < 0 || *weight > kMaxWeight)) {
    return Error{ErrorCode::kInvalid, "weight must be from 0 to 65535", "weight"};
  }
  RealOverlay& by_hand = intent->overlay.At({KeyOf(*config), {target->address, target->port}});
  if (weight) {
    by_hand.weight = *weight;
    if (*weight > 0) by_hand.last_weight = *weight;
  }
  if (admin) by_hand.admin = *admin;
  ++by_hand.edits;
  return Done{};
}

}  // namespace fairlead::control
