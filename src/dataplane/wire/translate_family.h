// REWRITE between the IP versions (RFC 7915), for FULLNAT whose real server has the other one than
// its client (docs/fullnat.md).
//
//   if (TranslatedLength(parsed) > mtu) …too long on the other side…
//   if (!TranslateTransport(packet.data(), parsed, local, real)) …kCannotTranslate
//   if (!TranslateHeader(packet, &parsed, local.address, real.address, id)) …kNoHeadroom
//
// Source and destination are what the packet has from now on, both of the other family. The
// transport checksum is corrected by the difference; only a UDP checksum that is missing in IPv4
// is made, since IPv6 wants one. Traffic class, hop limit (one less) and what a fragment says of
// its datagram are carried over; options, extension headers and the flow label are not.
//
//   4 → 6   no fragment header, unless the packet is a fragment; DF is gone
//   6 → 4   DF where the packet is longer than 1260 bytes and no fragment: the client sends nothing
//           shorter than 1280, whatever a router says
//
// Precondition: parsed.ttl > 1. Threads: pure.
#pragma once

#include "dataplane/wire/parse.h"

namespace fairlead::dataplane {

// An IPv6 packet is so much longer than the same in IPv4, without options and extension headers.
inline constexpr uint32_t kHeaderDifference = sizeof(Ipv6Header) - sizeof(Ipv4Header);

// The least MTU of IPv6, less the difference of the headers.
inline constexpr uint32_t kLeastTranslatedMtu = 1260;

inline uint32_t TranslatedHeaderBytes(const ParsedPacket& parsed) noexcept {
  if (!parsed.is_v4()) return sizeof(Ipv4Header);
  return sizeof(Ipv6Header) + (parsed.is_fragment ? sizeof(Ipv6FragmentHeader) : 0);
}

// Bytes of the IP packet that it will be.
inline uint32_t TranslatedLength(const ParsedPacket& parsed) noexcept {
  return TranslatedHeaderBytes(parsed) + parsed.l4_length();
}

// Whether nobody may cut the packet once it is translated: as IPv6, or as IPv4 with DF.
inline bool HasDontFragment(const ParsedPacket& parsed) noexcept {
  return parsed.is_v4() || (!parsed.is_fragment && TranslatedLength(parsed) > kLeastTranslatedMtu);
}

// The ports and the transport checksum alone, which a later fragment does not have. False: its
// checksum cannot be made, or an extension header is in the way; nothing has changed.
[[nodiscard]] bool TranslateTransport(uint8_t* frame, const ParsedPacket& parsed,
                                      const Endpoint& source, const Endpoint& destination) noexcept;

namespace internal {
// What is said of a fragment, in IPv4's words.
struct FragmentWords {
  uint32_t id = 0;               // 16 bits in IPv4
  uint16_t offset_and_more = 0;  // units of 8 bytes, and Ipv4Header::kMoreFragments
};
// 0: it is no fragment.
uint16_t ReadOffsetAndMore(const uint8_t* frame, const ParsedPacket& parsed) noexcept;
// `frame` begins so that the transport is where the new headers end.
void WriteTranslatedHeader(uint8_t* frame, ParsedPacket* parsed, const IpAddress& source,
                           const IpAddress& destination, const FragmentWords& words) noexcept;
}  // namespace internal

// The IP header. `id`: its identification, 16 bits in IPv4; in IPv6 only a fragment has one. False:
// no room in front; nothing has changed. The Ethernet header is the caller's to write.
template <Packet P>
[[nodiscard]] bool TranslateHeader(P& packet, ParsedPacket* parsed, const IpAddress& source,
                                   const IpAddress& destination, uint32_t id) noexcept {
  const internal::FragmentWords words{
      .id = id, .offset_and_more = internal::ReadOffsetAndMore(packet.data(), *parsed)};
  const uint32_t begin = kEthernetHeaderLength + TranslatedHeaderBytes(*parsed);
  if (begin > parsed->l4_offset) {
    if (packet.Prepend(begin - parsed->l4_offset) == nullptr) return false;
  } else {
    packet.TrimFront(parsed->l4_offset - begin);
  }
  internal::WriteTranslatedHeader(packet.data(), parsed, source, destination, words);
  packet.meta().wants_ip_checksum = false;
  return true;
}

}  // namespace fairlead::dataplane
