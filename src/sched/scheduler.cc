#include "sched/scheduler.h"

#include <algorithm>
#include <limits>

#include "sched/destination_table.h"

namespace fairlead::sched {

std::string_view KindName(Kind kind) noexcept {
  switch (kind) {
#define FAIRLEAD_SCHEDULER_CASE(Name, text) \
  case Kind::k##Name:                       \
    return text;
    FAIRLEAD_SCHEDULERS(FAIRLEAD_SCHEDULER_CASE)
#undef FAIRLEAD_SCHEDULER_CASE
  }
  return "";
}

std::optional<Kind> KindFromName(std::string_view name) noexcept {
  for (const Kind kind : kAllKinds) {
    if (KindName(kind) == name) return kind;
  }
  return std::nullopt;
}

size_t MaxReals(Kind kind) noexcept {
  return kind == Kind::kMh ? kMaglevSlots : std::numeric_limits<uint32_t>::max() - 1;
}

const Tables Plan::kNoTables;

Plan Plan::Build(Kind kind, Flags flags, std::span<const RealInput> newest_first,
                 uint32_t edit_count) {
  newest_first = newest_first.first(std::min(newest_first.size(), MaxReals(kind)));
  Plan plan;
  plan.kind_ = kind;
  plan.flags_ = flags;
  plan.edit_count_ = edit_count;
  if (newest_first.empty()) return plan;  // workers make such plans: no memory
  const auto parts = std::make_shared<Parts>();
  parts->reals.reserve(newest_first.size());
  parts->by_id.reserve(newest_first.size());
  for (const RealInput& real : newest_first) {
    parts->by_id.push_back({real.id, static_cast<uint32_t>(parts->reals.size())});
    parts->reals.push_back({real.id, real.weight});
  }
  std::ranges::sort(parts->by_id, {}, &Entry::id);
  switch (kind) {
#define FAIRLEAD_SCHEDULER_CASE(Name, text)    \
  case Kind::k##Name:                          \
    parts->tables = Name::Build(newest_first); \
    break;
    FAIRLEAD_SCHEDULERS(FAIRLEAD_SCHEDULER_CASE)
#undef FAIRLEAD_SCHEDULER_CASE
  }
  plan.reals_ = parts->reals;
  plan.by_id_ = parts->by_id;
  plan.tables_ = &parts->tables;
  plan.parts_ = parts;
  return plan;
}

std::optional<size_t> Plan::Find(RealId id) const noexcept {
  const auto entry = std::ranges::lower_bound(by_id_, id, {}, &Entry::id);
  if (entry == by_id_.end() || entry->id != id) return std::nullopt;
  return entry->position;
}

uint32_t DestinationMembers(Kind kind) noexcept {
  if (kind == Kind::kLblc) return DestinationTable::kSingleMembers;
  return kind == Kind::kLblcr ? DestinationTable::kSetMembers : 0;
}

namespace {

State AdoptOfKind(const Plan& before, const State& state, const Plan& now) noexcept {
  switch (now.kind()) {
#define FAIRLEAD_SCHEDULER_CASE(Name, text) \
  case Kind::k##Name:                       \
    return Name::Adopt(before, state, now);
    FAIRLEAD_SCHEDULERS(FAIRLEAD_SCHEDULER_CASE)
#undef FAIRLEAD_SCHEDULER_CASE
  }
  return {};
}

}  // namespace

State InitialState(const Plan& plan, uint64_t seed) noexcept {
  // A service starts without reals, bound to its scheduler; the rest is additions. No allocation:
  // an empty plan has no memory.
  return Adopt(Plan::Build(plan.kind(), plan.flags(), {}, 0), State{.random = seed}, plan);
}

State Adopt(const Plan& before, const State& state, const Plan& now) noexcept {
  State next = AdoptOfKind(before, state, now);
  next.random = state.random;
  next.tournament = nullptr;
  const bool is_same_kind = before.kind() == now.kind();
  next.known = is_same_kind ? state.known : nullptr;
  next.destinations = is_same_kind ? state.destinations : nullptr;
  return next;
}

Choice Pick(const Plan& plan, State* state, const Request& request,
            const LoadBoard& board) noexcept {
  switch (plan.kind()) {
#define FAIRLEAD_SCHEDULER_CASE(Name, text) \
  case Kind::k##Name:                       \
    return Name::Pick(plan, state, request, board);
    FAIRLEAD_SCHEDULERS(FAIRLEAD_SCHEDULER_CASE)
#undef FAIRLEAD_SCHEDULER_CASE
  }
  return {};
}

}  // namespace fairlead::sched
