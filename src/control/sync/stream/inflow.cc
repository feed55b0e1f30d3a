#include "control/sync/stream/inflow.h"

#include <algorithm>
#include <utility>

#include "sync/stream/entry_codec.h"
#include "sync/stream/wire.h"

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
  // Options that are not known here may be long.
  if (waiting_bytes_ + bytes.size() > size_t{window_} * sync::kMostStreamEntryBytes) {
    return StreamRefusal::kWindow;
  }
  Received received{.sequence = header.sequence,
                    .count = header.count,
                    .is_last_of_bulk = header.is_last_of_bulk};
  sync::EntryReader reader(bytes);
  sync::StreamEntry entry;
  for (size_t i = 0; i < header.count; ++i) {
    const EntryStep step = reader.Next(&entry);
    if (step == EntryStep::kEnd || step == EntryStep::kBroken) return StreamRefusal::kEntrySize;
    ++ledger_.counts.entries_in;
    if (step == EntryStep::kTaken) {
      ++received.taken;
    } else {
      ++ledger_.counts.refused[static_cast<size_t>(reader.refusal())];
    }
  }
  received.bytes.assign(bytes.begin(), bytes.end());
  waiting_ += header.count;
  waiting_bytes_ += bytes.size();
  queue_.push_back(std::move(received));
  return std::nullopt;
}

std::vector<sync::StreamEntry> Inflow::NextBatch() {
  size_t count = 0;
  taking_ = 0;
  for (const Received& received : queue_) {
    if (count + received.taken > kMostEntriesOfBatch) break;
    count += received.taken;
    ++taking_;
  }
  std::vector<sync::StreamEntry> batch;
  batch.reserve(count + 1);  // one more is tried
  for (size_t i = 0; i < taking_; ++i) Read(queue_[i], &batch);
  is_taking_ = true;
  return batch;
}

void Inflow::Read(const Received& received, std::vector<sync::StreamEntry>* batch) {
  sync::EntryReader reader(received.bytes);
  for (uint32_t i = 0; i < received.count; ++i) {
    if (reader.Next(&batch->emplace_back()) != EntryStep::kTaken) batch->pop_back();
  }
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
    waiting_bytes_ -= received.bytes.size();
    acknowledge_ = received.sequence;
    is_bulk_done_ |= received.is_last_of_bulk;
    queue_.pop_front();
  }
  is_taking_ = false;
}

std::optional<uint64_t> Inflow::TakeAcknowledgement() { return std::exchange(acknowledge_, {}); }

}  // namespace fairlead::control
