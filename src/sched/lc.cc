// Least connection: the eligible real with the least overhead, whatever its weight.
#include "sched/least.h"

namespace fairlead::sched {

Tables Lc::Build(std::span<const RealInput>) { return {}; }

State Lc::Adopt(const Plan&, const State&, const Plan&) noexcept { return {}; }

Choice Lc::Pick(const Plan& plan, State* state, const Request& request,
                const LoadBoard& board) noexcept {
  return PickLeast<LcRule>(plan, *state, request, board);
}

}  // namespace fairlead::sched
