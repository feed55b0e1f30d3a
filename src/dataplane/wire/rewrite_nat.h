// REWRITE for NAT (ipvs.md, methods): one endpoint, the TTL, and the checksums over them.
//
//   // The destination becomes the real, the source the virtual endpoint:
//   RewriteNat<NatDirection::kForward>(packet, &parsed, real.address, real.port);
//   RewriteNat<NatDirection::kReply>(packet, &parsed, vip, virtual_port);
//
// Checksums are updated from the difference alone (RFC 1624), so a bad one stays bad and payload is
// not read. A UDP checksum of 0 (none) stays 0, and a computed 0 is written as 0xFFFF (RFC 768).
// Preconditions: parsed is kFlow of the address's family, parsed.ttl > 1. Threads: pure.
#pragma once

#include <type_traits>

#include "dataplane/wire/ip_header.h"
#include "dataplane/wire/parse.h"

namespace fairlead::dataplane {

enum class NatDirection : uint8_t {
  kForward,  // client → real server: the destination becomes the real server's
  kReply,    // real server → client: the source becomes the virtual service's
};

// Transport is TcpHeader or UdpHeader.
template <NatDirection kDirection, typename Transport, typename Address>
void RewriteNatBytes(uint8_t* frame, const ParsedPacket& parsed, const Address& address,
                     Be16 port) noexcept {
  auto* ip = HeaderAt<IpHeader<Address>>(frame, parsed.l3_offset);
  auto* transport = HeaderAt<Transport>(frame, parsed.l4_offset);
  constexpr bool kIsForward = kDirection == NatDirection::kForward;
  Wire<Address>& old_address = kIsForward ? ip->destination : ip->source;
  Wire<Be16>& old_port = kIsForward ? transport->destination_port : transport->source_port;

  ChecksumDelta address_delta;
  address_delta.Replace(old_address.get(), address);
  ChecksumDelta delta = address_delta;
  delta.Replace(old_port.get(), port);
  old_address = address;
  old_port = port;

  if constexpr (std::is_same_v<Transport, UdpHeader>) {
    if (!transport->checksum.get().is_zero()) {
      const Be16 sum = delta.Apply(transport->checksum);
      transport->checksum = sum.is_zero() ? Be16::FromHost(0xffff) : sum;
    }
  } else {
    transport->checksum = delta.Apply(transport->checksum);
  }
  if constexpr (std::is_same_v<Address, Ipv4Address>) {
    DecrementTtl(ip, address_delta);
  } else {
    DecrementTtl(ip);
  }
}

template <NatDirection kDirection, typename Address, Packet P>
void RewriteNat(P& packet, ParsedPacket* parsed, const Address& address, Be16 port) noexcept {
  if (parsed->protocol == kProtocolTcp) {
    RewriteNatBytes<kDirection, TcpHeader>(packet.data(), *parsed, address, port);
  } else {
    RewriteNatBytes<kDirection, UdpHeader>(packet.data(), *parsed, address, port);
  }
  --parsed->ttl;
  (kDirection == NatDirection::kForward ? parsed->destination_port : parsed->source_port) = port;
}

}  // namespace fairlead::dataplane
