// Locality-based least connection with replication: a destination address has a set of reals; the
// least loaded of them serves it. When that one has more active connections than its weight while
// another real has fewer than half of its own, the service's least loaded real joins the set; a set
// that has not changed for lblcr_expiration loses its most loaded member. (ipvs.md, lblc and lblcr)
#include "sched/locality.h"

namespace fairlead::sched {
namespace {

struct SetView {
  const Plan::Real* least = nullptr;  // eligible; of equals the one that joined last
  const Plan::Real* most = nullptr;   // weight above 0
  RealId gone;                        // some member that left the service
};

SetView Look(const Plan& plan, const DestinationTable& table, uint32_t slot,
             const LoadBoard& board) noexcept {
  SetView view;
  const auto cost = [&board](const Plan::Real& real) { return Overhead(board.Sum(real.id)); };
  table.VisitReals(slot, [&](RealId id) {
    const auto position = plan.Find(id);
    if (!position) {
      view.gone = id;
      return;
    }
    const Plan::Real& real = plan.real(*position);
    if (real.weight <= 0) return;
    if (view.most == nullptr ||
        cost(real) * OwnWeight(*view.most) > cost(*view.most) * OwnWeight(real)) {
      view.most = &real;
    }
    if (board.overloaded(id)) return;
    if (view.least == nullptr ||
        cost(*view.least) * OwnWeight(real) > cost(real) * OwnWeight(*view.least)) {
      view.least = &real;
    }
  });
  return view;
}

// A change of the set that time brings, and one member that is no more.
void Refresh(DestinationTable* table, uint32_t slot, const SetView& view, TickCount lifetime,
             Tick now) noexcept {
  table->Use(slot, now);
  const Tick old_after = table->last_change(slot) + lifetime;
  if (old_after.HasPassed(now) && old_after != now && view.most != nullptr &&
      table->SetSize(slot) > 1) {
    table->Remove(slot, view.most->id, now);
  }
  if (!view.gone.is_none()) table->Remove(slot, view.gone, table->last_change(slot));
}

}  // namespace

Tables Lblcr::Build(std::span<const RealInput>) { return {}; }

State Lblcr::Adopt(const Plan&, const State&, const Plan&) noexcept { return {}; }

Choice Lblcr::Pick(const Plan& plan, State* state, const Request& request,
                   const LoadBoard& board) noexcept {
  const uint32_t slot = FindDestination(*state, request);
  DestinationTable* table = state->destinations;
  if (slot == kNoDestination) {
    const Choice choice = PickLeast<WlcRule>(plan, *state, request, board);
    if (!choice.real.is_none() && table != nullptr) {
      table->Insert(request.destination, choice.real, request.now);
    }
    return choice;
  }
  const SetView set = Look(plan, *state->known, slot, board);
  if (table != nullptr) {
    Refresh(table, slot, set, plan.flags().destination_lifetime, request.now);
  }
  if (set.least != nullptr && !IsOverloadedHere(plan, *set.least, board)) return {set.least->id};
  const Choice choice = PickLeast<WlcRule>(plan, *state, request, board);
  if (!choice.real.is_none() && table != nullptr) table->Add(slot, choice.real, request.now);
  return choice;
}

}  // namespace fairlead::sched
