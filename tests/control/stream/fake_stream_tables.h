// Tables of a director that a test can look into: entries by their endpoints.
//
//   FakeStreamTables tables;
//   tables.Put(entry);      // as a packet would; it is told
//   tables.Remove(entry);
//   tables.entries          // key → entry
//
// Answers come in the next Turn, slices are small. Threads: one.
#pragma once

#include <fmt/format.h>

#include <deque>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "base/hash.h"
#include "control/sync/stream_tables.h"

namespace fairlead::control {

inline std::string KeyOf(const sync::StreamEntry& e) {
  return fmt::format("{} {} {}:{} {}:{}", static_cast<int>(e.kind), e.protocol, e.client.ToString(),
                     e.client_port.host(), e.virtual_address.ToString(), e.virtual_port.host());
}

class FakeStreamTables : public StreamTables {
 public:
  size_t slice = 64;
  std::map<std::string, sync::StreamEntry> entries;
  std::vector<uint32_t> lost;
  size_t batches = 0, largest_batch = 0, passes = 0, slices = 0, digests = 0, taken = 0;
  size_t walked = 0;  // entries
  bool is_told = false;
  bool is_unserved = false;  // no service here has what comes
  bool is_stuck = false;     // workers take nothing

  void Put(const sync::StreamEntry& entry) {
    entries[KeyOf(entry)] = entry;
    if (is_told) news_.push_back(entry);
  }
  void Remove(sync::StreamEntry entry) {
    if (entries.erase(KeyOf(entry)) == 0) return;
    entry.event = sync::StreamEvent::kGone;
    if (is_told) news_.push_back(entry);
  }
  // Key, real server and age of all.
  [[nodiscard]] std::string Text() const {
    std::string text;
    for (const auto& [key, e] : entries) {
      text += fmt::format("{} → {} since {}\n", key, e.real.ToString(), e.created_ms);
    }
    return text;
  }

  void Tell(bool is_on) override { is_told = is_on; }
  void OnNews(News news) override { on_news_ = std::move(news); }
  std::vector<uint32_t> TakeLostRanges() override { return std::exchange(lost, {}); }
  bool CanTake() const override { return !take_done_; }
  void Take(std::vector<sync::StreamEntry> batch, Taken done) override {
    ++batches;
    largest_batch = std::max(largest_batch, batch.size());
    batch_ = std::move(batch);
    take_done_ = std::move(done);
  }
  void Digests(DigestsDone done) override {
    ++digests;
    digests_done_ = std::move(done);
  }
  bool CanWalk() const override { return !walked_; }
  void Walk(const StreamRanges& ranges, Walked done) override {
    ++passes;
    ranges_ = ranges;
    walked_ = std::move(done);
    at_ = "";
    is_slice_due_ = true;
  }
  void WalkOn() override { is_slice_due_ = true; }
  void StopWalk() override { walked_ = nullptr; }

  void Turn() override {
    for (; !news_.empty(); news_.pop_front()) on_news_(news_.front());
    if (take_done_ && !is_stuck) TakeBatch();
    if (digests_done_) std::exchange(digests_done_, nullptr)(AllDigests());
    if (walked_ && std::exchange(is_slice_due_, false)) NextSlice();
  }

 private:
  // What every director decides alike: the older one stays.
  static auto AgeOf(const sync::StreamEntry& e) { return std::tuple(e.created_ms, e.creator); }

  void TakeBatch() {
    StreamTaken result;
    for (const sync::StreamEntry& entry : batch_) {
      ++taken;
      if (entry.event == sync::StreamEvent::kGone) {
        result.gone += entries.erase(KeyOf(entry));
        continue;
      }
      if (is_unserved) {
        ++result.faults[static_cast<size_t>(dataplane::SyncFault::kService)];
        continue;
      }
      ++result.connections;
      const auto [it, is_new] = entries.try_emplace(KeyOf(entry), entry);
      if (!is_new && AgeOf(entry) < AgeOf(it->second)) it->second = entry;
    }
    std::exchange(take_done_, nullptr)(result);
  }

  [[nodiscard]] std::vector<RangeDigest> AllDigests() const {
    std::vector<RangeDigest> all(kStreamRanges);
    for (const auto& [key, e] : entries) {
      RangeDigest& digest = all[sync::RangeOf(e)];
      uint64_t hash = e.real.Fold() ^ e.created_ms;
      for (const char c : key)
        hash = MixMultiply(hash ^ static_cast<uint8_t>(c), 0x9e3779b97f4a7c15u);
      digest.sum += hash;
      ++digest.records;
    }
    return all;
  }

  void NextSlice() {
    std::vector<sync::StreamEntry> found;
    auto it = at_.empty() ? entries.begin() : entries.upper_bound(at_);
    for (; it != entries.end() && found.size() < slice; ++it) {
      at_ = it->first;
      if (ranges_.test(sync::RangeOf(it->second))) found.push_back(it->second);
    }
    ++slices;
    walked += found.size();
    const bool is_last = it == entries.end();
    const Walked tell = is_last ? std::exchange(walked_, nullptr) : walked_;
    tell(std::move(found), is_last);
  }

  News on_news_ = [](const sync::StreamEntry&) {};
  std::deque<sync::StreamEntry> news_;
  std::vector<sync::StreamEntry> batch_;
  Taken take_done_;
  DigestsDone digests_done_;
  Walked walked_;
  StreamRanges ranges_;
  std::string at_;
  bool is_slice_due_ = false;
};

}  // namespace fairlead::control
