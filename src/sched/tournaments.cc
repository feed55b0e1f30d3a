#include "sched/tournaments.h"

namespace fairlead::sched {

bool HasTournament(Kind kind) noexcept {
  switch (kind) {
    case Kind::kLc:
    case Kind::kWlc:
    case Kind::kSed:
    case Kind::kNq:
    case Kind::kLblc:
    case Kind::kLblcr:
      return true;
    default:
      return false;
  }
}

Tournament* Tournaments::Follow(ServiceId service, const Plan& plan) noexcept {
  if (service.index() < entries_.size()) Unseat(&entries_[service.index()]);
  if (!HasTournament(plan.kind()) || plan.size() <= Tournament::kScanned) return nullptr;
  if (service.index() >= entries_.size()) entries_.resize(service.index() + 1);
  Entry& entry = entries_[service.index()];
  entry.tournament = Tournament::Create(plan.size());
  if (entry.tournament == nullptr) return nullptr;
  entry.seated.reserve(plan.size());
  for (uint32_t position = 0; position < plan.size(); ++position) {
    const RealId real = plan.real(position).id;
    if (real.index() >= seats_.size()) seats_.resize(real.index() + 1);
    seats_[real.index()] = {entry.tournament.get(), position};
    entry.seated.push_back(real);
  }
  return entry.tournament.get();
}

// A real that has changed its service meanwhile keeps its new seat.
void Tournaments::Unseat(Entry* entry) noexcept {
  for (const RealId real : entry->seated) {
    Seat& seat = seats_[real.index()];
    if (seat.tournament == entry->tournament.get()) seat = {};
  }
  *entry = {};
}

}  // namespace fairlead::sched
