// Source NAT of pings: the identifier stands where TCP and UDP have a port (RFC 3022 section 2.2,
// RFC 5508).
//
//   EchoFields echo;
//   if (ReadEcho(frame, parsed, &echo)) …echo.is_request, echo.id…
//   RewriteEcho<true>(packet, &parsed, local_address, local_id);        // from inside to the world
//   if (ReadQuotedEcho(frame, parsed, quoted, &echo)) …an ICMP error about a ping…
//   RewriteIcmpForward<Ipv4Address>(packet, &parsed, AtEchoId<true>(quoted), client, client_id);
//
// The ICMP checksum is updated from the difference, so a wrong one stays wrong. Threads: pure.
#pragma once

#include "dataplane/wire/icmp_error.h"

namespace fairlead::dataplane {

struct EchoFields {
  bool is_request = false;
  Be16 id;
};

inline uint8_t IcmpProtocolOf(const ParsedPacket& parsed) noexcept {
  return parsed.is_v4() ? kProtocolIcmp : kProtocolIcmpv6;
}

namespace internal {
inline bool ReadEchoAt(const uint8_t* icmp, bool is_v4, EchoFields* echo) noexcept {
  const uint8_t request = is_v4 ? kIcmpEcho : kIcmpv6Echo;
  const uint8_t reply = is_v4 ? kIcmpEchoReply : kIcmpv6EchoReply;
  if ((icmp[0] != request && icmp[0] != reply) || icmp[1] != 0) return false;
  *echo = {.is_request = icmp[0] == request, .id = Be16::Load(icmp + 4)};
  return true;
}
}  // namespace internal

// An echo request or reply, whole or the first fragment of one.
inline bool ReadEcho(const uint8_t* frame, const ParsedPacket& parsed, EchoFields* echo) noexcept {
  const bool is_there = parsed.protocol == IcmpProtocolOf(parsed) &&
                        (!parsed.is_fragment || parsed.is_first_fragment) &&
                        parsed.l4_length() >= sizeof(IcmpHeader);
  return is_there && internal::ReadEchoAt(frame + parsed.l4_offset, parsed.is_v4(), echo);
}

// Of an error for which ParseIcmpError said kNotHandled: the ping that it quotes.
inline bool ReadQuotedEcho(const uint8_t* frame, const ParsedPacket& parsed,
                           const QuotedPacket& quoted, EchoFields* echo) noexcept {
  if (quoted.protocol != IcmpProtocolOf(parsed)) return false;
  if (parsed.is_v4()) {
    const auto* ip = HeaderAt<Ipv4Header>(frame, quoted.l3_offset);
    if ((ip->fragment.get().host() & Ipv4Header::kOffsetMask) != 0) return false;
  }
  const uint32_t end = parsed.l3_offset + parsed.ip_length;
  if (quoted.l4_offset > end || end - quoted.l4_offset < sizeof(IcmpHeader)) return false;
  return internal::ReadEchoAt(frame + quoted.l4_offset, parsed.is_v4(), echo);
}

// The quotation with its identifier where RewriteIcmpBytes<kIsForward> writes a port.
template <bool kIsForward>
QuotedPacket AtEchoId(QuotedPacket quoted) noexcept {
  quoted.l4_offset = static_cast<uint16_t>(quoted.l4_offset + (kIsForward ? 4 : 2));
  return quoted;
}

// kIsOut: the source becomes `address`; else the destination. The identifier becomes `id`, and the
// TTL one less. Precondition: ReadEcho, parsed->ttl > 1.
template <bool kIsOut, typename Address, Packet P>
void RewriteEcho(P& packet, ParsedPacket* parsed, const Address& address, Be16 id) noexcept {
  uint8_t* frame = packet.data();
  auto* ip = HeaderAt<IpHeader<Address>>(frame, parsed->l3_offset);
  auto* icmp = HeaderAt<IcmpHeader>(frame, parsed->l4_offset);
  auto* old_id = HeaderAt<Wire<Be16>>(frame, parsed->l4_offset + 4u);
  Wire<Address>& old_address = kIsOut ? ip->source : ip->destination;
  ChecksumDelta address_delta;
  address_delta.Replace(old_address.get(), address);
  ChecksumDelta delta;  // ICMPv6 covers the addresses, ICMP does not
  if constexpr (std::is_same_v<Address, Ipv6Address>) delta = address_delta;
  delta.Replace(old_id->get(), id);
  old_address = address;
  *old_id = id;
  icmp->checksum = delta.Apply(icmp->checksum);
  if constexpr (std::is_same_v<Address, Ipv4Address>) {
    DecrementTtl(ip, address_delta);
  } else {
    DecrementTtl(ip);
  }
  --parsed->ttl;
}

}  // namespace fairlead::dataplane
