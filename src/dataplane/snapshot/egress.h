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

#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "base/ids.h"
#include "dataplane/wire/encapsulate.h"

namespace fairlead::dataplane {

struct alignas(64) Egress {
  // The longest IP packet for the link, any tunnel header included. 0: the real is not in its
  // place, has no route, or loses its connections to the next SYN: every packet goes the long way.
  uint16_t mtu_bytes = 0;
  PortId output;
  bool copies_dont_fragment = false;  // the inner DF goes to an outer IPv4 header (pmtu_disc)
  NeighbourId next_hop;
  TickCount tcp_timeout = 0;  // of an established connection
  TickCount udp_timeout = 0;
  // The low 48 bits: the output port's MAC; the high 16: plain_tunnel_mtu(). SetSource writes it.
  uint64_t mac_and_plain_mtu = 0;
  // The outer headers of a tunnel, also where every packet goes the long way; length 0: no route.
  // Those of IP in IP are in the first line.
  MadeTunnel tunnel;

  // MacAddress::ToWord() of the output port, and more in the high 16 bits, which WriteMacs ignores.
  [[nodiscard]] uint64_t source_mac() const noexcept { return mac_and_plain_mtu; }
  // The longest packet that fits into IP in IP of the packet's own family, the tunnel that has a
  // way of its own (fast_path.h). 0: it is another tunnel.
  [[nodiscard]] uint16_t plain_tunnel_mtu() const noexcept {
    return static_cast<uint16_t>(mac_and_plain_mtu >> 48);
  }
  void SetSource(const MacAddress& mac, uint16_t plain_mtu) noexcept {
    mac_and_plain_mtu = mac.ToWord() | uint64_t{plain_mtu} << 48;
  }
};
static_assert(sizeof(Egress) == 128, "two cache lines");
static_assert(offsetof(Egress, tunnel) + 40 == 64, "an IP header is in the first");

}  // namespace fairlead::dataplane
