// Real servers that a kernel director's messages name and no configuration does, with
// `sync.ipvs.unknown_service: as-kernel` (docs/sync.md).
//
//   UnknownReals unknown(ids, stats);
//   const UnknownReals::Outcome named = unknown.Name(snapshot, entry, now);   // an id, or a fault
//   if (unknown.has_fresh()) …workers lack some of them: publish a snapshot…
//   unknown.NoteBuilt();                                // it has them
//   view.unknown = unknown.List();
//
// Such a real server is a ghost from the start (id_map.h), so workers forward to it as to one that
// was removed and whose connections go on. Bounded: kMostUnknown of them, and of the reals of a
// service for all ports one for each address. Threads: the control core's.
#pragma once

#include <memory>
#include <variant>
#include <vector>

#include "control/id_map.h"
#include "control/sync/sync_info.h"
#include "dataplane/decide/sync_place.h"

namespace fairlead::control {

class UnknownReals {
 public:
  using Outcome = std::variant<RealId, dataplane::SyncFault>;

  // Both outlive it.
  UnknownReals(IdMap& ids, const dataplane::StatsBoard& stats) : ids_(ids), stats_(stats) {}

  // The id of the entry's real server, held until ReleaseHeld. `snapshot`: in force.
  Outcome Name(const dataplane::Snapshot& snapshot, const sync::SyncEntry& entry, TimePoint now);
  // Whether ids were given out that no snapshot has yet.
  [[nodiscard]] bool has_fresh() const { return has_fresh_; }
  void NoteBuilt() { has_fresh_ = false; }
  // By id.
  std::shared_ptr<const std::vector<UnknownRealInfo>> List();

 private:
  void NoteFull();

  IdMap& ids_;
  const dataplane::StatsBoard& stats_;
  bool has_fresh_ = false;
  size_t full_at_ = 0;  // how many there were when it was said that no more fit; 0: may be said
  uint64_t listed_revision_ = 0;
  std::shared_ptr<const std::vector<UnknownRealInfo>> list_;
};

}  // namespace fairlead::control
