// Tunnels that end at the director, on a port that has `decapsulate`: before anything else is asked
// of a packet, its tunnel is taken off, and the packet inside is one that has come by this port.
//
//   if (port.decapsulates != 0 && !TookOff(turn, packet, port)) continue;   // it was dropped
//
// Only what is sent to an address of the director ends here, one tunnel and no second; fragments of
// tunnel packets do not. Threads: the worker's. Ownership of the packet moves in when the answer is
// false.
#pragma once

#include "dataplane/shard/turn.h"
#include "dataplane/wire/decapsulate.h"

namespace fairlead::dataplane {

// True: the packet goes on, be it without its tunnel or as it was.
template <Packet P>
[[gnu::noinline]] bool TookOff(Turn<P>& t, P* packet, const PortView& port) noexcept {
  uint8_t* frame = packet->data();
  if (!MayBeTunnel(frame, packet->length())) return true;
  if (HeaderAt<EthernetHeader>(frame, 0)->destination.get() != port.mac) return true;
  ParsedPacket outer;
  const ParseOutcome outcome =
      ParseFrame(frame, packet->length(), packet->meta().ip_checksum_good, &outer);
  if (outcome.kind != PacketKind::kFlow && outcome.kind != PacketKind::kOtherIp) return true;
  if (t.snapshot.FindLocal(outer.destination(frame)) == nullptr) return true;
  TunnelShim shim;
  switch (JudgeTunnel(frame, outer, port.decapsulates, &shim)) {
    case TunnelVerdict::kNone:
      return true;
    case TunnelVerdict::kBad:
      t.Drop(packet, DropReason::kBadTunnel);
      return false;
    case TunnelVerdict::kNested:
      t.Drop(packet, DropReason::kTunnelNested);
      return false;
    case TunnelVerdict::kEnds:
      break;
  }
  packet->TrimFront(TakeOff(frame, outer, shim));
  packet->meta().ip_checksum_good = false;  // it was the outer header's
  return true;
}

}  // namespace fairlead::dataplane
