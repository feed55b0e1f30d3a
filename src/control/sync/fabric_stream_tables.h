// The tables of the workers, for the stream between directors: stream_tables.h over mailboxes and
// rings.
//
//   FabricStreamTables tables(fabric, sync::CreatorNumber("edge-1"), submit);
//   tables.TakeBack(worker, command);     // a command of the stream has come back
//   tables.Turn();                        // every turn: news, and what has been finished
//
// Of each kind one command is out for each worker at the most. A slice of a walk is copied after it
// has been asked for, so what workers tell from then on is as new as the slice or newer. Threads:
// the control core's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "control/sync/stream_tables.h"
#include "control/sync/two_rounds.h"
#include "dataplane/shard/fabric.h"
#include "dataplane/shard/stream_mail.h"

namespace fairlead::control {

class FabricStreamTables final : public StreamTables {
 public:
  static constexpr size_t kNewsATurn = 8192;
  static constexpr uint64_t kClockMs = 10'000;  // workers are told the wall clock as often

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
  [[nodiscard]] bool CanWalk() const override { return !walked_ && walks_out_ == 0; }
  void Walk(const StreamRanges& ranges, Walked walked) override;
  void WalkOn() override;
  void StopWalk() override;
  void Turn() override;

  // Of records that are made from now on: workers hear of it with the next Turn.
  void SetCreator(uint64_t creator) {
    if (std::exchange(creator_, creator) != creator) told_ms_ = 0;
  }

  // Workers are at work for somebody who waits, or have told more than a turn reads: a turn soon is
  // better than one late.
  [[nodiscard]] bool is_busy() const {
    return rounds_.is_out() || digests_out_ > 0 || walks_out_ > 0 || is_giving_ || has_more_news_;
  }

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
  void MakeOutboxes();
  void ReadNews();
  void FinishTake();
  void FinishDigests();
  // False: all of them are through.
  bool SendWalks();
  void TakeWalked(size_t worker);
  void GiveWalked();

  dataplane::Fabric& fabric_;
  uint64_t creator_;
  Submit submit_;
  WallMs wall_ms_;
  std::vector<std::unique_ptr<Commands>> commands_;  // [worker]
  News news_;
  std::vector<dataplane::StreamNewsReader> readers_;  // of news, [worker]
  size_t turn_ = 0;
  bool has_more_news_ = false;

  bool is_telling_ = false;  // as wanted
  bool was_told_ = false;    // as workers were told last
  size_t tells_out_ = 0;
  uint64_t told_ms_ = 0;

  TwoRounds<dataplane::TakeStreamEntries> rounds_;
  std::vector<sync::StreamEntry> batch_;
  Taken taken_;

  DigestsDone digests_done_;
  size_t digests_out_ = 0;

  Walked walked_;  // somebody waits for slices
  StreamRanges ranges_;
  size_t walks_out_ = 0;
  bool is_asked_ = false;   // for a slice, which is not whole yet
  bool is_giving_ = false;  // it is whole, and is given in the next Turn
  std::vector<sync::StreamEntry> slice_;
};

}  // namespace fairlead::control
