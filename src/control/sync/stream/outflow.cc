#include "control/sync/stream/outflow.h"

#include <algorithm>

#include "base/hash.h"
#include "sync/stream/entry_codec.h"
#include "sync/stream/wire.h"

namespace fairlead::control {

using sync::StreamEntry;

namespace {

// Two records are the same when all of this is; another one is met by chance once in 2^64.
uint64_t RecordHash(const StreamEntry& e) {
  uint64_t hash = sync::EndpointHash(e.kind, e.protocol, e.client, e.client_port, e.virtual_address,
                                     e.virtual_port);
  hash = MixMultiply(hash ^ e.client_group, 0x9e3779b97f4a7c15u);
  hash = MixMultiply(hash ^ e.service_group, 0xc2b2ae3d27d4eb4fu);
  for (size_t i = 0; i < e.engine_length; ++i) {
    hash = (hash ^ static_cast<uint8_t>(e.engine_data[i])) * 0x100000001b3u;
  }
  return hash ^ uint64_t { e.scope } << 8 ^ e.spread;
}

}  // namespace

void Outflow::Begin(uint64_t first_sequence, uint32_t window, TimePoint now) {
  next_sequence_ = first_sequence;
  // The peer says what it can hold; what waits here is bounded by this director alone.
  window_ = std::min(window, limits_.window);
  last_progress_ = now;
}

void Outflow::BeginBulk(const StreamRanges& different) {
  ledger_.lacking = (ledger_.lacking & different) | ledger_.marked;
  is_bulk_begun_ = true;
}

void Outflow::AddNews(const StreamEntry& entry, TimePoint now) {
  const uint32_t range = sync::RangeOf(entry);
  if (is_asked_) {
    if (told_.size() >= kMostTold) {
      ledger_.MarkLacking(range, now);  // the slice may bring what is old
    } else {
      told_.insert(RecordHash(entry));
    }
  }
  if (in_flight_ >= window_) {
    ++ledger_.counts.postponed;
    return ledger_.MarkLacking(range, now);
  }
  Add(entry, false, now);
  sent_.back().ranges.push_back(static_cast<uint16_t>(range));
}

bool Outflow::wants_pass() const {
  return is_bulk_begun_ && !is_walking_ && ledger_.lacking.any() && HasRoomForBulk();
}

StreamRanges Outflow::BeginPass(TimePoint now) {
  Pass& pass = passes_.emplace_back();
  pass.since = ledger_.lacking_since;
  size_t left = limits_.ranges_of_pass;
  for (size_t i = 0; i < kStreamRanges && left > 0; ++i) {
    if (!ledger_.lacking.test(i)) continue;
    pass.ranges.set(i);
    --left;
  }
  ledger_.lacking &= ~pass.ranges;
  ledger_.marked &= ~pass.ranges;
  if (ledger_.lacking.none()) ledger_.lacking_since = now;
  is_walking_ = true;
  NoteAsked();
  return pass.ranges;
}

bool Outflow::wants_slice() const { return is_walking_ && !is_asked_ && HasRoomForBulk(); }

bool Outflow::IsToldSince(const StreamEntry& entry) const {
  return !told_.empty() && told_.contains(RecordHash(entry));
}

void Outflow::AddSlice(const std::vector<StreamEntry>& entries, bool is_last, TimePoint now) {
  is_asked_ = false;
  for (const StreamEntry& entry : entries) {
    if (IsToldSince(entry)) continue;
    Add(entry, true, now);
    ++ledger_.counts.bulk_out;
  }
  told_.clear();
  if (!is_last) return;
  is_walking_ = false;
  Pass& pass = passes_.back();
  if (is_open_) Close(false);
  const bool is_quiet = sent_.empty();
  pass.is_sent = true;
  pass.last_sequence = next_sequence_ - 1;
  if (is_quiet) passes_.pop_back();  // nothing is under way, so all of it is there
}

void Outflow::Open(bool is_bulk, TimePoint now) {
  if (sent_.empty()) last_progress_ = now;
  begin_ = sync::BeginEntries(&bytes_);
  sent_.push_back({.sequence = next_sequence_++, .since = now, .is_bulk = is_bulk});
  is_open_ = true;
}

void Outflow::Close(bool is_last_of_bulk) {
  const Sent& sent = sent_.back();
  sync::EndEntries(begin_,
                   {.sequence = sent.sequence,
                    .count = static_cast<uint16_t>(sent.count),
                    .is_bulk = sent.is_bulk,
                    .is_last_of_bulk = is_last_of_bulk},
                   &bytes_);
  is_open_ = false;
}

void Outflow::Add(const StreamEntry& entry, bool is_bulk, TimePoint now) {
  if (is_open_ && sent_.back().is_bulk != is_bulk) Close(false);
  if (!is_open_) Open(is_bulk, now);
  sync::EncodeEntry(entry, &bytes_);
  ++in_flight_;
  ++ledger_.counts.entries_out;
  const size_t size = bytes_.size() - begin_ - sync::kFrameHeaderBytes;
  if (++sent_.back().count == sync::kMostEntriesOfFrame ||
      size + sync::kMostStreamEntryBytes > sync::kMostBodyBytes) {
    Close(false);
  }
}

sync::MaybeRefusal Outflow::OnAcknowledge(uint64_t sequence, TimePoint now) {
  // What is begun has not been sent.
  const size_t complete = sent_.size() - (is_open_ ? 1 : 0);
  if (complete == 0 || sequence < sent_.front().sequence ||
      sequence > sent_[complete - 1].sequence) {
    return sync::StreamRefusal::kAcknowledgement;
  }
  last_progress_ = now;
  while (!sent_.empty() && sent_.front().sequence <= sequence) {
    in_flight_ -= sent_.front().count;
    sent_.pop_front();
  }
  while (!passes_.empty() && passes_.front().is_sent && passes_.front().last_sequence <= sequence) {
    passes_.pop_front();
  }
  if (is_bulk_end_sent_ && bulk_end_ <= sequence) is_bulk_acknowledged_ = true;
  return std::nullopt;
}

void Outflow::Flush(TimePoint now) {
  if (is_open_) Close(false);
  if (!is_bulk_begun_ || is_bulk_end_sent_ || is_walking_ || ledger_.lacking.any()) return;
  Open(true, now);
  bulk_end_ = sent_.back().sequence;
  Close(true);
  is_bulk_end_sent_ = true;
}

void Outflow::End(TimePoint now) {
  StreamRanges lost;
  for (const Sent& sent : sent_) {
    for (const uint16_t range : sent.ranges) lost.set(range);
  }
  for (const Pass& pass : passes_) lost |= pass.ranges;
  if (lost.any()) ledger_.MarkLacking(lost, now);
  sent_.clear();
  passes_.clear();
}

TimePoint::duration Outflow::LagAt(TimePoint now) const {
  TimePoint oldest = now;
  if (!sent_.empty()) oldest = std::min(oldest, sent_.front().since);
  if (!passes_.empty()) oldest = std::min(oldest, passes_.front().since);
  if (ledger_.lacking.any()) oldest = std::min(oldest, ledger_.lacking_since);
  return now - oldest;
}

uint32_t Outflow::ranges_left() const {
  size_t count = ledger_.lacking.count();
  for (const Pass& pass : passes_) count += pass.ranges.count();
  return static_cast<uint32_t>(count);
}

}  // namespace fairlead::control
