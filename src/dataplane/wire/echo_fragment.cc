#include "dataplane/wire/echo_fragment.h"

#include "base/checksum.h"
#include "dataplane/wire/ipv6_extensions.h"

namespace fairlead::dataplane {
namespace {

constexpr auto kFragmentHeader = static_cast<uint32_t>(sizeof(Ipv6FragmentHeader));

// Where the bytes of the datagram begin; 0: what is there is not ICMP.
uint32_t DataOf(const uint8_t* frame, const ParsedPacket& parsed) {
  if (parsed.is_v4()) return parsed.protocol == kProtocolIcmp ? parsed.l4_offset : 0;
  const auto* ip = HeaderAt<Ipv6Header>(frame, parsed.l3_offset);
  Ipv6Walk walk;
  WalkIpv6Extensions(frame, parsed.l3_offset + static_cast<uint32_t>(sizeof(Ipv6Header)),
                     parsed.l3_offset + parsed.ip_length, ip->next_header, &walk);
  const auto* header = HeaderAt<Ipv6FragmentHeader>(frame, walk.fragment_data - kFragmentHeader);
  return header->next_header == kProtocolIcmpv6 ? walk.fragment_data : 0;
}

bool IsOneHost(const IpAddress& address) {
  return address.is_v4() ? !IsNoHost(address.v4()) : !IsNoHost(address.v6());
}

}  // namespace

bool IsFirstOfEcho(const uint8_t* frame, const ParsedPacket& parsed) noexcept {
  const uint8_t protocol = parsed.is_v4() ? kProtocolIcmp : kProtocolIcmpv6;
  const uint8_t type = parsed.is_v4() ? kIcmpEcho : kIcmpv6Echo;
  return parsed.is_first_fragment && parsed.protocol == protocol && parsed.icmp_type == type &&
         parsed.icmp_code == 0 && parsed.destination_mac == MacKind::kUnicast &&
         IsOneHost(parsed.source(frame)) && IsOneHost(parsed.destination(frame)) &&
         DataOf(frame, parsed) != 0;
}

namespace internal {

bool ReadEchoFragment(const uint8_t* frame, const ParsedPacket& parsed,
                      EchoFragment* fragment) noexcept {
  fragment->data = DataOf(frame, parsed);
  if (fragment->data == 0) return false;
  fragment->received = *HeaderAt<EthernetHeader>(frame, 0);
  fragment->source = parsed.destination(frame);
  fragment->destination = parsed.source(frame);
  fragment->tos = parsed.tos;
  fragment->is_first = parsed.is_first_fragment;
  if (parsed.is_v4()) {
    const auto* ip = HeaderAt<Ipv4Header>(frame, parsed.l3_offset);
    fragment->id = ip->id.get().host();
    fragment->field =
        ip->fragment.get().host() & (Ipv4Header::kOffsetMask | Ipv4Header::kMoreFragments);
  }
  return true;
}

uint32_t FrontOfEchoFragment(const EchoFragment& fragment) noexcept {
  const auto ip = fragment.source.is_v4() ? sizeof(Ipv4Header)
                                          : sizeof(Ipv6Header) + sizeof(Ipv6FragmentHeader);
  return static_cast<uint32_t>(kEthernetHeaderLength + ip);
}

void WriteEchoFragment(uint8_t* frame, uint32_t length, const EchoFragment& fragment) noexcept {
  const bool is_v4 = fragment.source.is_v4();
  WriteEthernet(frame, fragment.received.destination, fragment.received.source,
                EtherTypeOf(fragment.source.family()));
  uint8_t* const at = frame + kEthernetHeaderLength;
  IpFields fields;
  fields.tos = fragment.tos;
  fields.dont_fragment = false;
  if (is_v4) {
    fields.protocol = kProtocolIcmp;
    fields.payload_length =
        static_cast<uint32_t>(length - kEthernetHeaderLength - sizeof(Ipv4Header));
    fields.id = Be16::FromHost(fragment.id);
    fields.leave_checksum = true;
    WriteIpHeader(at, fragment.source.v4(), fragment.destination.v4(), fields);
    auto* ip = HeaderAt<Ipv4Header>(at, 0);
    ip->fragment = Be16::FromHost(fragment.field);
    ip->checksum = Checksum(ip, sizeof *ip);
  } else {
    fields.protocol = kProtocolFragment;
    fields.payload_length =
        static_cast<uint32_t>(length - kEthernetHeaderLength - sizeof(Ipv6Header));
    WriteIpHeader(at, fragment.source.v6(), fragment.destination.v6(), fields);
  }
  if (!fragment.is_first) return;
  auto* icmp = HeaderAt<IcmpHeader>(frame, FrontOfEchoFragment(fragment));
  const uint8_t reply = is_v4 ? kIcmpEchoReply : kIcmpv6EchoReply;
  ChecksumDelta delta;
  delta.Replace(Be16::FromHost(static_cast<uint16_t>(icmp->type << 8)),
                Be16::FromHost(static_cast<uint16_t>(reply << 8)));
  icmp->type = reply;
  icmp->checksum = delta.Apply(icmp->checksum);
}

}  // namespace internal

}  // namespace fairlead::dataplane
