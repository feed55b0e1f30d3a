// ICMP errors about tunnel packets of ours: routers send them to the tunnel's source, which is the
// director (ipvs.md, path MTU; docs/tunnels.md).
//
//   if (FollowTunnelError(turn, packet, parsed, quoted, is_mine)) return;
//
// What is quoted is outer IP header, what the tunnel has behind it, inner IP header, ports: a
// packet of the client. "Frag needed" teaches the control core the path's MTU (it comes back as
// RealView::mtu_bytes) and tells the client at once what fits, less this tunnel's headers; other
// errors are told on to an IPv4 client. An error that names no connection through that real, or
// another source than our tunnel's, or another tunnel, teaches nothing, and no error narrows a path
// below LeastTunnelMtu: it speaks for all clients of the real. Threads: the worker's. Ownership of
// the packet moves in unless the answer is false.
#pragma once

#include "dataplane/path/steer.h"
#include "dataplane/wire/tunnel_mtu.h"
#include "dataplane/wire/tunnel_quote.h"

namespace fairlead::dataplane {

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

// A path to the real is narrower than its link.
template <Packet P>
void TakeTunnelTooBig(Turn<P>& t, P* packet, const ParsedPacket& parsed, TunnelQuote& quote,
                      const RealView& real) noexcept {
  // No link is narrower, so no router says so.
  const uint32_t least_of_links = parsed.is_v4() ? kLeastIpv4Mtu : kLeastIpv6Mtu;
  constexpr uint32_t kMostMtu = 65535;
  constexpr DropReason kReason = DropReason::kTunnelError;
  uint32_t mtu = HeaderAt<IcmpHeader>(packet->data(), parsed.l4_offset)->rest.get().host();
  if (parsed.is_v4()) mtu &= 0xffff;
  if (mtu < least_of_links || mtu > kMostMtu) return t.Drop(packet, DropReason::kBadIcmp);
  const uint32_t header_bytes = TunnelHeaderBytes(real.tunnel, real.address.family());
  const uint32_t least = LeastTunnelMtu(quote.inner.family, parsed.family, header_bytes);
  if (mtu < least) {
    if (!quote.inner.is_v4()) return t.Drop(packet, kReason);
    mtu = least;
  }
  t.shard.neighbour_reports.Tell({.kind = Event::Kind::kPathMtu,
                                  .port = packet->meta().input_port,
                                  .address = real.address,
                                  .mac = {},
                                  .mtu_bytes = static_cast<uint16_t>(mtu)});
  if (!quote.inner.dont_fragment) return t.Drop(packet, kReason);
  UnwrapQuote(packet, &quote.inner);
  AnswerWithErrorOfOurs(t, packet, &quote.inner, IcmpError::kTooBig, kReason,
                        static_cast<uint16_t>(mtu - header_bytes));
}

template <Packet P>
void TakeTunnelError(Turn<P>& t, P* packet, const ParsedPacket& parsed, TunnelQuote& quote,
                     const RealView& real) noexcept {
  constexpr uint8_t kFragNeeded = 4;
  constexpr DropReason kReason = DropReason::kTunnelError;
  const bool is_too_big =
      parsed.is_v4() ? parsed.icmp_type == kIcmpUnreachable && parsed.icmp_code == kFragNeeded
                     : parsed.icmp_type == kIcmpv6TooBig;
  if (is_too_big) return TakeTunnelTooBig(t, packet, parsed, quote, real);
  IcmpError error{};
  if (!parsed.is_v4() || !quote.inner.is_v4() || !RelayedError(parsed, &error)) {
    return t.Drop(packet, kReason);
  }
  UnwrapQuote(packet, &quote.inner);
  AnswerWithErrorOfOurs(t, packet, &quote.inner, error, kReason);
}

// `Inner`: of the client's packet.
template <typename Inner, Packet P>
bool FollowInnerPacket(Turn<P>& t, P* packet, const ParsedPacket& parsed, TunnelQuote& quote,
                       bool is_mine) noexcept {
  const uint8_t* frame = packet->data();
  const auto client = quote.inner.Source<Inner>(frame);
  const Be16 client_port = Be16::Load(frame + quote.inner.l4_offset);
  auto& table = t.shard.template Connections<Inner>();
  const auto key = FlowKey<Inner>::Forward(quote.inner.protocol, client, client_port,
                                           quote.inner.Destination<Inner>(frame),
                                           Be16::Load(frame + quote.inner.l4_offset + 2));
  const FindOutcome found = table.Find(key, table.Hash(key), t.now());
  if (!found.hit()) {
    const WorkerId owner = t.shard.fabric.steering.ConnectionOwner(client, client_port);
    if (owner == t.shard.me || is_mine) return false;
    HandTo(t, packet, owner, HandOff::kSteered);
    return true;
  }
  const Connection<Inner>& record = table.at(found.slot);
  const RealView& real = t.snapshot.reals[record.real_id.index()];
  if (!IsTunnel(record.method) || real.address != quote.real || !quote.IsOf(real.tunnel)) {
    return false;
  }
  if (quote.source != real.tunnel_source) return false;
  if (!HasGoodIcmpChecksum(frame, parsed)) {
    t.Drop(packet, DropReason::kBadIcmp);
    return true;
  }
  CountOut(t, record.real_id, real, parsed.ip_length);
  TakeTunnelError(t, packet, parsed, quote, real);
  return true;
}

// False: no tunnel of ours is quoted, or a connection that nobody knows.
template <Packet P>
[[gnu::noinline]] bool FollowTunnelError(Turn<P>& t, P* packet, const ParsedPacket& parsed,
                                         const QuotedPacket& quoted, bool is_mine) noexcept {
  TunnelQuote quote;
  if (!ParseTunnelQuote(packet->data(), parsed, quoted, &quote)) return false;
  // The payload of a flow may look like GUE: who is not told as the tunnel's beginning is not asked
  // for, nor steered to, the worker of what seems to be inside.
  if (quote.source != parsed.destination(packet->data())) return false;
  return quote.inner.is_v4() ? FollowInnerPacket<Ipv4Address>(t, packet, parsed, quote, is_mine)
                             : FollowInnerPacket<Ipv6Address>(t, packet, parsed, quote, is_mine);
}

}  // namespace fairlead::dataplane
