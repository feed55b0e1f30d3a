// Entries of the kernel's sync protocol on their way to the workers that own what they are about.
//
//   TakeSyncEntries take;                       // one for each worker, all over the same entries
//   take.entries = batch;  take.answers.resize(batch.size());
//   mailbox.Submit(&take);  …                   // until take.is_complete
//   // Where one worker granted a child of a template and another waits for it, a second round:
//   take.is_second_round = true;  take.next = 0;  take.answers[i] = {SyncStep::kGranted, ref};
//   // Entries whose service or real server no configuration has come back as kUnknown, if so
//   // wished. Sent again, they bring the ids that were given to those real servers:
//   take.named = ids;
//
// Every worker is asked about every entry; those that own a template or a connection act. So nobody
// has to know outside who that is. Only a connection whose template another worker owns takes two
// rounds. Threads: the entries are the sender's and do not change while a command is out; a command
// is its worker's until it comes back.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/shard/mailbox.h"
#include "dataplane/shard/sync_fault.h"
#include "sync/ipvs/entry.h"

namespace fairlead::dataplane {

// What one worker says of one entry.
enum class SyncStep : uint8_t {
  kNotMine,  // nothing here has to do with it
  kDone,     // taken, or refused and counted
  kGranted,  // a connection's template gave a child, `ref`. Told to who waits: in the second round
  kWaits,    // the connection is this worker's and needs another worker's template
  kGivenBack,  // told in the second round to who granted: nobody wanted the child
  kUnknown,    // of the owner: no configuration has its service, or its real server
};

struct SyncAnswer {
  SyncStep step = SyncStep::kNotMine;
  TemplateRef ref{};
};

struct TakeSyncEntries : Command {
  // Real servers and entries that are looked at in one turn of the worker.
  static constexpr size_t kSliceWork = 4096;

  TakeSyncEntries() : Command(CommandKind::kTakeSyncEntries) {}

  std::span<const sync::SyncEntry> entries;
  uint32_t threshold = 3;         // packets that a new connection has had (ipvs.md, sync)
  bool keeps_unknown = false;     // kUnknown is answered; else such entries are refused
  std::span<const RealId> named;  // by entry: what to take where no configuration has it; or empty
  std::vector<SyncAnswer> answers;  // by entry
  bool is_second_round = false;     // only answers of kGranted and kGivenBack are looked at
  size_t next = 0;                  // where the next slice begins
  bool is_complete = false;
  // Of this worker, over all rounds since it was made or cleared.
  uint64_t connections = 0, templates = 0;  // taken: made or followed
  std::array<uint64_t, kSyncFaultCount> faults{};
};

}  // namespace fairlead::dataplane
