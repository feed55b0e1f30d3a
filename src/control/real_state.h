// What a real server may do now: the model and the checker, put together.
//
//   RealState state = StateOf({.weight = 2, .admin = AdminState::kUp, .health = HealthState::kDown,
//                              .on_fail = OnFail::kDrain});
//   // {weight 0, templates invalid, connections kept}
//
//   | cause                          | weight | templates | connections |
//   | up, checker content            | as set | valid     | continue    |
//   | quiesce; on_fail quiesce       | 0      | valid     | continue    |
//   | drain, down; on_fail drain     | 0      | invalid   | continue    |
//   | on_fail remove                 | absent | invalid   | as removed  |
//
// The harshest cause wins. Pure functions; the whole rule is this one.
#pragma once

#include <cstdint>

#include "control/config/model.h"
#include "control/view.h"

namespace fairlead::control {

struct RealFacts {
  int32_t weight = 1;  // of the model
  AdminState admin = AdminState::kUp;
  HealthState health = HealthState::kUnchecked;
  OnFail on_fail = OnFail::kDrain;
};

struct RealState {
  int32_t weight = 0;  // what schedulers see
  bool templates_valid = true;
  bool is_present = true;  // false: treated as removed while the checker says down

  friend bool operator==(const RealState&, const RealState&) = default;
};

constexpr RealState StateOf(const RealFacts& facts) {
  RealState state{.weight = facts.weight};
  const bool is_down = facts.health == HealthState::kDown;
  if (facts.admin != AdminState::kUp || is_down) state.weight = 0;
  if (facts.admin == AdminState::kDrain || facts.admin == AdminState::kDown) {
    state.templates_valid = false;
  }
  if (is_down && facts.on_fail != OnFail::kQuiesce) state.templates_valid = false;
  if (is_down && facts.on_fail == OnFail::kRemove) state.is_present = false;
  return state;
}

}  // namespace fairlead::control
