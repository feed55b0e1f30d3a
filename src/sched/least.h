// The rule that lc, wlc, sed and nq share: the eligible real with the least cost for its weight.
//
//   return PickLeast<WlcRule>(plan, state, request, board);
//
// A rule makes a key of a real's weight and load: the fraction cost ÷ weight. Keys are compared
// without dividing: a/wa > b/wb is a·wb > b·wa, in 64 bits, and only a strictly better real
// replaces one before it in the list, so ties go to the newest. 64 bits carry 2^24 connections at
// weight 2^31 or 2^40 at the weights ipvsadm accepts.
//
// A service of many reals is not looked through: the worker keeps a tournament of them
// (tournament.h). ScanLeast is the definition of what both choose.
#pragma once

#include "sched/scheduler.h"
#include "sched/tournament.h"

namespace fairlead::sched {

// What an IPVS director of Linux 6.1 compares: an active connection weighs 256 inactive ones.
inline uint64_t Overhead(const Load& load) noexcept {
  return uint64_t{load.active} * 256 + load.inactive;
}

inline uint64_t OwnWeight(const Plan::Real& real) noexcept {
  return static_cast<uint64_t>(real.weight);
}

// Precondition of all: weight > 0.
struct LcRule {
  static Key Of(uint64_t, const Load& load) noexcept { return {Overhead(load), 1}; }
};
struct WlcRule {
  static Key Of(uint64_t weight, const Load& load) noexcept { return {Overhead(load), weight}; }
};
// Expected delay: the connection about to be made counts already.
struct SedRule {
  static Key Of(uint64_t weight, const Load& load) noexcept {
    return {uint64_t{load.active} + 1, weight};
  }
};
// Idle ones are all the same, and before all others.
struct NqRule {
  static Key Of(uint64_t weight, const Load& load) noexcept {
    return load.active == 0 ? Key{0, 1} : SedRule::Of(weight, load);
  }
};

template <typename Rule>
Choice ScanLeast(const Plan& plan, const LoadBoard& board) noexcept {
  Choice least;
  Key least_key = Key::Never();
  for (const Plan::Real& real : plan.reals()) {
    const Key key = KeyOf<Rule>(real, board);
    if (!IsBetter(key, least_key)) continue;
    least.real = real.id;
    least_key = key;
  }
  return least;
}

template <typename Rule>
Choice PickLeast(const Plan& plan, const State& state, const Request& request,
                 const LoadBoard& board) noexcept {
  return state.tournament == nullptr ? ScanLeast<Rule>(plan, board)
                                     : state.tournament->Pick<Rule>(plan, board, request.now);
}

}  // namespace fairlead::sched
