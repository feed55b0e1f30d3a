// The power of two choices: two eligible reals drawn at random, in proportion to their weights;
// the less loaded of them is chosen. (Mitzenmacher 2001; ipvs.md, twos)
#include "sched/least.h"
#include "sched/random.h"

namespace fairlead::sched {
namespace {

// The first eligible real at which the weights so far reach `draw`.
const Plan::Real* Drawn(const Plan& plan, const LoadBoard& board, uint64_t draw) noexcept {
  uint64_t passed = 0;
  for (const Plan::Real& real : plan.reals()) {
    if (!IsEligible(real, board)) continue;
    passed += OwnWeight(real);
    if (draw <= passed) return &real;
  }
  return nullptr;  // a real became overloaded, on another worker, since the weights were summed
}

}  // namespace

Tables Twos::Build(std::span<const RealInput>) { return {}; }

State Twos::Adopt(const Plan&, const State&, const Plan&) noexcept { return {}; }

Choice Twos::Pick(const Plan& plan, State* state, const Request&, const LoadBoard& board) noexcept {
  uint64_t sum = 0;
  for (const Plan::Real& real : plan.reals()) {
    if (IsEligible(real, board)) sum += OwnWeight(real);
  }
  if (sum == 0) return {};
  const Plan::Real* first = Drawn(plan, board, UniformUpTo(sum, &state->random));
  const Plan::Real* second = Drawn(plan, board, UniformUpTo(sum, &state->random));
  if (first == nullptr || second == nullptr) {
    if (first == nullptr) first = second;
    return first == nullptr ? Choice{} : Choice{first->id};
  }
  const bool second_is_lighter = OwnWeight(*second) * Overhead(board.Sum(first->id)) >
                                 OwnWeight(*first) * Overhead(board.Sum(second->id));
  return {second_is_lighter ? second->id : first->id};
}

}  // namespace fairlead::sched
