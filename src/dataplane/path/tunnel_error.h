// ICMP errors about tunnel packets of ours: routers send them to the tunnel's source, which is the
// director (ipvs.md, path MTU).
//
//   if (FollowTunnelError<Ipv4Address>(turn, packet, parsed, quoted, is_mine)) return;
//
// What is quoted is outer IP header, inner IP header, ports: a packet of the client. "Frag needed"
// teaches the control core the path's MTU (it comes back as RealView::mtu_bytes) and tells the
// client at once what fits; other errors are told on to an IPv4 client. An error that names no
// connection through that real, or another source than our tunnel's, teaches nothing, and no error
// narrows a path below LeastTunnelMtu: it speaks for all clients of the real. Threads: the
// worker's. Ownership of the packet moves in unless the answer is false.
#pragma once

#include "dataplane/path/steer.h"

namespace fairlead::dataplane {

// The client's packet inside the quoted tunnel packet.
template <typename Address>
struct TunnelQuote {
  Address source;  // where the tunnel begins
  Address real;    // where it ends
  Address client;  // and its ports, from the inner packet
  Address virtual_address;
  Be16 client_port;
  Be16 virtual_port;
  ParsedPacket inner;  // as if the quotation were all of it, with l3_offset in this frame
};

constexpr uint32_t kQuotedPortBytes = 4;

inline bool ParseInner(const uint8_t* frame, uint32_t offset, uint32_t end, Ipv4Address,
                       ParsedPacket* inner) noexcept {
  if (offset + sizeof(Ipv4Header) + kQuotedPortBytes > end) return false;
  const auto* ip = HeaderAt<Ipv4Header>(frame, offset);
  const uint32_t header_length = ip->header_length();
  const uint16_t fragment = ip->fragment.get().host();
  if (ip->version_and_length >> 4 != 4 || header_length < sizeof(Ipv4Header) ||
      offset + header_length + kQuotedPortBytes > end ||
      (fragment & Ipv4Header::kOffsetMask) != 0) {
    return false;
  }
  inner->family = Family::kIpv4;
  inner->protocol = ip->protocol;
  inner->l4_offset = static_cast<uint16_t>(offset + header_length);
  inner->dont_fragment = (fragment & Ipv4Header::kDontFragment) != 0;
  return true;
}

inline bool ParseInner(const uint8_t* frame, uint32_t offset, uint32_t end, const Ipv6Address&,
                       ParsedPacket* inner) noexcept {
  if (offset + sizeof(Ipv6Header) + kQuotedPortBytes > end) return false;
  const auto* ip = HeaderAt<Ipv6Header>(frame, offset);
  if (ip->version_class_flow.get().host() >> 28 != 6) return false;
  inner->family = Family::kIpv6;
  inner->protocol = ip->next_header;  // clients' extension headers are not followed here
  inner->l4_offset = static_cast<uint16_t>(offset + sizeof(Ipv6Header));
  inner->dont_fragment = true;
  return true;
}

// `quoted`: as ParseIcmpError left it with kNotHandled.
template <typename Address>
bool ParseTunnelQuote(const uint8_t* frame, const ParsedPacket& parsed, const QuotedPacket& quoted,
                      TunnelQuote<Address>* quote) noexcept {
  constexpr bool kIsIpv4 = Address::kFamily == Family::kIpv4;
  if (quoted.protocol != (kIsIpv4 ? kProtocolIpip : kProtocolIpv6)) return false;
  if constexpr (kIsIpv4) {
    const auto* outer = HeaderAt<Ipv4Header>(frame, quoted.l3_offset);
    if ((outer->fragment.get().host() & Ipv4Header::kOffsetMask) != 0) return false;
  }
  const uint32_t end = parsed.l3_offset + parsed.ip_length;
  ParsedPacket& inner = quote->inner;
  if (!ParseInner(frame, quoted.l4_offset, end, Address{}, &inner)) return false;
  if (!IsTransport(inner.protocol)) return false;
  inner.l3_offset = quoted.l4_offset;
  inner.payload_offset = inner.l4_offset;
  inner.ip_length = end - quoted.l4_offset;
  inner.ethertype = EtherTypeOf(Address::kFamily);
  quote->source = quoted.Source<Address>(frame);
  quote->real = quoted.Destination<Address>(frame);
  quote->client = inner.Source<Address>(frame);
  quote->virtual_address = inner.Destination<Address>(frame);
  quote->client_port = Be16::Load(frame + inner.l4_offset);
  quote->virtual_port = Be16::Load(frame + inner.l4_offset + 2);
  return true;
}

// The narrowest path that a tunnel is fitted to. IPv4: what Linux has as min_pmtu; a lower MTU
// counts as this. IPv6: clients need not send less than 1280 (RFC 8200 section 5), so a lower MTU
// could not be told to them.
constexpr uint32_t LeastTunnelMtu(Family outer) noexcept {
  return outer == Family::kIpv4 ? 552 : 1280 + kTunnelBytes<Ipv6Address>;
}

// Other errors than "too big" as the client may be told them; false: not at all.
inline bool RelayedError(const ParsedPacket& parsed, IcmpError* error) noexcept {
  constexpr uint8_t kNet = 0, kProtocol = 2, kPort = 3, kAdmin = 13;
  if (parsed.icmp_type == kIcmpTimeExceeded) {
    *error = IcmpError::kTimeExceeded;
    return true;
  }
  if (parsed.icmp_type != kIcmpUnreachable) return false;
  switch (parsed.icmp_code) {
    case kNet:
      *error = IcmpError::kNetUnreachable;
      return true;
    case kProtocol:
      *error = IcmpError::kProtocolUnreachable;
      return true;
    case kPort:
      *error = IcmpError::kPortUnreachable;
      return true;
    case kAdmin:
      *error = IcmpError::kAdminProhibited;
      return true;
    default:
      *error = IcmpError::kHostUnreachable;
      return true;
  }
}

// The packet becomes what it quotes, with an Ethernet header in front.
template <Packet P>
void UnwrapQuote(P* packet, ParsedPacket* inner) noexcept {
  const auto cut = static_cast<uint16_t>(inner->l3_offset - kEthernetHeaderLength);
  packet->TrimFront(cut);
  inner->l3_offset = static_cast<uint16_t>(inner->l3_offset - cut);
  inner->l4_offset = static_cast<uint16_t>(inner->l4_offset - cut);
  inner->payload_offset = inner->l4_offset;
}

template <typename Address, Packet P>
void TakeTunnelError(Turn<P>& t, P* packet, const ParsedPacket& parsed,
                     TunnelQuote<Address>& quote) noexcept {
  constexpr bool kIsIpv4 = Address::kFamily == Family::kIpv4;
  constexpr uint8_t kFragNeeded = 4;
  // RFC 791, RFC 8200: no link is narrower, so no router says so.
  constexpr uint32_t kLeastMtu = kIsIpv4 ? 68 : 1280;
  constexpr uint32_t kMostMtu = 65535;
  constexpr DropReason kReason = DropReason::kTunnelError;
  const bool is_too_big =
      kIsIpv4 ? parsed.icmp_type == kIcmpUnreachable && parsed.icmp_code == kFragNeeded
              : parsed.icmp_type == kIcmpv6TooBig;
  if (is_too_big) {
    uint32_t mtu = HeaderAt<IcmpHeader>(packet->data(), parsed.l4_offset)->rest.get().host();
    if (kIsIpv4) mtu &= 0xffff;
    if (mtu < kLeastMtu || mtu > kMostMtu) return t.Drop(packet, DropReason::kBadIcmp);
    if (mtu < LeastTunnelMtu(Address::kFamily)) {
      if (!kIsIpv4) return t.Drop(packet, kReason);
      mtu = LeastTunnelMtu(Address::kFamily);
    }
    t.shard.neighbour_reports.Tell({.kind = Event::Kind::kPathMtu,
                                    .port = packet->meta().input_port,
                                    .address = quote.real,
                                    .mac = {},
                                    .mtu_bytes = static_cast<uint16_t>(mtu)});
    if (!quote.inner.dont_fragment) return t.Drop(packet, kReason);
    UnwrapQuote(packet, &quote.inner);
    return AnswerWithErrorOfOurs(t, packet, &quote.inner, IcmpError::kTooBig, kReason,
                                 static_cast<uint16_t>(mtu - kTunnelBytes<Address>));
  }
  IcmpError error{};
  if (!kIsIpv4 || !RelayedError(parsed, &error)) return t.Drop(packet, kReason);
  UnwrapQuote(packet, &quote.inner);
  AnswerWithErrorOfOurs(t, packet, &quote.inner, error, kReason);
}

// False: no tunnel of ours is quoted, or a connection that nobody knows.
template <typename Address, Packet P>
[[gnu::noinline]] bool FollowTunnelError(Turn<P>& t, P* packet, const ParsedPacket& parsed,
                                         const QuotedPacket& quoted, bool is_mine) noexcept {
  TunnelQuote<Address> quote;
  if (!ParseTunnelQuote(packet->data(), parsed, quoted, &quote)) return false;
  auto& table = t.shard.template Connections<Address>();
  const auto key = FlowKey<Address>::Forward(quote.inner.protocol, quote.client, quote.client_port,
                                             quote.virtual_address, quote.virtual_port);
  const FindOutcome found = table.Find(key, table.Hash(key), t.now());
  if (!found.hit()) {
    const WorkerId owner = t.shard.fabric.steering.ConnectionOwner(quote.client, quote.client_port);
    if (owner == t.shard.me || is_mine) return false;
    HandTo(t, packet, owner, HandOff::kSteered);
    return true;
  }
  const Connection<Address>& record = table.at(found.slot);
  if (record.method != ForwardMethod::kTun || record.real_address != quote.real) return false;
  const RealView& real = t.snapshot.reals[record.real_id.index()];
  const IpAddress source = quote.source;
  if (source != real.tunnel_source || parsed.destination(packet->data()) != source) return false;
  if (!HasGoodIcmpChecksum(packet->data(), parsed)) {
    t.Drop(packet, DropReason::kBadIcmp);
    return true;
  }
  CountOut(t, record.real_id, real, parsed.ip_length);
  TakeTunnelError(t, packet, parsed, quote);
  return true;
}

}  // namespace fairlead::dataplane
