// What the stream between directors needs of the tables, so that its sessions can be tested without
// workers.
//
//   tables.OnNews([&](const sync::StreamEntry& e) { … });   // what workers tell of
//   tables.Take(batch, [&](const StreamTaken& taken) { acknowledge(); });
//   tables.Digests([&](std::span<const RangeDigest> d) { … });
//   tables.Walk(ranges, [&](std::vector<sync::StreamEntry> entries, bool is_last) {
//     … tables.WalkOn();   // when there is room for the next slice
//   });
//
// A range is a part of all records by a hash of their endpoints that every director computes
// alike (kStreamRanges of them, sync/stream/range.h). A digest is a sum over the records of a range
// of what must agree: endpoints, real server, method. Timers and counters are not in it. Threads:
// the control core's; callbacks run in a later Turn, never in the call itself.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "dataplane/shard/sync_fault.h"
#include "sync/stream/entry.h"
#include "sync/stream/range.h"

namespace fairlead::control {

using sync::kStreamRanges;
using sync::RangeDigest;
using sync::StreamRanges;

inline constexpr size_t kMostEntriesOfBatch = 2048;

// What became of a batch.
struct StreamTaken {
  uint64_t connections = 0, templates = 0, gone = 0;
  std::array<uint64_t, dataplane::kSyncFaultCount> faults{};
};

class StreamTables {
 public:
  using News = std::function<void(const sync::StreamEntry& entry)>;
  using Taken = std::function<void(const StreamTaken& taken)>;
  using DigestsDone = std::function<void(std::span<const RangeDigest> digests)>;  // kStreamRanges
  using Walked = std::function<void(std::vector<sync::StreamEntry> entries, bool is_last)>;

  virtual ~StreamTables() = default;

  // Whether workers are to tell at all. Off at first: nothing is asked of any packet then.
  virtual void Tell(bool is_on) = 0;
  // Called in Turn for what workers have told since; at most `most` a turn.
  virtual void OnNews(News news) = 0;
  // Entries that workers could not tell, since a ring was full: their ranges, once; bulk sends
  // them.
  [[nodiscard]] virtual std::vector<uint32_t> TakeLostRanges() = 0;

  // One batch at a time, of kMostEntriesOfBatch at the most: precondition CanTake.
  [[nodiscard]] virtual bool CanTake() const = 0;
  virtual void Take(std::vector<sync::StreamEntry> batch, Taken done) = 0;

  // One at a time; workers go in bounded slices.
  virtual void Digests(DigestsDone done) = 0;
  // A pass over the tables: all records of these ranges, in any order, in slices of
  // kMostEntriesOfBatch at the most. After a slice that is not the last nothing comes until WalkOn.
  // Precondition: CanWalk; of WalkOn: a slice has come that was not the last.
  [[nodiscard]] virtual bool CanWalk() const = 0;
  virtual void Walk(const StreamRanges& ranges, Walked walked) = 0;
  virtual void WalkOn() = 0;
  // No further slice comes; CanWalk says when the next pass may begin.
  virtual void StopWalk() = 0;

  // Every turn of the control core.
  virtual void Turn() = 0;
};

}  // namespace fairlead::control
