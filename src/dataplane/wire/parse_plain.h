// PARSE, the short way for nearly every packet: a whole TCP segment or UDP datagram, in IPv4
// without options or IPv6 without extension headers, between plain hosts.
//
//   if (!ParsePlain<Ipv4Address>(frame, length, is_sum_good, &parsed)) …Parse(packet, &parsed)…
//   if (ParsePlainFragment(frame, length, is_sum_good, &parsed)) …a fragment…
//
// One look at each field. Whatever is refused goes the long way (parse.h), which judges it: a check
// here may be stricter than it has to be, never laxer. A test compares both. Threads: pure
// functions.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>
#include <type_traits>

#include "base/checksum.h"
#include "dataplane/wire/parse.h"

namespace fairlead::dataplane {

// A host that packets come from and go to: what CheckAddresses (parse.cc) lets pass, but for class
// E.
inline bool IsPlainHost(Ipv4Address a) noexcept {
  const uint32_t net = a.value.host() >> 24;
  return net - 1 < 223 && net != 127;
}
// Neither multicast nor ::/8, which has the unspecified address and loopback.
inline bool IsPlainHost(const Ipv6Address& a) noexcept {
  return static_cast<uint8_t>(a.bytes[0] + 1) > 1;
}

// The length of a whole transport header; 0 when the checks of the long way have to judge it.
inline uint32_t PlainTransportLength(const uint8_t* transport, uint8_t protocol,
                                     uint32_t available) noexcept {
  switch (static_cast<Transport>(protocol)) {
    [[likely]] case Transport::kTcp : {
      if (available < sizeof(TcpHeader)) return 0;
      const uint32_t length = HeaderAt<TcpHeader>(transport, 0)->header_length();
      return length >= sizeof(TcpHeader) && length <= available ? length : 0;
    }
    case Transport::kUdp: {
      if (available < sizeof(UdpHeader)) return 0;
      const uint32_t length = HeaderAt<UdpHeader>(transport, 0)->length.get().host();
      return length >= sizeof(UdpHeader) && length <= available ? uint32_t{sizeof(UdpHeader)} : 0;
    }
  }
  return 0;
}

// The same of a first fragment: UDP says the length of the whole datagram.
inline uint32_t FirstTransportLength(const uint8_t* transport, uint8_t protocol,
                                     uint32_t available) noexcept {
  if (protocol != kProtocolUdp) return PlainTransportLength(transport, protocol, available);
  if (available < sizeof(UdpHeader)) return 0;
  const uint32_t length = HeaderAt<UdpHeader>(transport, 0)->length.get().host();
  return length >= sizeof(UdpHeader) ? uint32_t{sizeof(UdpHeader)} : 0;
}

// The fields of the IP header that differ by family. False: unusual.
inline bool ReadPlain(const Ipv4Header& ip, bool ip_checksum_good, ParsedPacket* plain) noexcept {
  const uint16_t fragment = ip.fragment.get().host();
  constexpr uint16_t kFragment = Ipv4Header::kOffsetMask | Ipv4Header::kMoreFragments;
  if (ip.version_and_length != 0x45 || (fragment & kFragment) != 0) return false;
  if (!ip_checksum_good && !HeaderSum20(&ip).is_zero()) return false;
  plain->ip_length = ip.total_length.get().host();
  plain->ethertype = kEtherTypeIpv4;
  plain->family = Family::kIpv4;
  plain->protocol = ip.protocol;
  plain->ttl = ip.ttl;
  plain->tos = ip.tos;
  plain->dont_fragment = (fragment & Ipv4Header::kDontFragment) != 0;
  return true;
}
inline bool ReadPlain(const Ipv6Header& ip, bool, ParsedPacket* plain) noexcept {
  const uint32_t first = ip.version_class_flow.get().host();
  if (first >> 28 != 6) return false;
  plain->ip_length = static_cast<uint32_t>(sizeof(Ipv6Header)) + ip.payload_length.get().host();
  plain->ethertype = kEtherTypeIpv6;
  plain->family = Family::kIpv6;
  plain->protocol = ip.next_header;
  plain->ttl = ip.hop_limit;
  plain->tos = static_cast<uint8_t>(first >> 20);
  plain->dont_fragment = true;  // routers never fragment IPv6, RFC 8200 section 5
  return true;
}

// As ParseFrame of the family that Address says, after the Ethernet header: the MAC and the
// Ethernet type are the caller's to check. False: anything at all is unusual, and nothing has been
// written.
template <typename Address>
[[gnu::always_inline]] inline bool ParsePlain(const uint8_t* frame, uint32_t length,
                                              bool ip_checksum_good,
                                              ParsedPacket* parsed) noexcept {
  using Header = IpHeader<Address>;
  constexpr uint32_t kL4 = kEthernetHeaderLength + sizeof(Header);
  if (length < kL4 + sizeof(UdpHeader)) return false;
  const auto& ip = *HeaderAt<Header>(frame, kEthernetHeaderLength);
  ParsedPacket plain;  // in registers
  if (!ReadPlain(ip, ip_checksum_good, &plain)) return false;
  if (plain.ip_length > length - kEthernetHeaderLength || plain.ip_length < sizeof(Header)) {
    return false;
  }
  if (!IsPlainHost(ip.source.get()) || !IsPlainHost(ip.destination.get())) return false;
  const uint32_t l4_length = PlainTransportLength(
      frame + kL4, plain.protocol, plain.ip_length - static_cast<uint32_t>(sizeof(Header)));
  if (l4_length == 0) return false;

  new (parsed) ParsedPacket;
  parsed->ip_length = plain.ip_length;
  parsed->l3_offset = kEthernetHeaderLength;
  parsed->l4_offset = kL4;
  parsed->payload_offset = static_cast<uint16_t>(kL4 + l4_length);
  parsed->ethertype = plain.ethertype;
  // Every transport begins with the same two ports. Both in one store: who builds a key loads both
  // at once, and would wait for two.
  static_assert(offsetof(ParsedPacket, destination_port) ==
                offsetof(ParsedPacket, source_port) + 2);
  std::memcpy(reinterpret_cast<uint8_t*>(parsed) + offsetof(ParsedPacket, source_port), frame + kL4,
              2 * sizeof(Be16));
  parsed->family = plain.family;
  parsed->protocol = plain.protocol;
  if (plain.protocol == kProtocolTcp) parsed->tcp_flags = HeaderAt<TcpHeader>(frame, kL4)->flags;
  parsed->ttl = plain.ttl;
  parsed->tos = plain.tos;
  parsed->dont_fragment = plain.dont_fragment;
  return true;
}

// The same for a fragment in IPv4 without options: a later one of any protocol, or a first one with
// the whole header of TCP or UDP.
inline bool ParsePlainFragment(const uint8_t* frame, uint32_t length, bool ip_checksum_good,
                               ParsedPacket* parsed) noexcept {
  constexpr uint32_t kL4 = kEthernetHeaderLength + sizeof(Ipv4Header);
  if (length <= kL4) return false;
  const auto& ip = *HeaderAt<Ipv4Header>(frame, kEthernetHeaderLength);
  const uint16_t field = ip.fragment.get().host();
  const uint32_t offset = (field & Ipv4Header::kOffsetMask) * 8u;
  const bool has_more = (field & Ipv4Header::kMoreFragments) != 0;
  if (ip.version_and_length != 0x45 || (offset == 0 && !has_more)) return false;
  if (!ip_checksum_good && !HeaderSum20(&ip).is_zero()) return false;
  const uint32_t ip_length = ip.total_length.get().host();
  const uint32_t l4_length = ip_length - static_cast<uint32_t>(sizeof(Ipv4Header));
  if (ip_length > length - kEthernetHeaderLength || ip_length <= sizeof(Ipv4Header)) return false;
  if ((has_more && l4_length % 8 != 0) || offset + l4_length > 65535) return false;
  if (!IsPlainHost(ip.source.get()) || !IsPlainHost(ip.destination.get())) return false;
  uint32_t header_length = 0;
  if (offset == 0) {
    header_length = FirstTransportLength(frame + kL4, ip.protocol, l4_length);
    if (header_length == 0) return false;
  } else if (offset == 8 && ip.protocol == kProtocolTcp) {
    return false;
  }

  new (parsed) ParsedPacket;
  parsed->ip_length = ip_length;
  parsed->l3_offset = kEthernetHeaderLength;
  parsed->l4_offset = kL4;
  parsed->payload_offset = static_cast<uint16_t>(kL4 + header_length);
  parsed->ethertype = kEtherTypeIpv4;
  parsed->protocol = ip.protocol;
  parsed->ttl = ip.ttl;
  parsed->tos = ip.tos;
  parsed->is_fragment = true;
  parsed->is_first_fragment = offset == 0;
  parsed->dont_fragment = (field & Ipv4Header::kDontFragment) != 0;
  if (offset == 0) {
    const auto* ports = HeaderAt<UdpHeader>(frame, kL4);  // TCP begins with the same two
    parsed->source_port = ports->source_port;
    parsed->destination_port = ports->destination_port;
    if (ip.protocol == kProtocolTcp) parsed->tcp_flags = HeaderAt<TcpHeader>(frame, kL4)->flags;
  }
  return true;
}

}  // namespace fairlead::dataplane
