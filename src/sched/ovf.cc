// Weighted overflow: the heaviest real while it has no more active connections than its weight,
// then the next heaviest; all full: nobody.
//
// "No more than", so a real takes one connection beyond its weight. Where nothing is ever active
// (UDP) this is fo.
#include "sched/scheduler.h"

namespace fairlead::sched {

Tables Ovf::Build(std::span<const RealInput>) { return {}; }

State Ovf::Adopt(const Plan&, const State&, const Plan&) noexcept { return {}; }

Choice Ovf::Pick(const Plan& plan, State*, const Request&, const LoadBoard& board) noexcept {
  Choice heaviest;
  int32_t weight = 0;
  for (const Plan::Real& real : plan.reals()) {
    if (real.weight <= weight || !IsEligible(real, board)) continue;
    if (board.Sum(real.id).active > static_cast<uint32_t>(real.weight)) continue;
    heaviest.real = real.id;
    weight = real.weight;
  }
  return heaviest;
}

}  // namespace fairlead::sched
