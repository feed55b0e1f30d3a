// What lblc and lblcr share (ipvs.md, lblc and lblcr).
#pragma once

#include "sched/destination_table.h"
#include "sched/least.h"

namespace fairlead::sched {

// A cached choice is left when its real has more active connections than its weight while some
// real of the service has fewer than half.
inline bool IsOverloadedHere(const Plan& plan, const Plan::Real& real,
                             const LoadBoard& board) noexcept {
  if (board.Sum(real.id).active <= OwnWeight(real)) return false;
  for (const Plan::Real& other : plan.reals()) {
    if (uint64_t{board.Sum(other.id).active} * 2 < OwnWeight(other)) return true;
  }
  return false;
}

inline uint32_t FindDestination(const State& state, const Request& request) noexcept {
  return state.known == nullptr ? kNoDestination : state.known->Find(request.destination);
}

}  // namespace fairlead::sched
