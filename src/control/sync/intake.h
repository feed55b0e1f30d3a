// Datagrams of the kernel's sync protocol, on their way to the workers in bounded batches.
//
//   const auto submit = [&](size_t worker, Command* c) { mail.Submit(worker, c); };
//   Intake intake(fabric.config.workers, submit);
//   intake.Use({.syncid = 7, .threshold = 3});
//   if (intake.HasRoom()) intake.Add(payload);  // else leave it in the socket
//   intake.Turn();                              // every turn: what has come goes out
//   intake.TakeBack(worker);                    // its command is done, or a slice of it
//   intake.SetNamer([&](const SyncEntry& entry) { return …an id for its real server…; });
//
// With as-kernel an entry whose service or real server no configuration has comes back from the
// workers, gets an id by the namer, and goes out again once a snapshot has those ids: Turn is told.
// One batch is with the workers while the next one fills. A batch is bounded in entries and in
// bytes, so no flood takes more than two batches of memory, whatever the size of its datagrams. A
// worker does no more than one slice a turn. Threads: one, the control core's.
// Allocates when it is made, and for datagrams.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <variant>
#include <vector>

#include "control/sync/sync_info.h"
#include "control/sync/two_rounds.h"
#include "dataplane/shard/sync_mail.h"
#include "sync/ipvs/wire.h"

namespace fairlead::control {

struct IntakeSettings {
  uint8_t syncid = 0;          // 0: every sender's
  uint32_t threshold = 3;      // packets that a connection taken in has had
  bool keeps_unknown = false;  // as-kernel
};

class Intake {
 public:
  static constexpr size_t kBatchEntries = 2048;
  static constexpr size_t kBatchBytes = 4 << 20;  // of datagrams held
  using Rounds = TwoRounds<dataplane::TakeSyncEntries>;
  using Submit = Rounds::Submit;
  using Namer =
      std::function<std::variant<RealId, dataplane::SyncFault>(const sync::SyncEntry& entry)>;

  Intake(size_t workers, Submit submit);
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;

  void Use(const IntakeSettings& settings) { settings_ = settings; }
  // Without one, what no configuration has is refused.
  void SetNamer(Namer namer) { namer_ = std::move(namer); }
  // Whether the batch has room for any datagram.
  [[nodiscard]] bool HasRoom() const {
    return filling_.entries.size() + sync::kMostEntries <= kBatchEntries &&
           filling_.bytes + sync::kMostDatagramBytes <= kBatchBytes;
  }
  // Precondition: HasRoom.
  void Add(std::span<const uint8_t> payload);
  // `are_ids_known`: every worker has a snapshot with all ids that the namer has given.
  void Turn(bool are_ids_known = true);
  // The command of this worker has come back.
  void TakeBack(size_t worker);

  [[nodiscard]] bool is_idle() const {
    return !rounds_.is_out() && filling_.entries.empty() && !holds_ids();
  }
  // Whether entries that name ids of the namer are here, or on their way.
  [[nodiscard]] bool holds_ids() const { return !named_.entries.empty() || is_named_out_; }
  [[nodiscard]] const IntakeCounts& counts() const { return counts_; }

 private:
  struct Batch {
    std::deque<std::vector<uint8_t>> payloads;  // that the entries look into
    std::vector<sync::SyncEntry> entries;
    size_t bytes = 0;  // of the payloads
  };

  struct Named {  // entries that have got an id, and what it is
    std::vector<sync::SyncEntry> entries;
    std::vector<RealId> ids;
  };
  [[nodiscard]] bool CanName() const { return settings_.keeps_unknown && namer_; }
  void Send(std::span<const sync::SyncEntry> entries, std::span<const RealId> ids);
  void CollectUnknown();
  void Name(const sync::SyncEntry& entry);
  void Refuse(dataplane::SyncFault fault) { ++counts_.faults[static_cast<size_t>(fault)]; }

  Rounds rounds_;
  Namer namer_;
  IntakeSettings settings_;
  IntakeCounts counts_;
  Batch filling_, running_;
  Named named_, named_running_;
  bool is_named_out_ = false;  // the batch that is out is named_running_
};

}  // namespace fairlead::control
