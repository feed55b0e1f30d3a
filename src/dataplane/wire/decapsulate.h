// Tunnel packets that end at the director: what may be one, and what is wrong with it
// (docs/tunnels.md).
//
//   if (MayBeTunnel(frame, length)) …ParseFrame(…, &outer)…
//   TunnelShim shim;
//   if (JudgeTunnel(frame, outer, types, &shim) == TunnelVerdict::kEnds) …
//       packet.TrimFront(TakeOff(frame, outer, shim));
//
// Threads: pure. Reads no further than the packet.
#pragma once

#include "dataplane/wire/tunnel_quote.h"

namespace fairlead::dataplane {

// By its protocol and port alone; the only question that every packet of such a port is asked.
inline bool MayBeTunnel(const uint8_t* frame, uint32_t length) noexcept {
  constexpr uint32_t kLeast = kEthernetHeaderLength + 2 * sizeof(Ipv4Header);
  if (length < kLeast) return false;
  const uint16_t ethertype = HeaderAt<EthernetHeader>(frame, 0)->ethertype.get().host();
  uint32_t l4 = kEthernetHeaderLength;
  uint8_t protocol = 0;
  if (ethertype == kEtherTypeIpv4) {
    const auto* ip = HeaderAt<Ipv4Header>(frame, kEthernetHeaderLength);
    if (ip->version_and_length != 0x45) return false;
    protocol = ip->protocol;
    l4 += sizeof(Ipv4Header);
  } else if (ethertype == kEtherTypeIpv6) {
    protocol = HeaderAt<Ipv6Header>(frame, kEthernetHeaderLength)->next_header;
    l4 += sizeof(Ipv6Header);
  }
  switch (protocol) {
    case kProtocolIpip:
    case kProtocolIpv6:
    case kProtocolGre:
      return true;
    case kProtocolUdp:
      return length >= l4 + sizeof(UdpHeader) &&
             HeaderAt<UdpHeader>(frame, l4)->destination_port.get().host() == kGuePort;
    default:
      return false;
  }
}

enum class TunnelVerdict : uint8_t {
  kNone,    // no tunnel of `types`: any other packet
  kBad,     // one, and impossible
  kNested,  // what is inside is again one
  kEnds,    // one that is taken off
};

// `outer`: as ParseFrame has read it, whole and no fragment. `types`: TunnelBit of those that end
// here.
TunnelVerdict JudgeTunnel(const uint8_t* frame, const ParsedPacket& outer, uint8_t types,
                          TunnelShim* shim) noexcept;

// Writes the Ethernet header anew in front of the inner packet, and what the outer one says of
// congestion into it (RFC 6040 section 4.2). Returns how many bytes to cut off the front.
// Precondition: kEnds.
uint32_t TakeOff(uint8_t* frame, const ParsedPacket& outer, const TunnelShim& shim) noexcept;

}  // namespace fairlead::dataplane
