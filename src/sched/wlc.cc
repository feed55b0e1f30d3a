// Weighted least connection: the eligible real with the least overhead for its weight.
#include "sched/least.h"

namespace fairlead::sched {

Tables Wlc::Build(std::span<const RealInput>) { return {}; }

State Wlc::Adopt(const Plan&, const State&, const Plan&) noexcept { return {}; }

Choice Wlc::Pick(const Plan& plan, State* state, const Request& request,
                 const LoadBoard& board) noexcept {
  return PickLeast<WlcRule>(plan, *state, request, board);
}

}  // namespace fairlead::sched
