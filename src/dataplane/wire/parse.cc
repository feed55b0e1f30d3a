#include "dataplane/wire/parse.h"

#include <new>

#include "dataplane/wire/ipv6_extensions.h"
#include "dataplane/wire/parse_plain.h"

namespace fairlead::dataplane {
namespace {

constexpr ParseOutcome Dropped(DropReason reason) { return {PacketKind::kDropped, reason}; }
constexpr ParseOutcome Is(PacketKind kind) { return {kind, DropReason::kTruncated}; }

MacKind KindOf(const Wire<MacAddress>& mac, uint8_t first_byte) {
  if ((first_byte & 1) == 0) [[likely]]
    return MacKind::kUnicast;
  return mac.get() == kBroadcastMac ? MacKind::kBroadcast : MacKind::kMulticast;
}

constexpr Ipv6Address kIpv6Loopback{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

// This network and loopback (RFC 1122 section 3.2.1.3): on a wire they are nobody.
bool IsNobody(Ipv4Address a) {
  const uint32_t net = a.value.host() >> 24;
  return net == 0 || net == 127;
}
bool IsNobody(const Ipv6Address& a) { return a.is_unspecified() || a == kIpv6Loopback; }

bool IsGroup(Ipv4Address a) {
  const uint32_t host = a.value.host();
  return host >> 28 == 0xe || host == 0xffffffff;
}
bool IsGroup(const Ipv6Address& a) { return a.is_multicast(); }

// Whether a packet may come from `source` and go to `destination`. kCount: yes.
template <typename Address>
DropReason CheckAddresses(const Address& source, const Address& destination, uint8_t protocol) {
  // The unspecified address is right only for ICMPv6: a neighbour solicitation of duplicate address
  // detection, checked in neighbour_discovery.
  const bool may_be_unspecified = Address::kFamily == Family::kIpv6 && protocol == kProtocolIcmpv6;
  if (IsGroup(source)) return DropReason::kBadSource;
  if (IsNobody(source) && !(may_be_unspecified && source.is_unspecified())) {
    return DropReason::kBadSource;
  }
  // No route leads there, whatever a default route says (RFC 1812 section 5.3.7).
  if (IsNobody(destination)) return DropReason::kNoRoute;
  return DropReason::kCount;
}

ParseOutcome ParseTcp(const uint8_t* frame, ParsedPacket* parsed) {
  const uint32_t available = parsed->l4_length();
  if (available < sizeof(TcpHeader)) return Dropped(DropReason::kBadL4Header);
  const auto* tcp = HeaderAt<TcpHeader>(frame, parsed->l4_offset);
  const uint32_t header_length = tcp->header_length();
  if (header_length < sizeof(TcpHeader) || header_length > available) {
    return Dropped(DropReason::kBadL4Header);
  }
  parsed->source_port = tcp->source_port;
  parsed->destination_port = tcp->destination_port;
  parsed->tcp_flags = tcp->flags;
  parsed->payload_offset = static_cast<uint16_t>(parsed->l4_offset + header_length);
  return Is(PacketKind::kFlow);
}

ParseOutcome ParseUdp(const uint8_t* frame, ParsedPacket* parsed) {
  const uint32_t available = parsed->l4_length();
  if (available < sizeof(UdpHeader)) return Dropped(DropReason::kBadL4Header);
  const auto* udp = HeaderAt<UdpHeader>(frame, parsed->l4_offset);
  const uint32_t udp_length = udp->length.get().host();
  // A first fragment announces the length of the whole datagram.
  if (udp_length < sizeof(UdpHeader) || (udp_length > available && !parsed->is_fragment)) {
    return Dropped(DropReason::kBadL4Header);
  }
  parsed->source_port = udp->source_port;
  parsed->destination_port = udp->destination_port;
  parsed->payload_offset = static_cast<uint16_t>(parsed->l4_offset + sizeof(UdpHeader));
  return Is(PacketKind::kFlow);
}

ParseOutcome ParseIcmp(const uint8_t* frame, ParsedPacket* parsed) {
  if (parsed->l4_length() < sizeof(IcmpHeader)) return Dropped(DropReason::kBadL4Header);
  const auto* icmp = HeaderAt<IcmpHeader>(frame, parsed->l4_offset);
  parsed->icmp_type = icmp->type;
  parsed->icmp_code = icmp->code;
  parsed->payload_offset = static_cast<uint16_t>(parsed->l4_offset + sizeof(IcmpHeader));
  return Is(PacketKind::kIcmp);
}

// Of a transport, or of another protocol.
ParseOutcome ParseFlow(const uint8_t* frame, ParsedPacket* parsed) {
  switch (static_cast<Transport>(parsed->protocol)) {
    case Transport::kTcp:
      return ParseTcp(frame, parsed);
    case Transport::kUdp:
      return ParseUdp(frame, parsed);
  }
  return Is(PacketKind::kOtherIp);
}

// Too short for the header of its transport: made to hide the header from who looks at first
// fragments only (RFC 1858 section 3, RFC 7112).
bool IsTiny(const ParsedPacket& parsed) {
  switch (static_cast<Transport>(parsed.protocol)) {
    case Transport::kTcp:
      return parsed.l4_length() < sizeof(TcpHeader);
    case Transport::kUdp:
      return parsed.l4_length() < sizeof(UdpHeader);
  }
  return false;
}

// `offset`: of a fragment's bytes in its datagram.
ParseOutcome ParseTransport(const uint8_t* frame, uint32_t offset, ParsedPacket* parsed) {
  parsed->payload_offset = parsed->l4_offset;
  if (parsed->is_fragment && !parsed->is_first_fragment) {
    // Between the ports and the flags of TCP nobody cuts for a good reason (RFC 3128).
    const bool hides_flags = offset == 8 && parsed->protocol == kProtocolTcp;
    return hides_flags ? Dropped(DropReason::kFragmentTiny) : Is(PacketKind::kFragment);
  }
  const uint8_t icmp = parsed->is_v4() ? kProtocolIcmp : kProtocolIcmpv6;
  const ParseOutcome outcome =
      parsed->protocol == icmp ? ParseIcmp(frame, parsed) : ParseFlow(frame, parsed);
  if (!parsed->is_fragment) return outcome;
  if (outcome.kind != PacketKind::kDropped) return Is(PacketKind::kFragment);
  return IsTiny(*parsed) ? Dropped(DropReason::kFragmentTiny) : outcome;
}

// Notes a fragment of `length` bytes, `offset` bytes into its datagram; all but the last are
// multiples of 8 bytes, and none is empty. False: no datagram has such a fragment.
bool NoteFragment(uint32_t offset, bool more, uint32_t length, ParsedPacket* parsed) {
  parsed->is_fragment = offset > 0 || more;
  parsed->is_first_fragment = offset == 0 && more;
  if (parsed->is_fragment && length == 0) return false;
  if (more && length % 8 != 0) return false;
  return offset + length <= 65535;
}

// Nearly every header has no options: a constant length makes five additions of it.
Be16 HeaderSum(const Ipv4Header* ip, uint32_t header_length) {
  if (header_length == sizeof *ip) [[likely]]
    return HeaderSum20(ip);
  return Checksum(ip, header_length);
}

ParseOutcome ParseIpv4(const uint8_t* frame, uint32_t length, bool ip_checksum_good,
                       ParsedPacket* parsed) {
  const uint32_t available = length - kEthernetHeaderLength;
  if (available < sizeof(Ipv4Header)) return Dropped(DropReason::kTruncated);
  const auto* ip = HeaderAt<Ipv4Header>(frame, parsed->l3_offset);
  const uint32_t header_length = ip->header_length();
  const uint32_t total_length = ip->total_length.get().host();
  if (ip->version_and_length >> 4 != 4 || header_length < sizeof(Ipv4Header) ||
      total_length < header_length) {
    return Dropped(DropReason::kBadIpHeader);
  }
  if (total_length > available) return Dropped(DropReason::kTruncated);
  // Over a right header, its own checksum field included, the complemented sum is zero.
  if (!ip_checksum_good && !HeaderSum(ip, header_length).is_zero()) {
    return Dropped(DropReason::kBadIpChecksum);
  }
  const DropReason bad = CheckAddresses<Ipv4Address>(ip->source, ip->destination, ip->protocol);
  if (bad != DropReason::kCount) return Dropped(bad);

  parsed->ip_length = total_length;
  parsed->l4_offset = static_cast<uint16_t>(parsed->l3_offset + header_length);
  parsed->protocol = ip->protocol;
  parsed->ttl = ip->ttl;
  parsed->tos = ip->tos;
  const uint16_t fragment = ip->fragment.get().host();
  parsed->dont_fragment = (fragment & Ipv4Header::kDontFragment) != 0;
  const uint32_t offset = (fragment & Ipv4Header::kOffsetMask) * 8u;
  if (!NoteFragment(offset, (fragment & Ipv4Header::kMoreFragments) != 0,
                    total_length - header_length, parsed)) {
    return Dropped(DropReason::kBadIpHeader);
  }
  return ParseTransport(frame, offset, parsed);
}

ParseOutcome ParseIpv6(const uint8_t* frame, uint32_t length, ParsedPacket* parsed) {
  const uint32_t available = length - kEthernetHeaderLength;
  if (available < sizeof(Ipv6Header)) return Dropped(DropReason::kTruncated);
  const auto* ip = HeaderAt<Ipv6Header>(frame, parsed->l3_offset);
  if (ip->version_class_flow.get().host() >> 28 != 6) return Dropped(DropReason::kBadIpHeader);
  parsed->ip_length = static_cast<uint32_t>(sizeof(Ipv6Header)) + ip->payload_length.get().host();
  if (parsed->ip_length > available) return Dropped(DropReason::kTruncated);
  parsed->ttl = ip->hop_limit;
  parsed->tos = ip->traffic_class();
  parsed->dont_fragment = true;  // routers never fragment IPv6, RFC 8200 section 5
  const uint32_t end = parsed->l3_offset + parsed->ip_length;
  Ipv6Walk walk;
  DropReason bad =
      WalkIpv6Extensions(frame, parsed->l3_offset + static_cast<uint32_t>(sizeof(Ipv6Header)), end,
                         ip->next_header, &walk);
  if (bad != DropReason::kCount) return Dropped(bad);
  parsed->protocol = walk.protocol;
  parsed->l4_offset = static_cast<uint16_t>(walk.offset);
  if (walk.has_fragment_header &&
      !NoteFragment(walk.fragment_offset, walk.more_fragments, end - walk.fragment_data, parsed)) {
    return Dropped(DropReason::kBadIpHeader);
  }
  bad = CheckAddresses<Ipv6Address>(ip->source, ip->destination, parsed->protocol);
  if (bad != DropReason::kCount) return Dropped(bad);
  return ParseTransport(frame, walk.fragment_offset, parsed);
}

}  // namespace

bool IsNoHost(Ipv4Address a) noexcept { return IsGroup(a) || IsNobody(a); }
bool IsNoHost(const Ipv6Address& a) noexcept { return IsGroup(a) || IsNobody(a); }

ParseOutcome ParseFrame(const uint8_t* frame, uint32_t length, bool ip_checksum_good,
                        ParsedPacket* parsed) noexcept {
  if (length >= kEthernetHeaderLength && (frame[0] & 1) == 0) [[likely]] {
    const auto ethertype = HeaderAt<EthernetHeader>(frame, 0)->ethertype.get().host();
    if ((ethertype == kEtherTypeIpv4 &&
         ParsePlain<Ipv4Address>(frame, length, ip_checksum_good, parsed)) ||
        (ethertype == kEtherTypeIpv6 &&
         ParsePlain<Ipv6Address>(frame, length, ip_checksum_good, parsed))) {
      return Is(PacketKind::kFlow);
    }
  }
  return ParseAnyFrame(frame, length, ip_checksum_good, parsed);
}

ParseOutcome ParseAnyFrame(const uint8_t* frame, uint32_t length, bool ip_checksum_good,
                           ParsedPacket* parsed) noexcept {
  new (parsed) ParsedPacket;  // in place: gcc copies a temporary over the stack and stalls
  if (length < kEthernetHeaderLength) return Dropped(DropReason::kTruncated);
  const auto* ethernet = HeaderAt<EthernetHeader>(frame, 0);
  parsed->destination_mac = KindOf(ethernet->destination, frame[0]);
  parsed->ethertype = ethernet->ethertype.get().host();
  parsed->l3_offset = kEthernetHeaderLength;
  switch (parsed->ethertype) {
    case kEtherTypeIpv4:
      return ParseIpv4(frame, length, ip_checksum_good, parsed);
    case kEtherTypeIpv6:
      parsed->family = Family::kIpv6;
      return ParseIpv6(frame, length, parsed);
    case kEtherTypeArp:
      if (length < kEthernetHeaderLength + sizeof(ArpHeader)) {
        return Dropped(DropReason::kTruncated);
      }
      return Is(PacketKind::kArp);
    default:
      return Dropped(DropReason::kUnknownEthertype);
  }
}

}  // namespace fairlead::dataplane
