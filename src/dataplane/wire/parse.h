// PARSE: bytes → fields, or a named drop.
//
//   ParsedPacket parsed;
//   switch (ParseOutcome o = Parse(packet, &parsed); o.kind) {
//     case PacketKind::kFlow: …parsed.Source<Ipv4Address>(packet.data()), parsed.source_port…
//     case PacketKind::kDropped: Drop(packet, o.reason);
//
// Reads headers only, never payload; validates every length before it reads. Ethernet padding after
// the IP packet is cut off the packet. L4 checksums are not verified (ipvs.md, methods: a bad one
// stays bad on its way). VLAN tags are unknown ethertypes, which path/priority_tag.h looks at.
// Loopback and unspecified destinations are kNoRoute; multicast and broadcast destinations are the
// caller's to judge.
//
// Invariants after any kind but kDropped and kArp:
// 1. l3_offset + ip_length == packet.length(), and l3_offset < l4_offset ≤ packet.length().
// 2. kFlow: the whole header of the transport lies at l4_offset; kIcmp: a whole 8-byte ICMP header.
// 3. kFragment: only a first fragment has ports, and then its TCP or UDP header is whole.
// Threads: pure functions.
#pragma once

#include <cstdint>

#include "base/byte_order.h"
#include "base/ip_address.h"
#include "dataplane/wire/drop_reason.h"
#include "dataplane/wire/headers.h"
#include "dataplane/wire/packet.h"

namespace fairlead::dataplane {

enum class PacketKind : uint8_t {
  kFlow,      // of a Transport, not a fragment
  kIcmp,      // ICMP in IPv4 or ICMPv6 in IPv6, not a fragment; checksum not verified
  kArp,       // at least 28 bytes after the Ethernet header; fields not verified
  kOtherIp,   // valid IP with another protocol
  kFragment,  // any fragment, the first included (an IPv6 fragment that is whole is none, RFC 6946)
  kDropped,   // `reason` says why
};

struct ParseOutcome {
  PacketKind kind = PacketKind::kDropped;
  DropReason reason = DropReason::kTruncated;  // with kDropped
};

enum class MacKind : uint8_t { kUnicast, kMulticast, kBroadcast };

// Where things lie in the frame, and the small fields by value. Addresses stay in the packet.
struct alignas(32) ParsedPacket {
  uint32_t ip_length = 0;       // bytes, IP header included
  uint16_t l3_offset = 0;       // of the IP header, from the start of the frame
  uint16_t l4_offset = 0;       // behind IPv4 options and IPv6 extension headers
  uint16_t payload_offset = 0;  // behind the TCP, UDP or ICMP header; else l4_offset
  uint16_t ethertype = 0;
  Be16 source_port;       // 0: none
  Be16 destination_port;  // 0: none
  Family family = Family::kIpv4;
  uint8_t protocol = 0;   // the transport, after IPv6 extension headers
  uint8_t tcp_flags = 0;  // kTcp…
  uint8_t ttl = 0;        // TTL or hop limit
  uint8_t tos = 0;        // TOS or traffic class
  uint8_t icmp_type = 0;
  uint8_t icmp_code = 0;
  MacKind destination_mac = MacKind::kUnicast;
  bool is_fragment = false;
  bool is_first_fragment = false;  // offset 0 with more to come
  bool dont_fragment = false;      // IPv4 DF; true for IPv6

  // Address is Ipv4Address or Ipv6Address. Precondition: it is the packet's family.
  template <typename Address>
  [[nodiscard]] Address Source(const uint8_t* frame) const noexcept {
    return HeaderAt<IpHeader<Address>>(frame, l3_offset)->source;
  }
  template <typename Address>
  [[nodiscard]] Address Destination(const uint8_t* frame) const noexcept {
    return HeaderAt<IpHeader<Address>>(frame, l3_offset)->destination;
  }
  [[nodiscard]] IpAddress source(const uint8_t* frame) const noexcept {
    if (family == Family::kIpv4) return Source<Ipv4Address>(frame);
    return Source<Ipv6Address>(frame);
  }
  [[nodiscard]] IpAddress destination(const uint8_t* frame) const noexcept {
    if (family == Family::kIpv4) return Destination<Ipv4Address>(frame);
    return Destination<Ipv6Address>(frame);
  }
  [[nodiscard]] bool is_v4() const noexcept { return family == Family::kIpv4; }
  // Precondition: IsTransport(protocol), which holds for every kFlow. Said to the compiler, it
  // spares the hot path a comparison.
  [[nodiscard]] Transport transport() const noexcept {
    if (!IsTransport(protocol)) __builtin_unreachable();
    return static_cast<Transport>(protocol);
  }
  // Bytes from the transport header to the end of the IP packet.
  [[nodiscard]] uint32_t l4_length() const noexcept { return ip_length - (l4_offset - l3_offset); }

  friend bool operator==(const ParsedPacket&, const ParsedPacket&) = default;
};
static_assert(sizeof(ParsedPacket) == 32, "half a cache line");

// For more hosts than one, by either layer's address: never balanced, never routed. `destination`
// is the packet's.
inline bool IsToMany(const ParsedPacket& parsed, const IpAddress& destination) noexcept {
  constexpr auto kLimitedBroadcast = Ipv4Address::FromHost(0xffffffff);
  return parsed.destination_mac != MacKind::kUnicast || destination.is_multicast() ||
         (destination.is_v4() && destination.v4() == kLimitedBroadcast);
}

// Multicast, broadcast, this network, loopback or unspecified: on a wire nobody's (RFC 1122 section
// 3.2.1.3).
bool IsNoHost(Ipv4Address a) noexcept;
bool IsNoHost(const Ipv6Address& a) noexcept;

// Parses `length` bytes at `frame`. Bytes behind the IP packet are allowed and ignored.
// `ip_checksum_good`: the port has already verified the IPv4 header checksum.
ParseOutcome ParseFrame(const uint8_t* frame, uint32_t length, bool ip_checksum_good,
                        ParsedPacket* parsed) noexcept;

// The same without the short way that ParseFrame tries first: equal in every result, and there for
// the test that compares both.
ParseOutcome ParseAnyFrame(const uint8_t* frame, uint32_t length, bool ip_checksum_good,
                           ParsedPacket* parsed) noexcept;

// ParseFrame, then cuts Ethernet padding off the packet.
template <Packet P>
ParseOutcome Parse(P& packet, ParsedPacket* parsed) noexcept {
  const ParseOutcome outcome =
      ParseFrame(packet.data(), packet.length(), packet.meta().ip_checksum_good, parsed);
  if (outcome.kind != PacketKind::kDropped && outcome.kind != PacketKind::kArp &&
      packet.length() != parsed->l3_offset + parsed->ip_length) {
    packet.Resize(parsed->l3_offset + parsed->ip_length);  // shrinking always fits
  }
  return outcome;
}

}  // namespace fairlead::dataplane
