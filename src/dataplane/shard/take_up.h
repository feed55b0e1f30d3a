// Take-up: what a previous process left in the record arrays is judged record by record, and all
// else is built anew (docs/take_up.md).
//
//   // The arrays are those of a process that is gone.
//   Fabric fabric({.workers = 2, .table_memory = memory});
//   …a Shard for each worker, at tick `now`…
//   TakeUpReport report = TakeUp(shards, known_reals, now);
//   report.connections, report.of(TakeUpCause::kState)…
//
// Another number of workers, or of records: into new, zeroed arrays,
//
//   TakeUpReport report = TakeUpFrom(previous, shards, known_reals, now);
//   for (each previous worker) TakeUpTraffic(its counters, fabric);
//
// Preconditions: ticks count from the same epoch as the previous process's, and the secrets are the
// same ones; `known_reals` says, by RealId, which ids are somebody's, and the first snapshot has
// each of them (a real that nothing configures any more as a ghost).
// Threads: one, before the workers start and before the first snapshot is adopted. Allocates.
// Whatever bytes the arrays hold, nothing else is read or written, and the tables are sound. A
// crash in the middle loses nothing: the next take-up begins with the same records.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/shard/record_judge.h"
#include "dataplane/shard/shard.h"
#include "dataplane/tables/table_memory.h"

namespace fairlead::dataplane {

struct TakeUpReport {
  uint64_t connections = 0, templates = 0, side_records = 0;  // that were taken up
  uint64_t snat_flows = 0;                                    // likewise
  uint64_t expired = 0;  // connections, templates and flows whose time ended meanwhile
  uint64_t ended = 0;    // that had been taken out of the index before
  std::array<uint64_t, kTakeUpCauseCount> by_cause{};

  [[nodiscard]] uint64_t of(TakeUpCause cause) const noexcept {
    return by_cause[static_cast<size_t>(cause)];
  }
  // Records that were faulty, or had no room. What has only lost something is not among them.
  [[nodiscard]] uint64_t dropped() const noexcept;
};

// In place: the shards' own memory has the records.
TakeUpReport TakeUp(std::span<Shard* const> shards, const std::vector<bool>& known_reals, Tick now);

// From the arrays of previous workers, which stay as they are, into shards that are empty. Each
// record goes to the worker that owns it now.
TakeUpReport TakeUpFrom(std::span<const TableMemory> previous, std::span<Shard* const> shards,
                        const std::vector<bool>& known_reals, Tick now);

// Adds what one previous worker counted, by RealId, to what worker 0 has: only sums are shown.
void TakeUpTraffic(std::span<const TrafficCounters> previous, Fabric& fabric);

}  // namespace fairlead::dataplane
