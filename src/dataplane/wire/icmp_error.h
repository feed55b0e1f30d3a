// ICMP errors about flows that pass here: what they quote, and the NAT of the quotation (ipvs.md,
// ICMP).
//
//   QuotedPacket quoted;
//   if (ParseIcmpError(frame, parsed, &quoted) == IcmpErrorKind::kRelated) …
//   // client → VIP: the quotation is VIP:vport → client, a reply as the client saw it
//   RewriteIcmpForward<Ipv4Address>(packet, &parsed, quoted, real_address, real_port);
//   // router or server → client: the quotation is client → real:port, as we sent it
//   RewriteIcmpReply<Ipv4Address>(packet, &parsed, quoted, virtual_address, virtual_port);
//
// The flow inside runs against the error: an error towards the VIP quotes source = virtual
// endpoint, destination = client endpoint; an error towards the client quotes source = client,
// destination = real endpoint. The connection's state and timers are not for ICMP to change.
// Threads: pure. Never reads behind the packet, whatever the quotation claims.
#pragma once

#include <cstdint>

#include "dataplane/wire/ip_header.h"
#include "dataplane/wire/parse.h"

namespace fairlead::dataplane {

enum class IcmpErrorKind : uint8_t {
  kRelated,     // an error about a TCP or UDP flow
  kNotRelated,  // echo, redirect, neighbour discovery, …: the host's business
  kNotHandled,  // an error about another protocol or a later fragment: the host's business
  kBad,         // the quotation is impossible or too short: kBadIcmp
};

// The packet inside an ICMP error; only its ports and headers are known to be there.
struct QuotedPacket {
  uint16_t l3_offset = 0;  // of the quoted IP header, from the start of the frame
  uint16_t l4_offset = 0;  // of the quoted ports
  uint8_t protocol = 0;    // TCP or UDP
  Be16 source_port;
  Be16 destination_port;

  template <typename Address>
  [[nodiscard]] Address Source(const uint8_t* frame) const noexcept {
    return HeaderAt<IpHeader<Address>>(frame, l3_offset)->source;
  }
  template <typename Address>
  [[nodiscard]] Address Destination(const uint8_t* frame) const noexcept {
    return HeaderAt<IpHeader<Address>>(frame, l3_offset)->destination;
  }
};

// Related are IPv4 unreachable, source quench and time exceeded, and every ICMPv6 error type.
// Precondition: `parsed` is kIcmp. The checksum is not verified here.
IcmpErrorKind ParseIcmpError(const uint8_t* frame, const ParsedPacket& parsed,
                             QuotedPacket* quoted) noexcept;

// Verifies the checksum over the whole message (ICMPv6: with the pseudo header, RFC 4443 section
// 2.3). NAT must ask before it rewrites, or it would hide the damage.
bool HasGoodIcmpChecksum(const uint8_t* frame, const ParsedPacket& parsed) noexcept;

// A path MTU that an error tells becomes `bytes` smaller, where something was put into the packet
// that it is about. Never less than who hears of it need send at least: 68 bytes in IPv4 (RFC 791
// section 3.2), 1280 in IPv6 (RFC 8200 section 5). Of another error nothing changes.
void LowerMtu(uint8_t* frame, const ParsedPacket& parsed, uint32_t bytes) noexcept;

// The end of rewriting an error once its addresses and ports are changed: checksums and TTL.
// `outer_delta`: of the outer addresses; `delta`: of what the ICMP checksum covers.
template <typename Address>
void FinishRewrittenError(IpHeader<Address>* outer, IpHeader<Address>* inner, IcmpHeader* icmp,
                          ChecksumDelta outer_delta, ChecksumDelta delta) noexcept {
  if constexpr (std::is_same_v<Address, Ipv4Address>) {
    const Be16 before = inner->checksum;
    inner->checksum = Be16{};
    inner->checksum = Checksum(inner, inner->header_length());
    delta.Replace(before, inner->checksum);
    DecrementTtl(outer, outer_delta);
  } else {
    DecrementTtl(outer);
  }
  icmp->checksum = delta.Apply(icmp->checksum);
}

// Rewrites one outer address and the endpoint of the quoted packet, and sets the quoted IPv4
// header's checksum and the ICMP checksum; the quoted transport checksum covers bytes that are not
// here and stays. kIsForward: outer destination and quoted source; else outer source and quoted
// destination. The outer TTL is decremented.
template <bool kIsForward, typename Address>
void RewriteIcmpBytes(uint8_t* frame, const ParsedPacket& parsed, const QuotedPacket& quoted,
                      const Address& address, Be16 port) noexcept;
extern template void RewriteIcmpBytes<true, Ipv4Address>(uint8_t*, const ParsedPacket&,
                                                         const QuotedPacket&, const Ipv4Address&,
                                                         Be16) noexcept;
extern template void RewriteIcmpBytes<false, Ipv4Address>(uint8_t*, const ParsedPacket&,
                                                          const QuotedPacket&, const Ipv4Address&,
                                                          Be16) noexcept;
extern template void RewriteIcmpBytes<true, Ipv6Address>(uint8_t*, const ParsedPacket&,
                                                         const QuotedPacket&, const Ipv6Address&,
                                                         Be16) noexcept;
extern template void RewriteIcmpBytes<false, Ipv6Address>(uint8_t*, const ParsedPacket&,
                                                          const QuotedPacket&, const Ipv6Address&,
                                                          Be16) noexcept;

// Client → VIP, connection found and NAT: the real server must see its own endpoint quoted.
// Preconditions: kRelated, HasGoodIcmpChecksum, parsed->ttl > 1.
template <typename Address, Packet P>
void RewriteIcmpForward(P& packet, ParsedPacket* parsed, const QuotedPacket& quoted,
                        const Address& real_address, Be16 real_port) noexcept {
  RewriteIcmpBytes<true>(packet.data(), *parsed, quoted, real_address, real_port);
  --parsed->ttl;
}

// Server or router → client, connection found and NAT: whoever sent it, it comes from the VIP.
// Preconditions as above.
template <typename Address, Packet P>
void RewriteIcmpReply(P& packet, ParsedPacket* parsed, const QuotedPacket& quoted,
                      const Address& virtual_address, Be16 virtual_port) noexcept {
  RewriteIcmpBytes<false>(packet.data(), *parsed, quoted, virtual_address, virtual_port);
  --parsed->ttl;
}

}  // namespace fairlead::dataplane
