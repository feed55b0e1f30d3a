#include "control/sync/fabric_stream_tables.h"

#include <algorithm>
#include <array>
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
  if (is_giving_) GiveWalked();
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
  if (tells_out_ > 0 || (!is_telling_ && !was_told_)) return;
  const uint64_t now = wall_ms_();
  if (is_telling_ == was_told_ && now - told_ms_ < kClockMs) return;
  if (is_telling_) MakeOutboxes();
  was_told_ = is_telling_;
  told_ms_ = now;
  tells_out_ = commands_.size();
  for (size_t w = 0; w < commands_.size(); ++w) {
    commands_[w]->tell.clock = Clock();
    commands_[w]->tell.is_on = is_telling_;
    submit_(w, &commands_[w]->tell);
  }
}

// The command that has a worker tell also lets it see its own.
void FabricStreamTables::MakeOutboxes() {
  for (auto& outbox : fabric_.stream_news) {
    if (outbox == nullptr) outbox = std::make_unique<dataplane::StreamOutbox>();
  }
}

void FabricStreamTables::ReadNews() {
  size_t left = kNewsATurn;
  StreamEntry entry;
  std::array<dataplane::StreamNews, 64> news;
  for (size_t i = 0; i < readers_.size(); ++i) {
    const size_t worker = (turn_ + i) % readers_.size();
    if (fabric_.stream_news[worker] == nullptr) continue;
    auto& ring = fabric_.stream_news[worker]->ring;
    while (const size_t count = ring.PopBurst({news.data(), std::min(left, news.size())})) {
      left -= count;
      for (size_t n = 0; n < count; ++n) {
        if (readers_[worker].Add(news[n], &entry) && news_) news_(entry);
      }
    }
  }
  has_more_news_ = left == 0;
}

std::vector<uint32_t> FabricStreamTables::TakeLostRanges() {
  std::vector<uint32_t> ranges;
  for (size_t word = 0; word < sync::kStreamRanges / 64; ++word) {
    uint64_t bits = 0;
    for (const auto& outbox : fabric_.stream_news) {
      if (outbox == nullptr || outbox->lost[word].load(std::memory_order_relaxed) == 0) continue;
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
  assert(CanTake() && batch.size() <= kMostEntriesOfBatch);
  batch_ = std::move(batch);
  // A connection finds its template when that comes first; nothing else depends on the order of
  // different records.
  std::stable_partition(batch_.begin(), batch_.end(),
                        [](const StreamEntry& e) { return e.kind == sync::StreamKind::kTemplate; });
  taken_ = std::move(done);
  const dataplane::StreamClock clock = Clock();
  rounds_.Begin(batch_.size(), [&](TakeStreamEntries* command) {
    command->clock = clock;
    command->entries = batch_;
    command->has_waiting = false;
  });
}

void FabricStreamTables::FinishTake() {
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

void FabricStreamTables::Walk(const StreamRanges& ranges, Walked walked) {
  assert(CanWalk());
  walked_ = std::move(walked);
  ranges_ = ranges;
  for (const auto& command : commands_) {
    command->walk.ranges = &ranges_;
    command->walk.cursor = {};
    command->walk.is_complete = false;
    command->walked = {};
  }
  WalkOn();
}

void FabricStreamTables::WalkOn() {
  assert(walked_ && !is_asked_);
  is_asked_ = true;
  slice_.reserve(kMostEntriesOfBatch);
  is_giving_ = !SendWalks();
}

void FabricStreamTables::StopWalk() {
  walked_ = nullptr;
  slice_.clear();
  is_asked_ = is_giving_ = false;
}

// A slice is whole when it is half full or nothing is left: those who found little look on.
bool FabricStreamTables::SendWalks() {
  if (slice_.size() >= kMostEntriesOfBatch / 2) return false;
  const size_t room = (kMostEntriesOfBatch - slice_.size()) / commands_.size();
  for (size_t w = 0; w < commands_.size(); ++w) {
    dataplane::WalkStream& walk = commands_[w]->walk;
    if (walk.is_complete) continue;
    walk.clock = Clock();
    walk.rows = {};
    walk.rows.reserve(std::max(room, dataplane::kMostRowsOfRecord));
    ++walks_out_;
    submit_(w, &walk);
  }
  return walks_out_ > 0;
}

void FabricStreamTables::TakeWalked(size_t worker) {
  Commands& command = *commands_[worker];
  if (walked_) {
    StreamEntry entry;
    for (const dataplane::StreamNews& row : command.walk.rows) {
      if (command.walked.Add(row, &entry)) slice_.push_back(entry);
    }
  }
  if (--walks_out_ > 0 || !walked_) return;
  is_giving_ = !SendWalks();
}

void FabricStreamTables::GiveWalked() {
  is_asked_ = is_giving_ = false;
  const bool is_last =
      std::ranges::all_of(commands_, [](const auto& c) { return c->walk.is_complete; });
  std::vector<StreamEntry> entries = std::exchange(slice_, {});
  if (!is_last) return walked_(std::move(entries), false);
  std::exchange(walked_, nullptr)(std::move(entries), true);
}

}  // namespace fairlead::control
