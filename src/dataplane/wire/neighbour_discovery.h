// IPv6 neighbour discovery: solicitations and advertisements (RFC 4861
// sections 4.3, 4.4, 7.1, 7.2).
//
//   NeighbourMessage nd;
//   if (IsNeighbourMessage(parsed)) {
//     if (!ParseNeighbourMessage(frame, parsed, &nd)) …kBadNeighbourDiscovery
//     if (nd.is_solicitation && snapshot.FindLocal(nd.target))
//       TurnIntoNeighbourAdvertisement(packet, &parsed, our_mac);
//
//   packet->Resize(BuildNeighbourSolicitation(packet->data(), our_mac, our_address, target));
//
// We advertise as a router, which a director is. Threads: pure functions over the caller's bytes.
#pragma once

#include <cstdint>

#include "dataplane/wire/parse.h"

namespace fairlead::dataplane {

// Of every message built here: Ethernet, IPv6, the message, one link-address option.
inline constexpr uint32_t kNeighbourFrameLength =
    kEthernetHeaderLength + sizeof(Ipv6Header) + sizeof(NeighbourMessageHeader) + 8;

struct NeighbourMessage {
  bool is_solicitation = false;  // else an advertisement
  Ipv6Address target;
  // The sender's (solicitation) or the target's (advertisement), when the option is there.
  bool has_link_address = false;
  MacAddress link_address;
  // Advertisements only.
  bool is_solicited = false;
  bool is_override = false;
};

// ff02::1:ffXX:XXXX, where a solicitation for `address` goes (RFC 4291 section 2.7.1).
Ipv6Address SolicitedNodeAddress(const Ipv6Address& address) noexcept;
// 33:33 and the last four bytes (RFC 2464 section 7).
MacAddress MulticastMac(const Ipv6Address& group) noexcept;

inline bool IsNeighbourMessage(const ParsedPacket& parsed) noexcept {
  return parsed.family == Family::kIpv6 && parsed.protocol == kProtocolIcmpv6 &&
         (parsed.icmp_type == kIcmpv6NeighbourSolicitation ||
          parsed.icmp_type == kIcmpv6NeighbourAdvertisement);
}

// False when a receiver must discard it: hop limit, code, checksum, lengths, options, addresses.
// Precondition: Parse said kIcmp, and IsNeighbourMessage.
bool ParseNeighbourMessage(const uint8_t* frame, const ParsedPacket& parsed,
                           NeighbourMessage* message) noexcept;

// Each writes a whole frame of kNeighbourFrameLength bytes and returns that length. A solicitation
// asks the target's solicited-node group; an unsolicited advertisement tells all nodes.
uint32_t BuildNeighbourSolicitation(uint8_t* frame, const MacAddress& our_mac,
                                    const Ipv6Address& our_address,
                                    const Ipv6Address& target) noexcept;
uint32_t BuildUnsolicitedAdvertisement(uint8_t* frame, const MacAddress& our_mac,
                                       const Ipv6Address& address) noexcept;
// Overwrites the solicitation in `frame` (kNeighbourFrameLength bytes of room) with its answer.
uint32_t WriteNeighbourAdvertisement(uint8_t* frame, const ParsedPacket& parsed,
                                     const MacAddress& our_mac) noexcept;

// Makes `packet`, a solicitation that ParseNeighbourMessage took, the advertisement that `our_mac`
// has the target: complete, for the port it came in by. False when the buffer cannot hold it.
template <Packet P>
[[nodiscard]] bool TurnIntoNeighbourAdvertisement(P& packet, ParsedPacket* parsed,
                                                  const MacAddress& our_mac) noexcept {
  if (packet.length() < kNeighbourFrameLength && !packet.Resize(kNeighbourFrameLength)) {
    return false;
  }
  packet.Resize(WriteNeighbourAdvertisement(packet.data(), *parsed, our_mac));
  ParseFrame(packet.data(), packet.length(), true, parsed);
  return true;
}

}  // namespace fairlead::dataplane
