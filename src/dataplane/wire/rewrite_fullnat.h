// REWRITE for FULLNAT (docs/fullnat.md): both endpoints, the TTL, and the checksums over them.
//
//   // The source becomes our local endpoint, the destination the real server's:
//   RewriteFullnat(packet, &parsed, Endpoints<Ipv4Address>{local, real});
//   // The source becomes the virtual endpoint, the destination the client's:
//   RewriteFullnat(packet, &parsed, Endpoints<Ipv4Address>{virtual_endpoint, client});
//
// Checksums and later fragments are as in rewrite_nat.h, and so are the preconditions.
// Threads: pure.
#pragma once

#include "dataplane/wire/icmp_error.h"
#include "dataplane/wire/rewrite_nat.h"

namespace fairlead::dataplane {

// What a packet has from now on. Ports of later fragments are not looked at.
template <typename Address>
struct Endpoints {
  Address source;
  Be16 source_port;
  Address destination;
  Be16 destination_port;
};

template <Transport kTransport, typename Address>
void RewriteFullnatBytes(uint8_t* frame, const ParsedPacket& parsed,
                         const Endpoints<Address>& to) noexcept {
  auto* ip = HeaderAt<IpHeader<Address>>(frame, parsed.l3_offset);
  auto* transport = HeaderAt<TransportHeader<kTransport>>(frame, parsed.l4_offset);
  ChecksumDelta address_delta;
  address_delta.Replace(ip->source.get(), to.source);
  address_delta.Replace(ip->destination.get(), to.destination);
  ChecksumDelta delta = address_delta;
  delta.Replace(transport->source_port.get(), to.source_port);
  delta.Replace(transport->destination_port.get(), to.destination_port);
  ip->source = to.source;
  ip->destination = to.destination;
  transport->source_port = to.source_port;
  transport->destination_port = to.destination_port;
  UpdateChecksum(transport, delta);
  if constexpr (std::is_same_v<Address, Ipv4Address>) {
    DecrementTtl(ip, address_delta);
  } else {
    DecrementTtl(ip);
  }
}

template <typename Address, Packet P>
void RewriteFullnat(P& packet, ParsedPacket* parsed, const Endpoints<Address>& to) noexcept {
  switch (parsed->transport()) {
    case Transport::kTcp:
      RewriteFullnatBytes<Transport::kTcp>(packet.data(), *parsed, to);
      break;
    case Transport::kUdp:
      RewriteFullnatBytes<Transport::kUdp>(packet.data(), *parsed, to);
      break;
  }
  --parsed->ttl;
  parsed->source_port = to.source_port;
  parsed->destination_port = to.destination_port;
}

// Of a later fragment, which has no ports.
template <typename Address, Packet P>
void RewriteFullnatLater(P& packet, ParsedPacket* parsed, const Address& source,
                         const Address& destination) noexcept {
  auto* ip = HeaderAt<IpHeader<Address>>(packet.data(), parsed->l3_offset);
  ChecksumDelta delta;
  delta.Replace(ip->source.get(), source);
  delta.Replace(ip->destination.get(), destination);
  ip->source = source;
  ip->destination = destination;
  if constexpr (std::is_same_v<Address, Ipv4Address>) {
    DecrementTtl(ip, delta);
  } else {
    DecrementTtl(ip);
  }
  --parsed->ttl;
}

// An ICMP error about a flow: the error goes from → to, and the packet it quotes went to → from.
// Whoever sent it, it comes from the endpoint that its receiver talks to. The quoted transport
// checksum covers bytes that are not here and stays. Preconditions: kRelated,
// HasGoodIcmpChecksum, parsed.ttl > 1.
template <typename Address>
void RewriteIcmpFullnatBytes(uint8_t* frame, const ParsedPacket& parsed, const QuotedPacket& quoted,
                             const Endpoints<Address>& to) noexcept {
  auto* outer = HeaderAt<IpHeader<Address>>(frame, parsed.l3_offset);
  auto* icmp = HeaderAt<IcmpHeader>(frame, parsed.l4_offset);
  auto* inner = HeaderAt<IpHeader<Address>>(frame, quoted.l3_offset);
  auto* inner_source_port = HeaderAt<Wire<Be16>>(frame, quoted.l4_offset);
  auto* inner_destination_port = HeaderAt<Wire<Be16>>(frame, quoted.l4_offset + 2u);
  ChecksumDelta outer_delta;
  outer_delta.Replace(outer->source.get(), to.source);
  outer_delta.Replace(outer->destination.get(), to.destination);
  ChecksumDelta delta;  // of what the ICMP checksum covers; of ICMPv6 the outer addresses too
  if constexpr (std::is_same_v<Address, Ipv6Address>) delta = outer_delta;
  delta.Replace(inner->source.get(), to.destination);
  delta.Replace(inner->destination.get(), to.source);
  delta.Replace(inner_source_port->get(), to.destination_port);
  delta.Replace(inner_destination_port->get(), to.source_port);
  outer->source = to.source;
  outer->destination = to.destination;
  inner->source = to.destination;
  inner->destination = to.source;
  *inner_source_port = to.destination_port;
  *inner_destination_port = to.source_port;
  FinishRewrittenError<Address>(outer, inner, icmp, outer_delta, delta);
}

template <typename Address, Packet P>
void RewriteIcmpFullnat(P& packet, ParsedPacket* parsed, const QuotedPacket& quoted,
                        const Endpoints<Address>& to) noexcept {
  RewriteIcmpFullnatBytes(packet.data(), *parsed, quoted, to);
  --parsed->ttl;
}

}  // namespace fairlead::dataplane
