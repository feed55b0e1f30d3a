// One session of the stream between two directors: bytes in, bytes out, and what it asks of the
// tables. Knows no socket and no clock.
//
//   StreamSession session({.own_name = "edge-1", .peer_name = "edge-2", …}, ledger, now);
//   session.Receive(bytes, now);
//   if (session.wants_digests()) tables.Digests(…session.SetDigests(digests)…);
//   session.Turn(now);
//   Send(session.TakeOutput());
//   if (session.is_over()) Close(session.ending());
//
// Its life: hello → digests of both → bulk both ways, news beside it → both have what the other had
// → news. In sync: both bulks are done, and neither side is behind by ready_lag. A bulk lasts as
// long as it takes, but one that comes no nearer to its end is given up. Whatever comes, it
// keeps a bounded number of entries, and ends with a name for what was wrong
// (sync/stream/refusal.h). StreamHub gives it its share of the tables. Threads: the control core's.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "control/sync/stream/inflow.h"
#include "control/sync/stream/outflow.h"
#include "control/sync/stream/peer_ledger.h"
#include "sync/stream/frame.h"
#include "sync/stream/messages.h"

namespace fairlead::control {

class StreamSession {
 public:
  struct Setup {
    std::string own_name{};
    std::string peer_name{};
    uint64_t incarnation = 0;     // of this director
    uint64_t first_sequence = 0;  // that the peer is to begin with; drawn
    StreamLimits limits{};
  };
  // Why it is over.
  struct Ending {
    std::string why;  // the name of a refusal; empty: the connection ended
    bool is_theirs = false;
  };

  // Says hello. `ledger` outlives it.
  StreamSession(Setup setup, PeerLedger& ledger, TimePoint now);
  StreamSession(const StreamSession&) = delete;
  StreamSession& operator=(const StreamSession&) = delete;
  ~StreamSession();  // what is not acknowledged is noted in the ledger

  void Receive(std::span<const uint8_t> bytes, TimePoint now);
  // Heartbeats, time limits, what waits to be sent.
  void Turn(TimePoint now);
  // Empty: there is nothing to send.
  std::vector<uint8_t> TakeOutput();
  [[nodiscard]] bool has_output() const { return !out_.bytes().empty(); }
  // The connection has ended, or is to end: then a goodbye is in the output.
  void End(const Ending& ending, TimePoint now);
  [[nodiscard]] bool is_over() const { return ending_.has_value(); }
  [[nodiscard]] const std::optional<Ending>& ending() const { return ending_; }

  // ---- what it asks of the tables
  [[nodiscard]] bool wants_digests() const { return is_greeted_ && !is_over() && !is_asked_; }
  void NoteDigestsAsked();
  void SetDigests(std::span<const RangeDigest> digests, TimePoint now);
  // Whether news can be told to the peer; else they are marked in the ledger.
  [[nodiscard]] bool is_greeted() const { return is_greeted_; }
  Outflow& out() { return out_; }
  Inflow& in() { return in_; }
  [[nodiscard]] bool has_batch() const { return !is_over() && in_.has_batch(); }
  [[nodiscard]] bool wants_pass() const { return !is_over() && out_.wants_pass(); }
  [[nodiscard]] bool wants_slice() const { return !is_over() && out_.wants_slice(); }

  // ---- what it shows
  // Both digests are known.
  [[nodiscard]] bool is_compared() const { return is_compared_; }
  [[nodiscard]] bool is_bulk_in_done() const { return in_.is_bulk_done(); }
  [[nodiscard]] bool is_bulk_out_done() const { return out_.is_bulk_done(); }
  // Of what the peer is to have; of what this director is to have.
  [[nodiscard]] TimePoint::duration LagOutAt(TimePoint now) const { return out_.LagAt(now); }
  [[nodiscard]] TimePoint::duration LagInAt(TimePoint now) const;
  [[nodiscard]] bool IsInSync(TimePoint now, TimePoint::duration ready_lag) const;
  // That are still to come.
  [[nodiscard]] uint32_t ranges_left_in() const { return heartbeat_.ranges_left; }
  [[nodiscard]] uint32_t ranges_left_out() const { return out_.ranges_left(); }

 private:
  void Handle(const sync::Frame& frame, TimePoint now);
  sync::MaybeRefusal HandleKnown(const sync::Frame& frame, TimePoint now);
  sync::MaybeRefusal OnHello(std::span<const uint8_t> body, TimePoint now);
  void Refuse(sync::StreamRefusal why, TimePoint now);
  void CompareDigests();
  void NoteHeartbeat(TimePoint now);
  [[nodiscard]] bool IsBulkStuckAt(TimePoint now);

  const Setup setup_;
  PeerLedger& ledger_;
  sync::FrameReader reader_;
  Outflow out_;
  Inflow in_;
  std::optional<Ending> ending_;
  bool is_greeted_ = false;  // the peer's hello has come
  bool is_asked_ = false;    // for the digests of the tables
  bool is_compared_ = false;
  bool has_common_digest_ = false;
  std::vector<RangeDigest> own_digests_, peer_digests_;
  sync::Heartbeat heartbeat_;  // the last that came
  // The peer's bulk, since it has this director's digests: when an entry came, and when fewer
  // ranges were left of it than ever before.
  bool has_told_digests_ = false;
  TimePoint bulk_heard_, bulk_moved_;
  uint32_t least_left_ = UINT32_MAX;
  TimePoint begun_, last_heard_, last_heartbeat_in_, next_heartbeat_;
};

}  // namespace fairlead::control
