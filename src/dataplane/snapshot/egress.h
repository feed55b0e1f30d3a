// How packets leave towards one real server, worked out when the snapshot is built, so that a
// packet of an established connection reads one cache line instead of the real, its service and the
// port. A second line has the end of tunnel headers that are longer than IPv6's own: only packets
// into such a tunnel read it.
//
//   WorkOutEgress(&snapshot);                                 // snapshot.h; control path
//   if (parsed.ip_length <= real.egress.mtu_bytes) …          // fast_path.h
//
// Everything here follows from the RealView, its service and its port: the long way (forward.h)
// does not look at it. Threads: as the snapshot, immutable once published.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "base/ids.h"

namespace fairlead::dataplane {

// GUE over IPv6 with all options: IPv6 40, UDP 8, GUE 4, remote checksum 4 bytes.
inline constexpr size_t kMaxTunnelHeader = 56;
using TunnelHeader = std::array<uint8_t, kMaxTunnelHeader>;

struct alignas(64) Egress {
  // The longest IP packet for the link, any tunnel header included. 0: the real is not in its
  // place, has no route, or loses its connections to the next SYN: every packet goes the long way.
  uint16_t mtu_bytes = 0;
  PortId output;
  bool copies_dont_fragment = false;  // the inner DF goes to an outer IPv4 header (pmtu_disc)
  NeighbourId next_hop;
  TickCount tcp_timeout = 0;  // of an established connection
  TickCount udp_timeout = 0;
  uint64_t source_mac = 0;  // MacAddress::ToWord() of the output port
  // The outer headers of a tunnel. The IP header comes first, as WriteIpHeader makes it for no
  // payload, TOS 0, TTL 0, id 0 and no DF; 20 bytes for IPv4, 40 for IPv6.
  TunnelHeader tunnel_header{};
};
static_assert(sizeof(Egress) == 128, "two cache lines");
static_assert(offsetof(Egress, tunnel_header) + 40 == 64, "an IP header is in the first");

}  // namespace fairlead::dataplane
