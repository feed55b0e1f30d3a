// Shortest expected delay: least (active + 1) for its weight. Where nothing is ever active (UDP)
// this is the heaviest real.
#include "sched/least.h"

namespace fairlead::sched {

Tables Sed::Build(std::span<const RealInput>) { return {}; }

State Sed::Adopt(const Plan&, const State&, const Plan&) noexcept { return {}; }

Choice Sed::Pick(const Plan& plan, State* state, const Request& request,
                 const LoadBoard& board) noexcept {
  return PickLeast<SedRule>(plan, *state, request, board);
}

}  // namespace fairlead::sched
