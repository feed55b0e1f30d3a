// Least connection: the eligible real with the least overhead, whatever its weight.
#include "sched/least.h"

namespace fairlead::sched {

Tables Lc::Build(std::span<const RealInput>) { return {}; }

State Lc::Adopt(const Plan&, const State&, const Plan&) noexcept { return {}; }

Choice Lc::Pick(const Plan& plan, State*, const Request&, const LoadBoard& board) noexcept {
  return PickLeast(plan, board, Overhead, [](const Plan::Real&) { return uint64_t{1}; });
}

}  // namespace fairlead::sched
