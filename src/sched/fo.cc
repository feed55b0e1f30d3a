// Weighted fail-over: everybody to the heaviest eligible real, the newest of equals; the next one
// takes over when that is quiesced or overloaded.
#include "sched/scheduler.h"

namespace fairlead::sched {

Tables Fo::Build(std::span<const RealInput>) { return {}; }

State Fo::Adopt(const Plan&, const State&, const Plan&) noexcept { return {}; }

Choice Fo::Pick(const Plan& plan, State*, const Request&, const LoadBoard& board) noexcept {
  Choice heaviest;
  int32_t weight = 0;
  for (const Plan::Real& real : plan.reals()) {
    if (real.weight <= weight || !IsEligible(real, board)) continue;
    heaviest.real = real.id;
    weight = real.weight;
  }
  return heaviest;
}

}  // namespace fairlead::sched
