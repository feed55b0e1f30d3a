// What a real server may do now: the model and the checker, put together.
//
//   RealState state = StateOf({.weight = 2, .admin = AdminState::kUp, .health = HealthState::kDown,
//                              .on_fail = OnFail::kDrain});
//   // {weight 0, templates invalid, connections kept}
//
//   | cause                          | weight | templates | connections                           |
//   | up, checker content            | as set | valid     | continue                              |
//   | quiesce; on_fail quiesce       | 0      | valid     | continue                              |
//   | drain                          | 0      | invalid   | continue; reset after the deadline    |
//   | on_fail drain                  | 0      | invalid   | TCP continues, UDP and SYNs move      |
//   | down                           | 0      | invalid   | the same, or as on_remove says        |
//   | no quorum, and a fallback      | 0      | invalid   | continue                              |
//   | on_fail remove                 | absent | invalid   | the same, or as on_remove says        |
//
// The harshest cause wins. Pure functions; the whole rule is these.
#pragma once

#include <cstdint>
#include <optional>

#include "control/config/model.h"
#include "control/health/health_state.h"
#include "dataplane/snapshot/snapshot.h"

namespace fairlead::control {

struct RealFacts {
  int32_t weight = 1;      // of the model, or as its checks say
  uint32_t percent = 100;  // of it, as its checks say
  uint32_t warmth = 100;   // percent of its share: below 100 while slow_start lasts
  AdminState admin = AdminState::kUp;
  HealthState health = HealthState::kUnchecked;
  OnFail on_fail = OnFail::kDrain;
  std::optional<OnRemove> on_remove{};  // of the service
  bool expires_nodest = false;          // its policy.expire_nodest_conn
  bool is_drain_over = false;           // the deadline of a drain has passed
};

struct RealState {
  int32_t weight = 0;  // what schedulers see
  bool templates_valid = true;
  bool is_present = true;  // false: treated as removed while the checker says down
  dataplane::Remains remains = dataplane::Remains::kServe;

  friend bool operator==(const RealState&, const RealState&) = default;
};

// Connections of a real that is in the file but dead. A session that its client still hears of goes
// on by default: a checker that flaps must not cut it.
constexpr dataplane::Remains RemainsOfDead(std::optional<OnRemove> on_remove, bool expires_nodest) {
  using dataplane::Remains;
  if (!on_remove) return expires_nodest ? Remains::kExpire : Remains::kMove;
  switch (*on_remove) {
    case OnRemove::kHold:
      return Remains::kHold;
    case OnRemove::kExpire:
      return Remains::kExpire;
    case OnRemove::kReset:
      return Remains::kReset;
    case OnRemove::kDrain:
      break;
  }
  return Remains::kMove;
}

// How a real left the configuration.
struct Removal {
  bool by_hand = false;       // at run time, which means what `ipvsadm -d` does (ipvs.md, editing)
  bool was_draining = false;  // it was in state drain: what is left is to go on
  bool has_others = true;     // another real of its service takes new connections
};

// Connections of a real that is no longer configured. Where neither its service nor a drain says
// what becomes of them, a UDP flow moves as soon as there is somewhere to go: it has no end that
// could be waited for, and a real that was taken out of the file is about to be switched off.
constexpr dataplane::Remains RemainsOfRemoved(std::optional<OnRemove> on_remove,
                                              bool expires_nodest, const Removal& removal) {
  using dataplane::Remains;
  if (!on_remove && removal.by_hand && !expires_nodest) return Remains::kHold;
  const Remains dead = RemainsOfDead(on_remove, expires_nodest);
  if (dead != Remains::kMove) return dead;
  const bool stays = on_remove || removal.was_draining || !removal.has_others;
  return stays ? Remains::kContinue : Remains::kLeave;
}

constexpr RealState StateOf(const RealFacts& facts) {
  // A part of a weight is at least 1: 0 would be something else.
  RealState state{
      .weight = facts.percent == 100
                    ? facts.weight
                    : static_cast<int32_t>((int64_t{facts.weight} * facts.percent + 99) / 100)};
  const bool is_down = facts.health == HealthState::kDown;
  if (facts.admin != AdminState::kUp || is_down) state.weight = 0;
  if (facts.admin == AdminState::kDrain || facts.admin == AdminState::kDown) {
    state.templates_valid = false;
  }
  if (is_down && facts.on_fail != OnFail::kQuiesce) state.templates_valid = false;
  if (is_down && facts.on_fail == OnFail::kRemove) state.is_present = false;
  if (facts.admin == AdminState::kDown || !state.is_present) {
    state.remains = RemainsOfDead(facts.on_remove, facts.expires_nodest);
  } else if (is_down && facts.on_fail == OnFail::kDrain) {
    state.remains = dataplane::Remains::kMove;
  }
  if (facts.admin == AdminState::kDrain && facts.is_drain_over) {
    state.remains = dataplane::Remains::kReset;
  }
  return state;
}

}  // namespace fairlead::control
