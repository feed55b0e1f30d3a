// What one session receives: entries in the order of their sequence numbers, until the workers have
// taken them.
//
//   Inflow in(ledger, first_sequence, window);
//   if (const auto why = in.OnEntries(frame.body)) Refuse(*why);
//   while (in.has_batch()) tables.Take(in.NextBatch(), …in.NoteTaken(taken)…);
//   if (const auto sequence = in.TakeAcknowledgement()) EncodeAcknowledge(*sequence, &out);
//
// A number that came before, or that leaves one out, is refused: whoever can repeat or reorder
// bytes changes nothing here. More entries than the window are refused too, so what waits is
// bounded. It waits as the bytes that came, which are a sixth of what the entries take. Threads:
// the control core's.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "control/sync/stream/peer_ledger.h"
#include "sync/stream/messages.h"

namespace fairlead::control {

class Inflow {
 public:
  Inflow(PeerLedger& ledger, uint64_t first_sequence, uint32_t window)
      : ledger_(ledger), window_(window), expected_(first_sequence) {}

  sync::MaybeRefusal OnEntries(std::span<const uint8_t> body);

  // One batch at a time.
  [[nodiscard]] bool has_batch() const { return !is_taking_ && !queue_.empty(); }
  // May be empty: frames may say nothing but that the bulk is over. Then too NoteTaken follows.
  std::vector<sync::StreamEntry> NextBatch();
  void NoteTaken(const StreamTaken& taken);
  // What the workers have taken, once.
  std::optional<uint64_t> TakeAcknowledgement();

  // All that the peer had is taken.
  [[nodiscard]] bool is_bulk_done() const { return is_bulk_done_; }
  // All that the peer had is here, and may still wait for the workers.
  [[nodiscard]] bool is_bulk_end_seen() const { return is_bulk_end_seen_; }
  [[nodiscard]] uint32_t waiting() const { return waiting_; }

 private:
  struct Received {
    uint64_t sequence = 0;
    uint32_t count = 0;  // as the frame says
    uint32_t taken = 0;  // of these, entries that can be taken
    bool is_last_of_bulk = false;
    std::vector<uint8_t> bytes{};  // that have been looked at
  };
  static void Read(const Received& received, std::vector<sync::StreamEntry>* batch);

  PeerLedger& ledger_;
  const uint32_t window_;
  uint64_t expected_;
  std::deque<Received> queue_;
  uint32_t waiting_ = 0;  // entries that are not acknowledged
  size_t waiting_bytes_ = 0;
  bool is_taking_ = false;
  size_t taking_ = 0;  // frames of the batch: the first of the queue
  std::optional<uint64_t> acknowledge_;
  bool is_bulk_end_seen_ = false, is_bulk_done_ = false;
};

}  // namespace fairlead::control
