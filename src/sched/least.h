// The scan that lc, wlc, sed and nq share: the eligible real with the least cost for its weight.
//
//   return PickLeast(plan, board, Overhead, [](const Plan::Real& real) { return real.weight; });
//
// Costs are compared as fractions without dividing: a/wa > b/wb is a·wb > b·wa, in 64 bits, and
// only a strictly better real replaces the one found before, so ties go to the newest. 64 bits
// carry 2^24 connections at weight 2^31 or 2^40 at the weights ipvsadm accepts.
#pragma once

#include "sched/scheduler.h"

namespace fairlead::sched {

// What an IPVS director of Linux 6.1 compares: an active connection weighs 256 inactive ones.
inline uint64_t Overhead(const Load& load) noexcept {
  return uint64_t{load.active} * 256 + load.inactive;
}

// Expected delay: the connection about to be made counts already.
inline uint64_t ExpectedDelay(const Load& load) noexcept { return uint64_t{load.active} + 1; }

inline uint64_t OwnWeight(const Plan::Real& real) noexcept {
  return static_cast<uint64_t>(real.weight);
}

// `cost` maps a Load, `weight` an eligible Plan::Real (result above 0).
template <typename Cost, typename Weight>
Choice PickLeast(const Plan& plan, const LoadBoard& board, Cost cost, Weight weight) noexcept {
  Choice least;
  uint64_t least_cost = 0;
  uint64_t least_weight = 0;
  for (const Plan::Real& real : plan.reals()) {
    if (!IsEligible(real, board)) continue;
    const uint64_t real_cost = cost(board.Sum(real.id));
    const uint64_t real_weight = weight(real);
    if (!least.real.is_none() && least_cost * real_weight <= real_cost * least_weight) continue;
    least.real = real.id;
    least_cost = real_cost;
    least_weight = real_weight;
  }
  return least;
}

}  // namespace fairlead::sched
