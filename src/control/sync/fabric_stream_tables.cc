#include "control/sync/fabric_stream_tables.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <utility>

namespace fairlead::control {

using dataplane::CommandKind;
using dataplane::TakeStreamEntries;
using sync::StreamEntry;

FabricStreamTables::FabricStreamTables(dataplane::Fabric& fabric, uint64_t creator, Submit submit,
                                       WallMs wall_ms)
    : fabric_(fabric),
      creator_(creator),
      submit_(std::move(submit)),
      wall_ms_(std::move(wall_ms)),
      readers_(fabric.config.workers),
      rounds_(fabric.config.workers, submit_) {
  for (size_t i = 0; i < fabric.config.workers; ++i) {
    commands_.push_back(std::make_unique<Commands>());
  }
  if (!wall_ms_) {
    wall_ms_ = [] {
      using std::chrono::milliseconds;
      const auto since = std::chrono::system_clock::now().time_since_epoch();
      return static_cast<uint64_t>(std::chrono::duration_cast<milliseconds>(since).count());
    };
  }
}

dataplane::StreamClock FabricStreamTables::Clock() const {
  return {.wall_ms = wall_ms_(), .creator = static_cast<uint32_t>(creator_)};
}

void FabricStreamTables::Turn() {
  ++turn_;
  SendTell();
  ReadNews();
  if (taken_ && !rounds_.is_out()) FinishTake();
  if (digests_done_ && digests_out_ == 0) FinishDigests();
  if (walked_ && walks_out_ == 0) GiveWalked();
}

void FabricStreamTables::TakeBack(size_t worker, dataplane::Command* command) {
  switch (command->kind) {
    case CommandKind::kTellStream:
      --tells_out_;
      return;
    case CommandKind::kTakeStreamEntries:
      rounds_.TakeBack(worker);
      return;
    case CommandKind::kDigestStream: {
      auto* digest = static_cast<dataplane::DigestStream*>(command);
      if (!digest->is_complete) return submit_(worker, digest);
      --digests_out_;
      return;
    }
    case CommandKind::kWalkStream:
      TakeWalked(worker);
      return;
    default:
      return;
  }
}

// ---- news

// Also again and again, since the clocks of ticks and of the wall drift apart.
void FabricStreamTables::SendTell() {
  if (tells_out_ > 0) return;
  const uint64_t now = wall_ms_();
  const bool is_late = is_telling_ && now - told_ms_ >= kClockMs;
  if (is_telling_ == was_told_ && !is_late) return;
  was_told_ = is_telling_;
  told_ms_ = now;
  tells_out_ = commands_.size();
  for (size_t w = 0; w < commands_.size(); ++w) {
    commands_[w]->tell.clock = Clock();
    commands_[w]->tell.is_on = is_telling_;
    submit_(w, &commands_[w]->tell);
  }
}

void FabricStreamTables::ReadNews() {
  size_t left = kNewsATurn;
  StreamEntry entry;
  for (size_t i = 0; i < readers_.size(); ++i) {
    const size_t worker = (turn_ + i) % readers_.size();
    dataplane::StreamNews news;
    while (left > 0 && fabric_.stream_news[worker]->ring.Pop(&news)) {
      --left;
      if (!readers_[worker].Add(news, &entry)) continue;
      ahead_.Follow(entry);
      if (news_) news_(entry);
    }
  }
}

std::vector<uint32_t> FabricStreamTables::TakeLostRanges() {
  std::vector<uint32_t> ranges;
  for (size_t word = 0; word < sync::kStreamRanges / 64; ++word) {
    uint64_t bits = 0;
    for (const auto& outbox : fabric_.stream_news) {
      if (outbox->lost[word].load(std::memory_order_relaxed) == 0) continue;
      bits |= outbox->lost[word].exchange(0, std::memory_order_relaxed);
    }
    for (; bits != 0; bits &= bits - 1) {
      ranges.push_back(
          static_cast<uint32_t>(word * 64 + static_cast<size_t>(__builtin_ctzll(bits))));
    }
  }
  return ranges;
}

// ---- taking in

void FabricStreamTables::Take(std::vector<StreamEntry> batch, Taken done) {
  assert(CanTake() && batch.size() <= kMostBatch);
  batch_ = std::move(batch);
  // A connection finds its template when that comes first; nothing else depends on the order of
  // different records.
  std::ranges::stable_partition(
      batch_, [](const StreamEntry& e) { return e.kind == sync::StreamKind::kTemplate; });
  taken_ = std::move(done);
  const dataplane::StreamClock clock = Clock();
  rounds_.Begin(batch_.size(), [&](TakeStreamEntries* command) {
    command->clock = clock;
    command->entries = batch_;
    command->has_waiting = false;
  });
}

void FabricStreamTables::FinishTake() {
  for (const StreamEntry& entry : batch_) ahead_.FollowTaken(entry);
  StreamTaken sum;
  for (const auto& command : rounds_.commands()) {
    sum.connections += std::exchange(command->connections, 0);
    sum.templates += std::exchange(command->templates, 0);
    sum.gone += std::exchange(command->gone, 0);
    for (size_t i = 0; i < command->faults.size(); ++i) {
      sum.faults[i] += std::exchange(command->faults[i], 0);
    }
  }
  batch_.clear();
  std::exchange(taken_, nullptr)(sum);
}

// ---- digests

void FabricStreamTables::Digests(DigestsDone done) {
  assert(!digests_done_);
  digests_done_ = std::move(done);
  digests_out_ = commands_.size();
  for (size_t w = 0; w < commands_.size(); ++w) {
    dataplane::DigestStream& digest = commands_[w]->digest;
    digest.clock = Clock();
    digest.cursor = {};
    digest.is_complete = false;
    std::ranges::fill(digest.digests, RangeDigest{});
    submit_(w, &digest);
  }
}

void FabricStreamTables::FinishDigests() {
  std::vector<RangeDigest> sums(sync::kStreamRanges);
  for (const auto& command : commands_) {
    for (size_t i = 0; i < sums.size(); ++i) {
      sums[i].sum += command->digest.digests[i].sum;
      sums[i].records += command->digest.digests[i].records;
    }
  }
  std::exchange(digests_done_, nullptr)(sums);
}

// ---- walks

void FabricStreamTables::Walk(uint32_t range, Walked walked) {
  assert(!walked_ && range < sync::kStreamRanges);
  walked_ = std::move(walked);
  range_ = range;
  if (wall_ms_() - ahead_ms_ > kAheadMs) ahead_.Clear();
  if (ahead_.Has(range)) return;
  pass_ranges_ = RangesOfAPass();
  BeginPass();
}

// So many that their records are about kAhead.
uint32_t FabricStreamTables::RangesOfAPass() const {
  uint64_t records = 0;
  for (size_t w = 0; w < commands_.size(); ++w) {
    const auto& counters = fabric_.stats.worker(WorkerId{static_cast<uint8_t>(w)});
    records += counters.connections.value() + counters.templates.value();
  }
  const uint64_t ranges = sync::kStreamRanges * uint64_t{kAhead} / std::max<uint64_t>(records, 1);
  return static_cast<uint32_t>(std::clamp<uint64_t>(ranges, 1, sync::kStreamRanges));
}

void FabricStreamTables::BeginPass() {
  const auto left = static_cast<uint32_t>(sync::kStreamRanges) - range_;
  pass_ranges_ = std::min(pass_ranges_, left);
  ahead_.Begin(range_, pass_ranges_);
  ahead_ms_ = wall_ms_();
  walks_out_ = commands_.size();
  for (size_t w = 0; w < commands_.size(); ++w) {
    dataplane::WalkStream& walk = commands_[w]->walk;
    walk.clock = Clock();
    walk.first = range_;
    walk.count = pass_ranges_;
    walk.cursor = {};
    walk.rows.clear();
    walk.is_complete = false;
    commands_[w]->walked = {};
    submit_(w, &walk);
  }
}

void FabricStreamTables::TakeWalked(size_t worker) {
  dataplane::WalkStream& walk = commands_[worker]->walk;
  StreamEntry entry;
  for (const dataplane::StreamNews& row : walk.rows) {
    if (commands_[worker]->walked.Add(row, &entry)) ahead_.Add(entry);
  }
  walk.rows.clear();
  if (!walk.is_complete) return submit_(worker, &walk);
  if (--walks_out_ > 0) return;
  // News of this turn may be older than the last copies and are still in the rings: GiveWalked
  // comes after them.
}

// The workers are through with the pass, and what they had told before has been read.
void FabricStreamTables::GiveWalked() {
  if (!is_giving_) {
    if (!ahead_.Has(range_) && !ahead_.End()) {
      pass_ranges_ = std::max<uint32_t>(pass_ranges_ / 4, 1);
      return BeginPass();
    }
    giving_ = ahead_.Take(range_);
    is_giving_ = true;
  }
  const size_t count = std::min(giving_.size(), kEntriesATurn);
  std::vector<StreamEntry> entries(giving_.end() - static_cast<ptrdiff_t>(count), giving_.end());
  giving_.resize(giving_.size() - count);
  if (!giving_.empty()) return walked_(std::move(entries), false);
  is_giving_ = false;
  std::exchange(walked_, nullptr)(std::move(entries), true);
}

}  // namespace fairlead::control
