// Frames with a VLAN tag that is no port's: a tag of VLAN 0 carries a priority alone, so it is
// taken off, and the frame is one that has come without it. Other tags end here, each under its
// name.
//
//   if (outcome.reason == DropReason::kUnknownEthertype && TookTagOff(turn, packet)) …parse again…
//
// Frames of a device that has VLANs come here without their tag (dpdk/vlan_tag.h), those of VLAN 0
// too: what still has one had two. Threads: the worker's. Ownership of the packet moves in when the
// answer is false.
#pragma once

#include "dataplane/path/decapsulate.h"
#include "dataplane/wire/vlan_tag.h"

namespace fairlead::dataplane {

// Precondition: the packet is neither IP nor ARP and has come by a port; whoever hands one over has
// taken its tag off. True: there was a tag, and it is off.
template <Packet P>
[[gnu::noinline, gnu::cold]] bool TookTagOff(Turn<P>& t, P* packet) noexcept {
  const PortView& port = t.port(packet->meta().input_port);
  const DropReason why_not = JudgeTag(packet->data(), packet->length(), port.has_vlans);
  if (why_not != DropReason::kCount) {
    t.Drop(packet, why_not);
    return false;
  }
  MoveMacs(packet->data(), packet->data() + kVlanTagLength);
  packet->TrimFront(kVlanTagLength);
  return port.decapsulates == 0 || TookOff(t, packet, port);
}

}  // namespace fairlead::dataplane
