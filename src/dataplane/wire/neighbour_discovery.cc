#include "dataplane/wire/neighbour_discovery.h"

#include "dataplane/wire/icmp_error.h"
#include "dataplane/wire/ip_header.h"

namespace fairlead::dataplane {
namespace {

constexpr uint8_t kDiscoveryHopLimit =
    255;  // proves that no router lies between (RFC 4861 section 7.1)
constexpr uint8_t kSourceLinkAddress = 1;
constexpr uint8_t kTargetLinkAddress = 2;
constexpr uint32_t kRouterFlag = 1u << 31;
constexpr uint32_t kSolicitedFlag = 1u << 30;
constexpr uint32_t kOverrideFlag = 1u << 29;
constexpr Ipv6Address kAllNodes{{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

// RFC 4861 section 4.6.1.
struct LinkAddressOption {
  uint8_t type;
  uint8_t length;  // units of 8 bytes
  Wire<MacAddress> mac;
};
static_assert(sizeof(LinkAddressOption) == 8);

// Walks [offset, end). False: an option of length zero or one that overruns.
bool ParseOptions(const uint8_t* frame, uint32_t offset, uint32_t end, uint8_t wanted_type,
                  NeighbourMessage* message) {
  while (offset < end) {
    if (end - offset < 8) return false;
    const auto* option = HeaderAt<LinkAddressOption>(frame, offset);
    const uint32_t length = option->length * 8u;
    if (length == 0 || length > end - offset) return false;
    if (option->type == wanted_type && length == sizeof(LinkAddressOption)) {
      message->has_link_address = true;
      message->link_address = option->mac;
    }
    offset += length;
  }
  return true;
}

bool IsSolicitedNodeGroup(const Ipv6Address& address) {
  Ipv6Address group = SolicitedNodeAddress(address);
  return group == address;
}

struct Message {
  uint8_t type;
  uint32_t flags;
  Ipv6Address source;
  Ipv6Address destination;
  Ipv6Address target;
};

uint32_t Write(uint8_t* frame, const MacAddress& our_mac, const MacAddress& ethernet_destination,
               const Message& message) {
  WriteEthernet(frame, our_mac, ethernet_destination, kEtherTypeIpv6);
  IpFields fields;
  fields.protocol = kProtocolIcmpv6;
  fields.ttl = kDiscoveryHopLimit;
  fields.payload_length = sizeof(NeighbourMessageHeader) + sizeof(LinkAddressOption);
  WriteIpHeader(frame + kEthernetHeaderLength, message.source, message.destination, fields);
  auto* nd = HeaderAt<NeighbourMessageHeader>(frame, kEthernetHeaderLength + sizeof(Ipv6Header));
  nd->icmp = IcmpHeader{};
  nd->icmp.type = message.type;
  nd->icmp.rest = Be32::FromHost(message.flags);
  nd->target = message.target;
  auto* option = HeaderAt<LinkAddressOption>(
      frame, kEthernetHeaderLength + sizeof(Ipv6Header) + sizeof(NeighbourMessageHeader));
  option->type =
      message.type == kIcmpv6NeighbourSolicitation ? kSourceLinkAddress : kTargetLinkAddress;
  option->length = 1;
  option->mac = our_mac;
  nd->icmp.checksum = Checksum(
      nd, fields.payload_length,
      PseudoHeaderSum(message.source, message.destination, kProtocolIcmpv6, fields.payload_length));
  return kNeighbourFrameLength;
}

}  // namespace

Ipv6Address SolicitedNodeAddress(const Ipv6Address& address) noexcept {
  Ipv6Address group{{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff}};
  for (size_t i = 13; i < 16; ++i) group.bytes[i] = address.bytes[i];
  return group;
}

MacAddress MulticastMac(const Ipv6Address& group) noexcept {
  return {{0x33, 0x33, group.bytes[12], group.bytes[13], group.bytes[14], group.bytes[15]}};
}

bool ParseNeighbourMessage(const uint8_t* frame, const ParsedPacket& parsed,
                           NeighbourMessage* message) noexcept {
  *message = NeighbourMessage{};
  if (parsed.ttl != kDiscoveryHopLimit || parsed.icmp_code != 0 ||
      parsed.l4_length() < sizeof(NeighbourMessageHeader) || !HasGoodIcmpChecksum(frame, parsed)) {
    return false;
  }
  const auto* nd = HeaderAt<NeighbourMessageHeader>(frame, parsed.l4_offset);
  const uint32_t flags = nd->icmp.rest.get().host();
  message->is_solicitation = parsed.icmp_type == kIcmpv6NeighbourSolicitation;
  message->target = nd->target;
  if (message->target.is_multicast() || message->target.is_unspecified()) return false;
  const uint32_t options = parsed.l4_offset + static_cast<uint32_t>(sizeof *nd);
  const uint8_t wanted = message->is_solicitation ? kSourceLinkAddress : kTargetLinkAddress;
  if (!ParseOptions(frame, options, parsed.l3_offset + parsed.ip_length, wanted, message)) {
    return false;
  }
  const auto source = parsed.Source<Ipv6Address>(frame);
  const auto destination = parsed.Destination<Ipv6Address>(frame);
  if (message->is_solicitation) {
    // Duplicate address detection asks from nowhere, and only the group (RFC 4861 section 7.1.1).
    return !source.is_unspecified() ||
           (IsSolicitedNodeGroup(destination) && !message->has_link_address);
  }
  message->is_solicited = (flags & kSolicitedFlag) != 0;
  message->is_override = (flags & kOverrideFlag) != 0;
  return !source.is_unspecified() && !(destination.is_multicast() && message->is_solicited);
}

uint32_t BuildNeighbourSolicitation(uint8_t* frame, const MacAddress& our_mac,
                                    const Ipv6Address& our_address,
                                    const Ipv6Address& target) noexcept {
  const Ipv6Address group = SolicitedNodeAddress(target);
  return Write(frame, our_mac, MulticastMac(group),
               {kIcmpv6NeighbourSolicitation, 0, our_address, group, target});
}

uint32_t BuildUnsolicitedAdvertisement(uint8_t* frame, const MacAddress& our_mac,
                                       const Ipv6Address& address) noexcept {
  return Write(
      frame, our_mac, MulticastMac(kAllNodes),
      {kIcmpv6NeighbourAdvertisement, kRouterFlag | kOverrideFlag, address, kAllNodes, address});
}

uint32_t WriteNeighbourAdvertisement(uint8_t* frame, const ParsedPacket& parsed,
                                     const MacAddress& our_mac) noexcept {
  const Ipv6Address target = HeaderAt<NeighbourMessageHeader>(frame, parsed.l4_offset)->target;
  const auto asker = parsed.Source<Ipv6Address>(frame);
  // Duplicate address detection has no address to answer to; tell everybody (section 7.2.4).
  if (asker.is_unspecified()) return BuildUnsolicitedAdvertisement(frame, our_mac, target);
  const MacAddress asker_mac = HeaderAt<EthernetHeader>(frame, 0)->source;
  return Write(frame, our_mac, asker_mac,
               {kIcmpv6NeighbourAdvertisement, kRouterFlag | kSolicitedFlag | kOverrideFlag, target,
                asker, target});
}

}  // namespace fairlead::dataplane
