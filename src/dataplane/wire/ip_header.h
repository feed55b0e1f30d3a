// Writing what the director adds to packets or changes in them below the transport: Ethernet
// headers, fresh IP headers, the TTL.
//
//   WriteEthernet(frame, our_mac, neighbour_mac, kEtherTypeIpv4);
//   WriteIpHeader(frame + 14, vip, client, {.protocol = kProtocolIcmp, .payload_length = 8});
//   DecrementTtl(HeaderAt<Ipv4Header>(frame, parsed.l3_offset));
//
// Threads: pure functions over the caller's bytes.
#pragma once

#include "base/checksum.h"
#include "dataplane/wire/headers.h"

namespace fairlead::dataplane {

inline void WriteEthernet(uint8_t* frame, const MacAddress& source, const MacAddress& destination,
                          uint16_t ethertype) noexcept {
  auto* ethernet = HeaderAt<EthernetHeader>(frame, 0);
  ethernet->destination = destination;
  ethernet->source = source;
  ethernet->ethertype = Be16::FromHost(ethertype);
}

// Both addresses as words (MacAddress::ToWord; the high 16 bits of `destination` are ignored). The
// Ethernet type stays.
inline void WriteMacs(uint8_t* frame, uint64_t destination, uint64_t source) noexcept {
  constexpr uint64_t kMac = 0xffff'ffff'ffff;
  const uint64_t first = (destination & kMac) | source << 48;
  const auto rest = static_cast<uint32_t>(source >> 16);
  std::memcpy(frame, &first, sizeof first);
  std::memcpy(frame + sizeof first, &rest, sizeof rest);
}

constexpr uint16_t EtherTypeOf(Family family) noexcept {
  return family == Family::kIpv4 ? kEtherTypeIpv4 : kEtherTypeIpv6;
}

inline constexpr uint8_t kDefaultTtl = 64;  // of packets the director originates

// The fields of a fresh IP header that are not addresses.
struct IpFields {
  uint8_t protocol = 0;
  uint8_t ttl = kDefaultTtl;
  uint8_t tos = 0;
  uint32_t payload_length = 0;  // bytes after the header
  // IPv4 only. A datagram that cannot be fragmented needs no identification (RFC 6864 section 4.1).
  bool dont_fragment = true;
  Be16 id;
  // IPv4 only. The port sums the header when it sends; the field is left zero.
  bool leave_checksum = false;
};

// No options; the checksum is filled in.
inline void WriteIpHeader(uint8_t* at, Ipv4Address source, Ipv4Address destination,
                          const IpFields& fields) noexcept {
  auto* ip = HeaderAt<Ipv4Header>(at, 0);
  ip->version_and_length = 0x45;
  ip->tos = fields.tos;
  ip->total_length =
      Be16::FromHost(static_cast<uint16_t>(sizeof(Ipv4Header) + fields.payload_length));
  ip->id = fields.id;
  ip->fragment = Be16::FromHost(fields.dont_fragment ? Ipv4Header::kDontFragment : uint16_t{0});
  ip->ttl = fields.ttl;
  ip->protocol = fields.protocol;
  ip->checksum = Be16{};
  ip->source = source;
  ip->destination = destination;
  if (!fields.leave_checksum) ip->checksum = Checksum(ip, sizeof *ip);
}

// Flow label 0, no extension headers.
inline void WriteIpHeader(uint8_t* at, const Ipv6Address& source, const Ipv6Address& destination,
                          const IpFields& fields) noexcept {
  auto* ip = HeaderAt<Ipv6Header>(at, 0);
  ip->version_class_flow = Be32::FromHost(6u << 28 | static_cast<uint32_t>(fields.tos) << 20);
  ip->payload_length = Be16::FromHost(static_cast<uint16_t>(fields.payload_length));
  ip->next_header = fields.protocol;
  ip->hop_limit = fields.ttl;
  ip->source = source;
  ip->destination = destination;
}

// Precondition: the TTL is at least 1; whoever forwards has answered TTL ≤ 1 before. The word {TTL,
// protocol} becomes 0x0100 less, so the checksum 0x0100 more, with an end-around carry (RFC 1624
// equation 3 for this difference); in memory order, as checksum.h.
inline void DecrementTtl(Ipv4Header* ip) noexcept {
  constexpr uint32_t kOne = Be16::FromHost(0x0100).raw();
  --ip->ttl;
  const uint32_t sum = ip->checksum.get().raw() + kOne;
  ip->checksum = Be16::FromRaw(static_cast<uint16_t>(sum + (sum >= 0xffff)));
}
// The same together with what else changes in the header.
inline void DecrementTtl(Ipv4Header* ip, ChecksumDelta delta) noexcept {
  --ip->ttl;
  delta.Replace(Be16::FromHost(0x0100), Be16{});
  ip->checksum = delta.Apply(ip->checksum);
}
inline void DecrementTtl(Ipv6Header* ip) noexcept { --ip->hop_limit; }

}  // namespace fairlead::dataplane
