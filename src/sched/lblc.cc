// Locality-based least connection, for transparent caches: a destination address keeps the real
// that wlc gave it, until that real is gone, quiesced, or has more active connections than its
// weight while another has fewer than half of its own.
//
// A remembered choice does not look at the overload flag of the thresholds. (ipvs.md, lblc and
// lblcr)
#include "sched/locality.h"

namespace fairlead::sched {

Tables Lblc::Build(std::span<const RealInput>) { return {}; }

State Lblc::Adopt(const Plan&, const State&, const Plan&) noexcept { return {}; }

Choice Lblc::Pick(const Plan& plan, State* state, const Request& request,
                  const LoadBoard& board) noexcept {
  const uint32_t slot = FindDestination(*state, request);
  if (slot != kNoDestination) {
    if (state->destinations != nullptr) state->destinations->Use(slot, request.now);
    if (const auto position = plan.Find(state->known->First(slot))) {
      const Plan::Real& real = plan.real(*position);
      if (real.weight > 0 && !IsOverloadedHere(plan, real, board)) return {real.id};
    }
  }
  const Choice choice = PickLeast<WlcRule>(plan, *state, request, board);
  if (choice.real.is_none() || state->destinations == nullptr) return choice;
  if (slot != kNoDestination) {
    state->destinations->ReplaceFirst(slot, choice.real);
  } else {
    state->destinations->Insert(request.destination, choice.real, request.now);
  }
  return choice;
}

}  // namespace fairlead::sched
