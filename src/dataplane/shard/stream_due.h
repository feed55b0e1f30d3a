// When a record is told of in the stream between Fairlead directors (docs/sync.md). A state says
// what is told at once; for the rest, time is cut into parts, and a record is told of again when
// its deadline passes into another part.
//
//   if (IsRefreshDue(RefreshOffset(client, port), before, record.deadline, record.timeout)) …
//
// A part is an eighth to a quarter of the timeout, so what a peer knows of the deadline is behind
// by no more than that, and nothing has to be remembered. Each client has its own cuts, so that not
// all records of a director are due in the same instant. Pure.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "base/clock.h"
#include "base/ip_address.h"
#include "base/transport.h"
#include "dataplane/tables/connection_record.h"
#include "dataplane/tables/template_record.h"
#include "dataplane/tables/transport_state.h"

namespace fairlead::dataplane {

// From this packet of its client on a UDP flow is told of: most flows of one packet (DNS) need no
// other director.
inline constexpr uint32_t kToldUdpPackets = 2;

inline uint32_t RefreshOffset(Ipv4Address client, Be16 port) noexcept {
  return (client.value.raw() ^ uint32_t{port.raw()} << 16) * 0x9e37'79b1u >> 8;
}
inline uint32_t RefreshOffset(const Ipv6Address& client, Be16 port) noexcept {
  return (Be32::Load(client.bytes.data() + 12).raw() ^ uint32_t{port.raw()} << 16) * 0x9e37'79b1u >>
         8;
}

constexpr bool IsRefreshDue(uint32_t offset, Tick before, Tick deadline,
                            TickCount timeout) noexcept {
  const int part = std::max(static_cast<int>(std::bit_width(timeout)), 4) - 3;
  return ((before.value + offset) ^ (deadline.value + offset)) >> part != 0;
}

// Peers know of a connection in this state. Half-open ones are not told of: the next director sees
// their SYN again.
constexpr bool IsStreamed(Transport transport, uint8_t state, uint32_t packets) noexcept {
  switch (transport) {
    case Transport::kTcp:
      return static_cast<TcpState>(state) == TcpState::kEstablished ||
             IsClosing(static_cast<TcpState>(state));
    case Transport::kUdp:
      return packets >= kToldUdpPackets;
  }
  return false;
}

// Whether peers could be told of the connection at all; `real` as below.
template <typename Address>
bool FitsStream(const Connection<Address>& record, Family real) noexcept {
  return real == Address::kFamily && !TranslatesClient(record.method) &&
         !record.HasAny(FlagMask(ConnectionFlag::kOnePacket, ConnectionFlag::kReleasePending));
}

// Likewise of a template that is valid. Only this director's service says which one it is of, where
// a service has a key of its own beside its group (SetServicePart): nobody else can find it.
// `real`: the family of its real server; the stream has one for all addresses of an entry.
inline bool IsStreamed(const TemplateRecord& record, Family real) noexcept {
  return record.key.family == real && !record.key.Has(TemplateScope::kOwn) &&
         !record.Has(TemplateFlag::kInvalidated);
}

// A connection after a packet, of either direction, and what it was before.
struct StreamMoment {
  Transport transport = Transport::kTcp;
  uint8_t state_before = 0, state = 0;
  uint32_t packets_before = 0, packets = 0;
  uint32_t offset = 0;
  Tick deadline_before, deadline;
  TickCount timeout = 0;
};

constexpr bool IsStreamDue(const StreamMoment& m) noexcept {
  if (!IsStreamed(m.transport, m.state, m.packets)) return false;
  const bool was_streamed = IsStreamed(m.transport, m.state_before, m.packets_before);
  switch (m.transport) {
    case Transport::kTcp: {
      // One that closes before it was established is nothing to take over.
      const bool is_open = static_cast<TcpState>(m.state) == TcpState::kEstablished;
      if (!was_streamed) return is_open;
      if (m.state != m.state_before) return true;
      break;
    }
    case Transport::kUdp:
      if (!was_streamed) return true;
      break;
  }
  return IsRefreshDue(m.offset, m.deadline_before, m.deadline, m.timeout);
}

}  // namespace fairlead::dataplane
