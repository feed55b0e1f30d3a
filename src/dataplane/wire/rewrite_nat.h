// REWRITE for NAT (ipvs.md, methods): one endpoint, the TTL, and the checksums over them.
//
//   // The destination becomes the real, the source the virtual endpoint:
//   RewriteNat<NatDirection::kForward>(packet, &parsed, real.address, real.port);
//   RewriteNat<NatDirection::kReply>(packet, &parsed, vip, virtual_port);
//
// Checksums are updated from the difference alone (RFC 1624), so a bad one stays bad and payload is
// not read. A UDP checksum of 0 (none) stays 0, and a computed 0 is written as 0xFFFF (RFC 768).
// A later fragment has no ports: RewriteNatLater changes the address alone; its datagram's checksum
// is in the first fragment, which RewriteNat makes right for all.
// Preconditions: parsed is kFlow, or a first fragment of TCP or UDP (RewriteNatLater: a later one),
// of the address's family, parsed.ttl > 1. Threads: pure.
#pragma once

#include <type_traits>

#include "dataplane/wire/ip_header.h"
#include "dataplane/wire/parse.h"

namespace fairlead::dataplane {

enum class NatDirection : uint8_t {
  kForward,  // client → real server: the destination becomes the real server's
  kReply,    // real server → client: the source becomes the virtual service's
};

inline void UpdateChecksum(TcpHeader* tcp, const ChecksumDelta& delta) noexcept {
  tcp->checksum = delta.Apply(tcp->checksum);
}
inline void UpdateChecksum(UdpHeader* udp, const ChecksumDelta& delta) noexcept {
  if (udp->checksum.get().is_zero()) return;
  const Be16 sum = delta.Apply(udp->checksum);
  udp->checksum = sum.is_zero() ? Be16::FromHost(0xffff) : sum;
}

template <NatDirection kDirection, Transport kTransport, typename Address>
void RewriteNatBytes(uint8_t* frame, const ParsedPacket& parsed, const Address& address,
                     Be16 port) noexcept {
  auto* ip = HeaderAt<IpHeader<Address>>(frame, parsed.l3_offset);
  auto* transport = HeaderAt<TransportHeader<kTransport>>(frame, parsed.l4_offset);
  constexpr bool kIsForward = kDirection == NatDirection::kForward;
  Wire<Address>& old_address = kIsForward ? ip->destination : ip->source;
  Wire<Be16>& old_port = kIsForward ? transport->destination_port : transport->source_port;

  ChecksumDelta address_delta;
  address_delta.Replace(old_address.get(), address);
  ChecksumDelta delta = address_delta;
  delta.Replace(old_port.get(), port);
  old_address = address;
  old_port = port;

  UpdateChecksum(transport, delta);
  if constexpr (std::is_same_v<Address, Ipv4Address>) {
    DecrementTtl(ip, address_delta);
  } else {
    DecrementTtl(ip);
  }
}

template <NatDirection kDirection, typename Address, Packet P>
void RewriteNatLater(P& packet, ParsedPacket* parsed, const Address& address) noexcept {
  auto* ip = HeaderAt<IpHeader<Address>>(packet.data(), parsed->l3_offset);
  Wire<Address>& old = kDirection == NatDirection::kForward ? ip->destination : ip->source;
  if constexpr (std::is_same_v<Address, Ipv4Address>) {
    ChecksumDelta delta;
    delta.Replace(old.get(), address);
    old = address;
    DecrementTtl(ip, delta);
  } else {
    old = address;
    DecrementTtl(ip);
  }
  --parsed->ttl;
}

template <NatDirection kDirection, typename Address, Packet P>
void RewriteNat(P& packet, ParsedPacket* parsed, const Address& address, Be16 port) noexcept {
  switch (parsed->transport()) {
    case Transport::kTcp:
      RewriteNatBytes<kDirection, Transport::kTcp>(packet.data(), *parsed, address, port);
      break;
    case Transport::kUdp:
      RewriteNatBytes<kDirection, Transport::kUdp>(packet.data(), *parsed, address, port);
      break;
  }
  --parsed->ttl;
  (kDirection == NatDirection::kForward ? parsed->destination_port : parsed->source_port) = port;
}

}  // namespace fairlead::dataplane
