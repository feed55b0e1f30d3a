// Round robin: the next eligible real after the one chosen last, in list order. A weight matters
// only in being 0 or not.
#include "sched/scheduler.h"

namespace fairlead::sched {

Tables Rr::Build(std::span<const RealInput>) { return {}; }

// The cursor stays behind the real chosen last, wherever that now stands in the list; if it is
// gone, behind the nearest predecessor that is still there, or at the head.
State Rr::Adopt(const Plan& before, const State& state, const Plan& now) noexcept {
  if (before.kind() != now.kind()) return {};
  for (uint32_t passed = state.cursor; passed > 0; --passed) {
    if (const auto position = now.Find(before.real(passed - 1).id)) {
      return {.cursor = static_cast<uint32_t>(*position + 1)};
    }
  }
  return {};
}

Choice Rr::Pick(const Plan& plan, State* state, const Request&, const LoadBoard& board) noexcept {
  const size_t size = plan.size();
  size_t position = state->cursor;
  for (size_t tried = 0; tried < size; ++tried, ++position) {
    if (position >= size) position = 0;
    if (!IsEligible(plan.real(position), board)) continue;
    state->cursor = static_cast<uint32_t>(position + 1);
    return {plan.real(position).id};
  }
  return {};
}

}  // namespace fairlead::sched
