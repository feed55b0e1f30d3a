// When a connection is told of by the kernel's sync protocol (ipvs.md, sync; docs/sync.md).
//
//   const SyncMoment moment{.transport = …, .state = record.state, .packets = record.packets, …};
//   const SyncDue due = IsDue(snapshot.sync, moment);
//   if (due.is_due) …send; remember due.retries, the state, the deadline…
//
// Only a client's packet is such a moment. Pure.
#pragma once

#include <algorithm>

#include "base/transport.h"
#include "dataplane/snapshot/sync_view.h"
#include "dataplane/tables/tcp_state.h"

namespace fairlead::dataplane {

// Whether IsCounted may be true, for a packet as it passes: never false where that is true, and
// sometimes true before the threshold. A multiplication instead of a division: n is a multiple of d
// exactly when n · ⌈2^64 / d⌉, less its overflow, is below that factor (Lemire, Kaser, Kurz: Faster
// remainder by direct computation, 2019, section 3.2).
class CountedPackets {
 public:
  explicit constexpr CountedPackets(const SyncView& sync) noexcept : threshold_(sync.threshold) {
    if (sync.period > 1) {
      factor_ = below_ = ~uint64_t{0} / sync.period + 1;
    } else if (sync.period == 1 || sync.refresh != 0) {
      factor_ = 0;  // each
    }
  }
  [[nodiscard]] constexpr bool MayBe(uint32_t packet) const noexcept {
    return uint64_t{packet - threshold_} * factor_ < below_;
  }

 private:
  uint32_t threshold_;
  uint64_t factor_ = 1, below_ = 1;  // the threshold alone
};

// A connection after a packet of its client, and what was sent of it last.
struct SyncMoment {
  Transport transport = Transport::kTcp;
  uint8_t state = 0;
  uint32_t packets = 0;   // of the client, this one included
  Tick now, deadline;     // as the packet has set it
  TickCount timeout = 0;  // likewise
  bool was_sent = false;
  uint8_t sent_state = 0;  // with was_sent
  uint8_t sent_retries = 0;
  Tick sent_end;  // with was_sent and a refresh period: the deadline then
};

struct SyncDue {
  bool is_due = false;
  uint8_t retries = 0;  // to remember with what is sent
};

// Half-open connections are never told of: the next director sees their SYN again.
constexpr bool IsToldOf(Transport transport, uint8_t state) noexcept {
  switch (transport) {
    case Transport::kTcp: {
      const auto tcp = static_cast<TcpState>(state);
      return tcp == TcpState::kEstablished || tcp == TcpState::kFinWait ||
             tcp == TcpState::kTimeWait || tcp == TcpState::kClose || tcp == TcpState::kCloseWait;
    }
    case Transport::kUdp:
      return true;
  }
  return false;
}

// Within the refresh period of what was sent last: only the retries are due, an eighth of the
// period apart.
constexpr bool IsFresh(const SyncView& sync, const SyncMoment& moment) noexcept {
  if (!moment.was_sent || sync.refresh == 0) return false;
  const uint32_t ahead = moment.deadline.value - moment.sent_end.value;
  const uint32_t apart = std::min(ahead, 0u - ahead);
  return apart < std::min(sync.refresh, std::max(moment.timeout / 2, TicksFromSeconds(10)));
}

constexpr SyncDue IsDue(const SyncView& sync, const SyncMoment& moment) noexcept {
  if (!IsToldOf(moment.transport, moment.state)) return {};
  const bool is_end = moment.transport == Transport::kTcp &&
                      static_cast<TcpState>(moment.state) != TcpState::kEstablished;
  const uint8_t sent_state = moment.was_sent ? moment.sent_state : uint8_t{0};
  if (is_end && sent_state != moment.state) return {.is_due = true};
  uint8_t retries = 0;
  if (IsFresh(sync, moment)) {
    if (moment.sent_retries >= sync.retries) return {};
    const Tick sent = moment.sent_end - moment.timeout;
    if (!(sent + sync.refresh / 8).HasPassed(moment.now)) return {};
    retries = static_cast<uint8_t>(moment.sent_retries + 1);
  }
  return {.is_due = sync.IsCounted(moment.packets), .retries = retries};
}

}  // namespace fairlead::dataplane
