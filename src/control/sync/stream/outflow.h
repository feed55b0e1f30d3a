// What one session sends: news as they come, and beside them what the peer may lack, range by
// range.
//
//   Outflow out(ledger, limits);
//   out.Begin(first_sequence, window);
//   out.AddNews(entry, now);
//   if (out.wants_pass()) tables.Walk(out.BeginPass(now), …AddSlice…);
//   if (out.wants_slice()) { out.NoteAsked(); tables.WalkOn(); }
//   out.OnAcknowledge(sequence, now);
//   out.Flush(now);  Send(out.bytes());
//
// Every frame of entries has the next sequence number. At most the peer's window of entries, and
// this director's, is under way and not acknowledged: that bounds the memory here, there and
// between. News that find no room mark their range as lacking. A record that has changed since a
// slice was asked for is not taken from the slice: what was told of it is newer. Threads: the
// control core's.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <unordered_set>
#include <vector>

#include "control/sync/stream/peer_ledger.h"
#include "sync/stream/messages.h"

namespace fairlead::control {

struct StreamLimits {
  uint32_t window = 65536;      // entries that may be under way to this director
  size_t ranges_of_pass = 256;  // what a broken session has to send again at the most
  std::chrono::milliseconds heartbeat{200};
  std::chrono::milliseconds hello{5'000};         // until the other's hello
  std::chrono::milliseconds silence{5'000};       // of the other
  std::chrono::milliseconds stalled{30'000};      // without an acknowledgement that is due
  std::chrono::milliseconds bulk_quiet{120'000};  // without an entry, while the bulk comes
  std::chrono::milliseconds bulk_step{900'000};   // until fewer ranges are left of it
};

class Outflow {
 public:
  static constexpr uint32_t kLeastWindow = 2 * kMostEntriesOfBatch;
  static constexpr size_t kMostTold = 16384;
  static constexpr uint32_t kMostBulkAhead = 8192;  // entries under way beside which bulk is sent

  Outflow(PeerLedger& ledger, const StreamLimits& limits) : ledger_(ledger), limits_(limits) {}

  // Precondition of all below.
  void Begin(uint64_t first_sequence, uint32_t window, TimePoint now);
  // Where the directors differ: of what the peer may lack the rest is there.
  void BeginBulk(const StreamRanges& different);

  void AddNews(const sync::StreamEntry& entry, TimePoint now);

  // Whether a pass over the tables is to begin, and over which ranges.
  [[nodiscard]] bool wants_pass() const;
  StreamRanges BeginPass(TimePoint now);
  // Whether there is room for the next slice of the pass.
  [[nodiscard]] bool wants_slice() const;
  void NoteAsked() {
    told_.clear();
    is_asked_ = true;
  }
  void AddSlice(const std::vector<sync::StreamEntry>& entries, bool is_last, TimePoint now);

  sync::MaybeRefusal OnAcknowledge(uint64_t sequence, TimePoint now);
  // Ends the frame begun, and says once when the bulk is over.
  void Flush(TimePoint now);
  // What was not acknowledged may lack.
  void End(TimePoint now);

  [[nodiscard]] std::vector<uint8_t>& bytes() { return bytes_; }
  [[nodiscard]] const std::vector<uint8_t>& bytes() const { return bytes_; }
  [[nodiscard]] bool is_bulk_done() const { return is_bulk_acknowledged_; }
  // Age of the oldest that the peer has not acknowledged.
  [[nodiscard]] TimePoint::duration LagAt(TimePoint now) const;
  [[nodiscard]] uint32_t ranges_left() const;
  [[nodiscard]] uint32_t in_flight() const { return in_flight_; }
  [[nodiscard]] bool IsStalledAt(TimePoint now) const {
    return !sent_.empty() && now - last_progress_ > limits_.stalled;
  }

 private:
  struct Sent {
    uint64_t sequence = 0;
    uint32_t count = 0;
    TimePoint since{};
    bool is_bulk = false;
    std::vector<uint16_t> ranges{};  // of news
  };
  struct Pass {
    StreamRanges ranges;
    TimePoint since{};
    bool is_sent = false;
    uint64_t last_sequence = 0;  // with is_sent
  };

  void Add(const sync::StreamEntry& entry, bool is_bulk, TimePoint now);
  void Open(bool is_bulk, TimePoint now);
  void Close(bool is_last_of_bulk);
  // News do not wait behind more of the bulk than that.
  [[nodiscard]] bool HasRoomForBulk() const {
    return in_flight_ + kMostEntriesOfBatch <= std::min(window_ / 2, kMostBulkAhead);
  }
  [[nodiscard]] bool IsToldSince(const sync::StreamEntry& entry) const;

  PeerLedger& ledger_;
  const StreamLimits limits_;
  std::vector<uint8_t> bytes_;
  uint64_t next_sequence_ = 0;
  uint32_t window_ = 0;
  uint32_t in_flight_ = 0;  // entries, also of the frame begun
  bool is_open_ = false;    // a frame is begun: the last of sent_
  size_t begin_ = 0;        // of that frame
  std::deque<Sent> sent_;
  std::deque<Pass> passes_;
  bool is_walking_ = false;  // the last pass has not come to its end
  bool is_asked_ = false;    // a slice is awaited
  std::unordered_set<uint64_t> told_;
  bool is_bulk_begun_ = false;
  uint64_t bulk_end_ = 0;  // sequence of the frame that said so
  bool is_bulk_end_sent_ = false, is_bulk_acknowledged_ = false;
  TimePoint last_progress_{};
};

}  // namespace fairlead::control
