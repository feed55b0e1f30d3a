// Never queue: the newest eligible real with no active connection; when all are busy, as sed.
#include "sched/least.h"

namespace fairlead::sched {

Tables Nq::Build(std::span<const RealInput>) { return {}; }

State Nq::Adopt(const Plan&, const State&, const Plan&) noexcept { return {}; }

Choice Nq::Pick(const Plan& plan, State*, const Request&, const LoadBoard& board) noexcept {
  for (const Plan::Real& real : plan.reals()) {
    if (IsEligible(real, board) && board.Sum(real.id).active == 0) return {real.id};
  }
  return PickLeast(plan, board, ExpectedDelay, OwnWeight);
}

}  // namespace fairlead::sched
