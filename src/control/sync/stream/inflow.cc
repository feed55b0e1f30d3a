#include "control/sync/stream/inflow.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "sync/stream/entry_codec.h"

namespace fairlead::control {

using sync::EntryStep;
using sync::StreamRefusal;

sync::MaybeRefusal Inflow::OnEntries(std::span<const uint8_t> body) {
  sync::EntriesHeader header;
  std::span<const uint8_t> bytes;
  if (const auto why = sync::DecodeEntries(body, &header, &bytes)) return why;
  if (header.sequence < expected_) return StreamRefusal::kOldSequence;
  if (header.sequence > expected_) return StreamRefusal::kSequenceGap;
  ++expected_;
  // Nothing is said once, at the end of the bulk: no peer fills the queue with empty frames.
  if (header.is_last_of_bulk && std::exchange(is_bulk_end_seen_, true))
    return StreamRefusal::kOrder;
  if (header.count == 0 && !header.is_last_of_bulk) return StreamRefusal::kFrameSize;
  if (waiting_ + header.count > window_) return StreamRefusal::kWindow;
  Received received{.sequence = header.sequence,
                    .count = header.count,
                    .is_last_of_bulk = header.is_last_of_bulk};
  sync::EntryReader reader(bytes);
  for (size_t i = 0; i < header.count; ++i) {
    sync::StreamEntry entry;
    const EntryStep step = reader.Next(&entry);
    if (step == EntryStep::kEnd || step == EntryStep::kBroken) return StreamRefusal::kEntrySize;
    ++ledger_.counts.entries_in;
    if (step == EntryStep::kTaken) {
      received.entries.push_back(entry);
    } else {
      ++ledger_.counts.refused[static_cast<size_t>(reader.refusal())];
    }
  }
  waiting_ += header.count;
  queue_.push_back(std::move(received));
  return std::nullopt;
}

std::vector<sync::StreamEntry> Inflow::NextBatch() {
  std::vector<sync::StreamEntry> batch;
  taking_ = 0;
  for (Received& received : queue_) {
    if (batch.size() + received.entries.size() > kMostEntriesOfBatch) break;
    std::ranges::move(received.entries, std::back_inserter(batch));
    ++taking_;
  }
  is_taking_ = true;
  return batch;
}

void Inflow::NoteTaken(const StreamTaken& taken) {
  PeerCounts& counts = ledger_.counts;
  counts.connections_in += taken.connections;
  counts.templates_in += taken.templates;
  counts.gone_in += taken.gone;
  for (size_t i = 0; i < taken.faults.size(); ++i) counts.faults[i] += taken.faults[i];
  for (; taking_ > 0; --taking_) {
    const Received& received = queue_.front();
    waiting_ -= received.count;
    acknowledge_ = received.sequence;
    is_bulk_done_ |= received.is_last_of_bulk;
    queue_.pop_front();
  }
  is_taking_ = false;
}

std::optional<uint64_t> Inflow::TakeAcknowledgement() { return std::exchange(acknowledge_, {}); }

}  // namespace fairlead::control
