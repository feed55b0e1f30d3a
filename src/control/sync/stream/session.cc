#include "control/sync/stream/session.h"

#include <algorithm>
#include <utility>

namespace fairlead::control {

using sync::FrameType;
using sync::MaybeRefusal;
using sync::StreamRefusal;

StreamSession::StreamSession(Setup setup, PeerLedger& ledger, TimePoint now)
    : setup_(std::move(setup)),
      ledger_(ledger),
      out_(ledger, setup_.limits),
      in_(ledger, setup_.first_sequence, setup_.limits.window),
      begun_(now),
      last_heard_(now),
      last_heartbeat_in_(now),
      next_heartbeat_(now) {
  ++ledger_.counts.sessions;
  sync::EncodeHello({.name = setup_.own_name,
                     .incarnation = setup_.incarnation,
                     .first_sequence = setup_.first_sequence,
                     .window = setup_.limits.window},
                    &out_.bytes());
}

StreamSession::~StreamSession() { out_.End(last_heard_); }

void StreamSession::Receive(std::span<const uint8_t> bytes, TimePoint now) {
  if (is_over()) return;
  last_heard_ = now;
  reader_.Feed(bytes);
  sync::Frame frame;
  while (!is_over() && reader_.Next(&frame)) Handle(frame, now);
  if (!is_over() && reader_.is_broken()) Refuse(StreamRefusal::kFrameSize, now);
}

void StreamSession::Handle(const sync::Frame& frame, TimePoint now) {
  const bool is_known = frame.type >= static_cast<uint8_t>(FrameType::kHello) &&
                        frame.type <= static_cast<uint8_t>(FrameType::kGoodbye);
  MaybeRefusal why;
  if (is_known) {
    why = HandleKnown(frame, now);
  } else if (!is_greeted_) {
    why = StreamRefusal::kMagic;
  } else if (frame.is_critical) {
    why = StreamRefusal::kFrameType;
  }
  if (why) Refuse(*why, now);
}

MaybeRefusal StreamSession::HandleKnown(const sync::Frame& frame, TimePoint now) {
  const auto type = static_cast<FrameType>(frame.type);
  if (type == FrameType::kGoodbye) {
    End({sync::DecodeGoodbye(frame.body), true}, now);
    return std::nullopt;
  }
  if ((type == FrameType::kHello) == is_greeted_) return StreamRefusal::kOrder;
  MaybeRefusal why;
  uint64_t sequence = 0;
  switch (type) {
    case FrameType::kHello:
      return OnHello(frame.body, now);
    case FrameType::kEntries:
      bulk_heard_ = now;
      return in_.OnEntries(frame.body);
    case FrameType::kAcknowledge:
      why = sync::DecodeAcknowledge(frame.body, &sequence);
      return why ? why : out_.OnAcknowledge(sequence, now);
    case FrameType::kDigests:
      if (is_compared_) return StreamRefusal::kOrder;
      why = sync::DecodeDigests(frame.body, &peer_digests_);
      if (!why) CompareDigests();
      return why;
    case FrameType::kHeartbeat:
      why = sync::DecodeHeartbeat(frame.body, &heartbeat_);
      if (!why) NoteHeartbeat(now);
      return why;
    case FrameType::kGoodbye:
      break;
  }
  return std::nullopt;
}

MaybeRefusal StreamSession::OnHello(std::span<const uint8_t> body, TimePoint now) {
  sync::Hello hello;
  if (const auto why = sync::DecodeHello(body, &hello)) return why;
  if (hello.name != setup_.peer_name) return StreamRefusal::kName;
  if (hello.ranges != kStreamRanges) return StreamRefusal::kRanges;
  if (hello.window < Outflow::kLeastWindow) return StreamRefusal::kHelloOption;
  if (ledger_.incarnation != hello.incarnation) {
    ledger_.lacking.set();
    ledger_.lacking_since = now;
    ledger_.incarnation = hello.incarnation;
  }
  has_common_digest_ = (hello.digest_kinds & sync::kDigestOfEndpoints) != 0;
  out_.Begin(hello.first_sequence, hello.window, now);
  is_greeted_ = true;
  return std::nullopt;
}

void StreamSession::NoteDigestsAsked() {
  is_asked_ = true;
  ledger_.marked.reset();
}

void StreamSession::SetDigests(std::span<const RangeDigest> digests, TimePoint now) {
  if (is_over()) return;
  if (ledger_.lacking.none()) ledger_.lacking_since = now;
  own_digests_.assign(digests.begin(), digests.end());
  has_told_digests_ = true;
  bulk_heard_ = bulk_moved_ = now;
  out_.Flush(now);
  sync::EncodeDigests(digests, &out_.bytes());
  CompareDigests();
}

void StreamSession::CompareDigests() {
  if (is_compared_ || own_digests_.size() != kStreamRanges ||
      peer_digests_.size() != kStreamRanges) {
    return;
  }
  StreamRanges different;
  for (size_t i = 0; i < kStreamRanges; ++i) {
    different.set(i, !has_common_digest_ || own_digests_[i] != peer_digests_[i]);
  }
  is_compared_ = true;
  own_digests_ = {};
  peer_digests_ = {};
  out_.BeginBulk(different);
}

void StreamSession::NoteHeartbeat(TimePoint now) {
  last_heartbeat_in_ = now;
  if (heartbeat_.ranges_left >= least_left_) return;
  least_left_ = heartbeat_.ranges_left;
  bulk_heard_ = bulk_moved_ = now;
}

// What the peer waits for from here, and what is here and waits for the workers, is no fault of
// its.
bool StreamSession::IsBulkStuckAt(TimePoint now) {
  if (in_.is_bulk_end_seen() || !has_told_digests_) return false;
  if (in_.waiting() > 0) bulk_heard_ = now;
  return now - bulk_heard_ > setup_.limits.bulk_quiet ||
         now - bulk_moved_ > setup_.limits.bulk_step;
}

void StreamSession::Turn(TimePoint now) {
  if (is_over()) return;
  if (!is_greeted_) {
    if (now - begun_ > setup_.limits.hello) Refuse(StreamRefusal::kSilent, now);
    return;
  }
  if (now - last_heard_ > setup_.limits.silence) return Refuse(StreamRefusal::kSilent, now);
  if (out_.IsStalledAt(now)) return Refuse(StreamRefusal::kStalled, now);
  if (IsBulkStuckAt(now)) return Refuse(StreamRefusal::kUnfinished, now);
  out_.Flush(now);
  if (const auto sequence = in_.TakeAcknowledgement()) {
    sync::EncodeAcknowledge(*sequence, &out_.bytes());
  }
  if (now < next_heartbeat_) return;
  next_heartbeat_ = now + setup_.limits.heartbeat;
  const auto lag = std::chrono::duration_cast<std::chrono::milliseconds>(out_.LagAt(now)).count();
  sync::EncodeHeartbeat({.lag_ms = static_cast<uint32_t>(std::clamp<int64_t>(lag, 0, UINT32_MAX)),
                         .ranges_left = out_.ranges_left()},
                        &out_.bytes());
}

std::vector<uint8_t> StreamSession::TakeOutput() { return std::exchange(out_.bytes(), {}); }

void StreamSession::Refuse(StreamRefusal why, TimePoint now) {
  ++ledger_.counts.refused[static_cast<size_t>(why)];
  End({std::string(sync::NameOf(why)), false}, now);
}

void StreamSession::End(const Ending& ending, TimePoint now) {
  if (is_over()) return;
  out_.Flush(now);
  if (!ending.is_theirs && !ending.why.empty()) sync::EncodeGoodbye(ending.why, &out_.bytes());
  ending_ = ending;
  out_.End(now);
}

TimePoint::duration StreamSession::LagInAt(TimePoint now) const {
  // What has not been heard of may be as old as the silence is.
  const TimePoint::duration silence = now - last_heartbeat_in_ - 2 * setup_.limits.heartbeat;
  return std::chrono::milliseconds(heartbeat_.lag_ms) +
         std::max(silence, TimePoint::duration::zero());
}

bool StreamSession::IsInSync(TimePoint now, TimePoint::duration ready_lag) const {
  return is_greeted_ && !is_over() && is_bulk_in_done() && is_bulk_out_done() &&
         LagOutAt(now) < ready_lag && LagInAt(now) < ready_lag;
}

}  // namespace fairlead::control
