// Datagrams of the kernel's sync protocol, on their way to the workers in bounded batches.
//
//   const auto submit = [&](size_t worker, Command* c) { mail.Submit(worker, c); };
//   Intake intake(fabric.config.workers, submit);
//   intake.Use({.syncid = 7, .threshold = 3});
//   if (intake.HasRoom()) intake.Add(payload);  // else leave it in the socket
//   intake.Turn();                              // every turn: what has come goes out
//   intake.TakeBack(worker);                    // its command is done, or a slice of it
//
// One batch is with the workers while the next one fills. A batch is bounded in entries and in
// bytes, so no flood takes more than two batches of memory, whatever the size of its datagrams. A
// worker does no more than one slice a turn. Threads: one, the control core's.
// Allocates when it is made, and for datagrams.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "control/sync/sync_info.h"
#include "control/sync/two_rounds.h"
#include "dataplane/shard/sync_mail.h"
#include "sync/ipvs/wire.h"

namespace fairlead::control {

struct IntakeSettings {
  uint8_t syncid = 0;      // 0: every sender's
  uint32_t threshold = 3;  // packets that a connection taken in has had
};

class Intake {
 public:
  static constexpr size_t kBatchEntries = 2048;
  static constexpr size_t kBatchBytes = 4 << 20;  // of datagrams held
  using Rounds = TwoRounds<dataplane::TakeSyncEntries>;
  using Submit = Rounds::Submit;

  Intake(size_t workers, Submit submit);
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;

  void Use(const IntakeSettings& settings) { settings_ = settings; }
  // Whether the batch has room for any datagram.
  [[nodiscard]] bool HasRoom() const {
    return filling_.entries.size() + sync::kMostEntries <= kBatchEntries &&
           filling_.bytes + sync::kMostDatagramBytes <= kBatchBytes;
  }
  // Precondition: HasRoom.
  void Add(std::span<const uint8_t> payload);
  void Turn();
  // The command of this worker has come back.
  void TakeBack(size_t worker);

  [[nodiscard]] bool is_idle() const { return !rounds_.is_out() && filling_.entries.empty(); }
  [[nodiscard]] const IntakeCounts& counts() const { return counts_; }

 private:
  struct Batch {
    std::deque<std::vector<uint8_t>> payloads;  // that the entries look into
    std::vector<sync::SyncEntry> entries;
    size_t bytes = 0;  // of the payloads
  };

  Rounds rounds_;
  IntakeSettings settings_;
  IntakeCounts counts_;
  Batch filling_, running_;
};

}  // namespace fairlead::control
