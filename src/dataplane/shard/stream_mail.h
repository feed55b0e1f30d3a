// What the control core asks of workers for the stream between Fairlead directors.
//
//   TellStream tell;  tell.is_on = true;  tell.clock = clock;      // to each worker
//   TakeStreamEntries take;                                        // likewise, over one batch
//   take.entries = batch;  take.answers.assign(batch.size(), {});  // two rounds: sync_mail.h
//   WalkStream walk;  walk.ranges = &ranges;                       // until walk.is_complete
//   DigestStream digest;                                           // likewise
//
// Threads: a command is its worker's until it comes back, and so is what it points to.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/shard/mailbox.h"
#include "dataplane/shard/stream_news.h"
#include "dataplane/shard/sync_mail.h"
#include "sync/stream/entry.h"

namespace fairlead::dataplane {

// What makes a worker say when a template was made, and by whom.
struct StreamClock {
  uint64_t wall_ms = 0;  // Unix, of this moment
  uint32_t creator = 0;  // sync::CreatorNumber of this director
};

// Whether news are told from now on.
struct TellStream : Command {
  TellStream() : Command(CommandKind::kTellStream) {}
  StreamClock clock;
  bool is_on = false;
};

// The services of a persistence group, found once: the next template is probably of the same group,
// and a director may have a hundred thousand services.
struct GroupMemo {
  uint64_t generation = 0;  // of the snapshot they were found in; 0: none
  GroupNumber group;
  std::array<ServiceId, 16> services{};  // the first ones
  size_t count = 0;
  size_t rest = 0;  // by number: where a group with more of them goes on
  ServiceId last;   // that a template was found in
};

struct TakeStreamEntries : Command {
  // Entries, real servers and services that are looked at in one turn of the worker.
  static constexpr size_t kSliceWork = 4096;

  TakeStreamEntries() : Command(CommandKind::kTakeStreamEntries) {}

  StreamClock clock;
  std::span<const sync::StreamEntry> entries;
  std::vector<SyncAnswer> answers;  // by entry
  bool is_second_round = false;     // only answers of kGranted and kGivenBack are looked at
  bool has_waiting = false;         // an entry of this batch waits for the second round
  size_t next = 0;
  GroupMemo group_memo;
  bool is_complete = false;
  // Of this worker, over all rounds since it was made or cleared.
  uint64_t connections = 0, templates = 0, gone = 0;
  std::array<uint64_t, kSyncFaultCount> faults{};
};

// Where a walk over all records of a worker goes on.
struct StreamCursor {
  uint64_t connections = 0, templates = 0;  // as listings have them
  bool are_connections_done = false;
};

// Copies of the records of some ranges, a slice at a time.
struct WalkStream : Command {
  WalkStream() : Command(CommandKind::kWalkStream) {}

  StreamClock clock;
  const sync::StreamRanges* ranges = nullptr;
  StreamCursor cursor;
  // With pieces of engines' data. The worker appends up to rows.capacity(), never reallocates; at
  // least as many as one record can need (kMostRowsOfRecord).
  std::vector<StreamNews> rows;
  bool is_complete = false;
};

// The sums of all ranges over one worker's records, a slice at a time.
struct DigestStream : Command {
  DigestStream() : Command(CommandKind::kDigestStream), digests(sync::kStreamRanges) {}

  StreamClock clock;
  StreamCursor cursor;
  std::vector<sync::RangeDigest> digests;
  bool is_complete = false;
};

}  // namespace fairlead::dataplane
