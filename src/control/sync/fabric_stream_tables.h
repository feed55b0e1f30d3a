// The tables of the workers, for the stream between directors: stream_tables.h over mailboxes and
// rings.
//
//   FabricStreamTables tables(fabric, sync::CreatorNumber("edge-1"), submit);
//   tables.TakeBack(worker, command);     // a command of the stream has come back
//   tables.Turn();                        // every turn: news, and what has been finished
//
// Of each kind one command is out for each worker at the most. A walk reads ahead (walk_ahead.h):
// as many ranges in one pass as hold some thirty thousand records, for ten seconds. Threads: the
// control core's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "control/sync/stream_tables.h"
#include "control/sync/two_rounds.h"
#include "control/sync/walk_ahead.h"
#include "dataplane/shard/fabric.h"
#include "dataplane/shard/stream_mail.h"

namespace fairlead::control {

class FabricStreamTables final : public StreamTables {
 public:
  static constexpr size_t kNewsATurn = 8192;
  static constexpr size_t kMostBatch = 2048;     // entries of a Take
  static constexpr size_t kEntriesATurn = 4096;  // of a walk
  static constexpr uint32_t kAhead = 32768;      // records that a pass is to read
  static constexpr uint64_t kAheadMs = 10'000;   // what was read ahead is as old at the most
  static constexpr uint64_t kClockMs = 10'000;   // workers are told the wall clock as often

  using Submit = TwoRounds<dataplane::TakeStreamEntries>::Submit;
  using WallMs = std::function<uint64_t()>;  // Unix

  // `fabric` outlives it. Without `wall_ms` the system's clock is asked.
  FabricStreamTables(dataplane::Fabric& fabric, uint64_t creator, Submit submit,
                     WallMs wall_ms = {});

  void Tell(bool is_on) override { is_telling_ = is_on; }
  void OnNews(News news) override { news_ = std::move(news); }
  [[nodiscard]] std::vector<uint32_t> TakeLostRanges() override;
  [[nodiscard]] bool CanTake() const override { return !taken_; }
  void Take(std::vector<sync::StreamEntry> batch, Taken done) override;
  void Digests(DigestsDone done) override;
  void Walk(uint32_t range, Walked walked) override;
  void Turn() override;

  // A command of the stream has come back from this worker.
  void TakeBack(size_t worker, dataplane::Command* command);

 private:
  // One for each worker.
  struct Commands {
    dataplane::TellStream tell;
    dataplane::WalkStream walk;
    dataplane::DigestStream digest;
    dataplane::StreamNewsReader walked;
  };

  [[nodiscard]] dataplane::StreamClock Clock() const;
  void SendTell();
  void ReadNews();
  void FinishTake();
  void FinishDigests();
  void BeginPass();
  void TakeWalked(size_t worker);
  void GiveWalked();
  [[nodiscard]] uint32_t RangesOfAPass() const;

  dataplane::Fabric& fabric_;
  uint64_t creator_;
  Submit submit_;
  WallMs wall_ms_;
  std::vector<std::unique_ptr<Commands>> commands_;  // [worker]
  News news_;
  std::vector<dataplane::StreamNewsReader> readers_;  // of news, [worker]
  size_t turn_ = 0;

  bool is_telling_ = false;  // as wanted
  bool was_told_ = false;    // as workers were told last
  size_t tells_out_ = 0;
  uint64_t told_ms_ = 0;

  TwoRounds<dataplane::TakeStreamEntries> rounds_;
  std::vector<sync::StreamEntry> batch_;
  Taken taken_;

  DigestsDone digests_done_;
  size_t digests_out_ = 0;

  Walked walked_;  // somebody waits for range_
  uint32_t range_ = 0;
  uint32_t pass_ranges_ = 0;  // of the last pass
  size_t walks_out_ = 0;
  uint64_t ahead_ms_ = 0;
  WalkAhead ahead_;
  std::vector<sync::StreamEntry> giving_;  // what is left of range_
  bool is_giving_ = false;
};

}  // namespace fairlead::control
