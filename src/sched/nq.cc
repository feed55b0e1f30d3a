// Never queue: the newest eligible real with no active connection; when all are busy, as sed.
#include "sched/least.h"

namespace fairlead::sched {

Tables Nq::Build(std::span<const RealInput>) { return {}; }

State Nq::Adopt(const Plan&, const State&, const Plan&) noexcept { return {}; }

Choice Nq::Pick(const Plan& plan, State* state, const Request& request,
                const LoadBoard& board) noexcept {
  return PickLeast<NqRule>(plan, *state, request, board);
}

}  // namespace fairlead::sched
