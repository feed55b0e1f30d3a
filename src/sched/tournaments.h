// The tournaments of one worker: which services have one, and where in which of them a real stands.
//
//   Tournaments all(real_capacity);
//   state.tournament = all.Follow(service, plan);    // a plan that is new here; null: scan
//   all.Retire([&](ServiceId s) { return …gone…; }); // a new snapshot
//   all.Touch(real);                                 // after each change of a count of mine
//
// Threads: one worker. Follow and Retire run when a snapshot is adopted, and allocate; Touch is on
// the packet path. Invariant: a real is seated while it is in the plan its service followed last.
#pragma once

#include <memory>
#include <vector>

#include "sched/scheduler.h"
#include "sched/tournament.h"

namespace fairlead::sched {

// Whether the kind chooses the least loaded of all its reals.
bool HasTournament(Kind kind) noexcept;

class Tournaments {
 public:
  explicit Tournaments(size_t real_capacity) { seats_.reserve(real_capacity); }

  // The plan takes the place of what the service had. Null when a scan is as fast, when the kind
  // has no use for a tournament, or without memory.
  Tournament* Follow(ServiceId service, const Plan& plan) noexcept;

  // Forgets the services of which `is_gone(ServiceId)` holds. The others look at everything before
  // their next pick: thresholds may have been edited.
  template <typename IsGone>
  void Retire(IsGone is_gone) noexcept {
    for (size_t i = 0; i < entries_.size(); ++i) {
      Entry& entry = entries_[i];
      if (entry.tournament == nullptr) continue;
      if (is_gone(ServiceId{static_cast<uint32_t>(i)})) {
        Unseat(&entry);
      } else {
        entry.tournament->Restart();
      }
    }
  }

  void Touch(RealId real) noexcept {
    if (real.index() >= seats_.size()) return;
    const Seat& seat = seats_[real.index()];
    if (seat.tournament != nullptr) seat.tournament->Touch(seat.position);
  }

 private:
  struct Seat {
    Tournament* tournament = nullptr;
    uint32_t position = 0;
  };
  struct Entry {
    std::unique_ptr<Tournament> tournament;
    std::vector<RealId> seated;
  };
  void Unseat(Entry* entry) noexcept;

  std::vector<Entry> entries_;  // by ServiceId, up to the last that has one
  std::vector<Seat> seats_;     // by RealId, likewise
};

}  // namespace fairlead::sched
