// Weighted round robin: the list is passed over again and again, and in each pass the reals are
// chosen whose weight reaches a mark, `current_weight`. The mark starts at the ceiling, falls by
// the step after each pass and returns to the ceiling when it is used up.
//
//   weights A4 B3 C2, list C B A, step 1, ceiling 4:   4: A   3: B A   2: C B A   1: C B A
//
// Every change of the reals sends the scan back to the head and trims the mark (ipvs.md, wrr).
// The first real added gives mark 1 and further ones do not raise it, hence the pass over everybody
// with which a fresh service starts.
#include <algorithm>
#include <numeric>

#include "sched/scheduler.h"

namespace fairlead::sched {
namespace {

// Step and ceiling of a growing set of reals.
class Weights {
 public:
  void Add(int32_t weight) noexcept {
    if (weight <= 0) return;
    gcd_ = std::gcd(gcd_, weight);
    highest_ = std::max(highest_, weight);
  }
  [[nodiscard]] int32_t step() const noexcept { return gcd_ == 0 ? 1 : gcd_; }
  [[nodiscard]] int32_t ceiling() const noexcept { return highest_ - (step() - 1); }

 private:
  int32_t gcd_ = 0;
  int32_t highest_ = 0;
};

State AfterChange(const State& state, const Weights& weights) noexcept {
  int32_t mark = state.current_weight;
  if (mark > weights.ceiling() || mark == 0) {
    mark = weights.ceiling();
  } else if (weights.step() > 1) {
    mark = mark / weights.step() * weights.step() + 1;
  }
  return {.cursor = 0, .current_weight = mark};
}

bool IsUnchanged(const Plan& before, const Plan& now) noexcept {
  return before.kind() == now.kind() && before.edit_count() == now.edit_count() &&
         std::ranges::equal(before.reals(), now.reals(), [](const auto& a, const auto& b) {
           return a.id == b.id && a.weight == b.weight;
         });
}

// Chooses from `state->cursor` on, within one pass.
Choice FinishPass(const Plan& plan, const LoadBoard& board, State* state) noexcept {
  for (size_t position = state->cursor; position < plan.size(); ++position) {
    const Plan::Real& real = plan.real(position);
    if (real.weight < state->current_weight || board.overloaded(real.id)) continue;
    state->cursor = static_cast<uint32_t>(position + 1);
    return {real.id};
  }
  return {};
}

// Ends a pass and moves to the next one in which somebody can be chosen. While no real is
// overloaded that is one step; with the heavy reals overloaded, going step by step could take 2^31
// of them. Invariant: the mark is 1 more than a multiple of the step, so it meets 1 and `heaviest`,
// the highest eligible weight, above 0, is always reached.
void BeginPass(const Tables& tables, int32_t heaviest, State* state) noexcept {
  const int64_t step = tables.weight_step;
  int64_t mark = state->current_weight - step;
  if (mark <= 0) mark = tables.weight_ceiling;
  if (mark > heaviest) mark -= (mark - heaviest + step - 1) / step * step;
  state->cursor = 0;
  state->current_weight = static_cast<int32_t>(mark);
}

}  // namespace

Tables Wrr::Build(std::span<const RealInput> newest_first) {
  Weights weights;
  for (const RealInput& real : newest_first) weights.Add(real.weight);
  return {.weight_step = weights.step(), .weight_ceiling = weights.ceiling(), .slots = {}};
}

State Wrr::Adopt(const Plan& before, const State& state, const Plan& now) noexcept {
  if (IsUnchanged(before, now)) return state;
  Weights weights;
  for (const Plan::Real& real : now.reals()) {
    if (before.Find(real.id)) weights.Add(real.weight);
  }
  // A scheduler bound to existing reals starts at the ceiling, without the pass over everybody.
  State next = before.kind() != now.kind() ? State{.cursor = 0, .current_weight = weights.ceiling()}
                                           : AfterChange(state, weights);
  // Then the additions. However many and in whatever order: the first positive weight after none
  // gives ceiling 1, and no addition moves a mark, for the ceiling only rises, and a new step
  // divides the old one, so the mark is still 1 more than a multiple of it.
  if (next.current_weight == 0 && now.tables().weight_ceiling > 0) next.current_weight = 1;
  return next;
}

Choice Wrr::Pick(const Plan& plan, State* state, const Request&, const LoadBoard& board) noexcept {
  const Tables& tables = plan.tables();
  if (tables.weight_ceiling == 0) return {};
  if (const Choice choice = FinishPass(plan, board, state); !choice.real.is_none()) return choice;

  int32_t heaviest = 0;
  for (const Plan::Real& real : plan.reals()) {
    if (IsEligible(real, board)) heaviest = std::max(heaviest, real.weight);
  }
  if (heaviest == 0) {
    // All overloaded. A search that gives up in the middle of the lowest pass ends where it began;
    // any other ends at the head with the mark at the ceiling.
    if (state->current_weight > tables.weight_step || state->cursor == 0) {
      state->cursor = 0;
      state->current_weight = tables.weight_ceiling;
    }
    return {};
  }
  BeginPass(tables, heaviest, state);
  return FinishPass(plan, board, state);
}

}  // namespace fairlead::sched
