// REWRITE for IP-in-IP tunnels (ipvs.md, tunnels; RFC 2003, RFC 2473, RFC 4213). The others are in
// encapsulate.h.
//
//   if (!RewriteTun(packet, &parsed, our_address, real_address, id, policy.pmtu_disc)) …kNoHeadroom
//
// The inner packet's TTL is decremented, then the outer header goes in front: 20 bytes for an IPv4
// outer, 40 for IPv6; inner and outer families are independent. `parsed` then describes the outer
// packet (protocol 4 or 41, no ports). The MTU is the caller's to check before:
// inner length + kTunnelBytes<Outer> against the link's.
// The 14 bytes in front of the outer header are undefined until WriteEthernet.
// Precondition: parsed.ttl > 1. Threads: pure.
#pragma once

#include <type_traits>

#include "base/forward_method.h"
#include "dataplane/wire/rewrite_dr.h"

namespace fairlead::dataplane {

// How much it adds, in bytes.
template <typename Outer>
inline constexpr uint32_t kTunnelBytes = MadeHeaderBytes(ForwardMethod::kTun, Outer::kFamily);
static_assert(kTunnelBytes<Ipv4Address> == sizeof(Ipv4Header));
static_assert(kTunnelBytes<Ipv6Address> == sizeof(Ipv6Header));

// The outer TOS: DSCP and ECN copied, but congestion experienced inside becomes ECT(0) outside, so
// that marks on the tunnel can be told apart (RFC 3168 section 9.1.1, full functionality).
constexpr uint8_t OuterTos(uint8_t inner) noexcept {
  constexpr uint8_t kCongestionExperienced = 3;
  constexpr uint8_t kEct0 = 2;
  if ((inner & 3) != kCongestionExperienced) return inner;
  return static_cast<uint8_t>((inner & ~3) | kEct0);
}

// `id`: the outer IPv4 identification, ignored for an IPv6 outer. `pmtu_disc`: the inner DF goes to
// the outer header; otherwise, and for an inner IPv6, the outer DF is 0. `port_sums`: the port that
// sends it computes the outer IPv4 checksum. False when the buffer has no room in front; the packet
// is then unchanged.
template <typename Outer, Packet P>
[[nodiscard]] bool RewriteTun(P& packet, ParsedPacket* parsed, const Outer& source,
                              const Outer& destination, Be16 id, bool pmtu_disc,
                              bool port_sums = false) noexcept {
  constexpr uint32_t kAdded = kTunnelBytes<Outer>;
  if (packet.Prepend(kAdded) == nullptr) return false;
  parsed->l3_offset = static_cast<uint16_t>(parsed->l3_offset + kAdded);
  RewriteDr(packet, parsed);

  IpFields fields;
  fields.protocol = parsed->is_v4() ? kProtocolIpip : kProtocolIpv6;
  fields.ttl = parsed->ttl;
  fields.tos = OuterTos(parsed->tos);
  fields.payload_length = parsed->ip_length;
  fields.dont_fragment = pmtu_disc && parsed->is_v4() && parsed->dont_fragment;
  fields.id = id;
  fields.leave_checksum = port_sums && Outer::kFamily == Family::kIpv4;
  packet.meta().wants_ip_checksum = fields.leave_checksum;
  WriteIpHeader(packet.data() + kEthernetHeaderLength, source, destination, fields);

  ParsedPacket outer;
  outer.ip_length = parsed->ip_length + kAdded;
  outer.l3_offset = kEthernetHeaderLength;
  outer.l4_offset = static_cast<uint16_t>(kEthernetHeaderLength + kAdded);
  outer.payload_offset = outer.l4_offset;
  outer.family = Outer::kFamily;
  outer.ethertype = Outer::kFamily == Family::kIpv4 ? kEtherTypeIpv4 : kEtherTypeIpv6;
  outer.protocol = fields.protocol;
  outer.ttl = fields.ttl;
  outer.tos = fields.tos;
  outer.destination_mac = parsed->destination_mac;
  outer.dont_fragment = fields.dont_fragment || Outer::kFamily == Family::kIpv6;
  *parsed = outer;
  return true;
}

// An outer header as WriteIpHeader makes it for no payload, TOS 0, TTL 0, id 0 and no DF becomes
// that of the client's packet `inner`, whose TTL counts as not yet lowered. `payload`: bytes behind
// it.
[[gnu::always_inline]] inline void FinishOuterHeader(Ipv4Header* ip, const ParsedPacket& inner,
                                                     uint32_t payload, Be16 id,
                                                     bool dont_fragment) noexcept {
  const auto ttl = static_cast<uint8_t>(inner.ttl - 1);
  const uint8_t tos = OuterTos(inner.tos);
  ip->tos = tos;
  ip->total_length = Be16::FromHost(static_cast<uint16_t>(payload + sizeof(Ipv4Header)));
  ip->id = id;
  ip->fragment = dont_fragment ? Be16::FromHost(Ipv4Header::kDontFragment) : Be16{};
  ip->ttl = ttl;
  ChecksumDelta delta;
  delta.Replace(Be16::FromHost(sizeof(Ipv4Header)), ip->total_length);
  delta.Replace(Be16{}, Be16::FromHost(tos));
  delta.Replace(Be16{}, ip->id);
  delta.Replace(Be16{}, ip->fragment);
  delta.Replace(Be16{}, Be16::FromHost(static_cast<uint16_t>(ttl << 8)));
  ip->checksum = delta.Apply(ip->checksum);
}
[[gnu::always_inline]] inline void FinishOuterHeader(Ipv6Header* ip, const ParsedPacket& inner,
                                                     uint32_t payload, Be16, bool) noexcept {
  ip->version_class_flow = Be32::FromHost(6u << 28 | uint32_t{OuterTos(inner.tos)} << 20);
  ip->payload_length = Be16::FromHost(static_cast<uint16_t>(payload));
  ip->hop_limit = static_cast<uint8_t>(inner.ttl - 1);
}

// The same as RewriteTun from a header made before (egress.h): for the real's address and ours,
// without a DF of its own. `id` and `copies_dont_fragment` as `id` and `pmtu_disc` above. Always
// inline: the fast path has it in two classes, and a call would cost each packet ten instructions.
template <typename Outer, Packet P>
[[nodiscard, gnu::always_inline]] inline bool RewriteTunFrom(P& packet, const ParsedPacket& parsed,
                                                             const uint8_t* made, Be16 id,
                                                             bool copies_dont_fragment) noexcept {
  constexpr uint32_t kAdded = kTunnelBytes<Outer>;
  uint8_t* frame = packet.Prepend(kAdded);
  if (frame == nullptr) return false;
  // Inner and outer are of one family: a service's reals are.
  DecrementTtl(HeaderAt<IpHeader<Outer>>(frame, kAdded + kEthernetHeaderLength));
  auto* ip = HeaderAt<IpHeader<Outer>>(frame, kEthernetHeaderLength);
  std::memcpy(ip, made, kAdded);
  // Not &&: reading both costs less than a branch.
  FinishOuterHeader(ip, parsed, parsed.ip_length, id, copies_dont_fragment & parsed.dont_fragment);
  HeaderAt<EthernetHeader>(frame, 0)->ethertype =
      Be16::FromHost(Outer::kFamily == Family::kIpv4 ? kEtherTypeIpv4 : kEtherTypeIpv6);
  return true;
}

}  // namespace fairlead::dataplane
