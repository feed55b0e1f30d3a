#include "dataplane/wire/translate_family.h"

#include "dataplane/wire/fragment_fields.h"
#include "dataplane/wire/ip_header.h"
#include "dataplane/wire/ipv6_extensions.h"
#include "dataplane/wire/rewrite_nat.h"

namespace fairlead::dataplane {
namespace {

constexpr uint8_t kUnitShift = 3;  // a fragment's offset is in units of 8 bytes

// The words of an address leave the sum, or come in.
void TakeOut(const IpAddress& address, ChecksumDelta* delta) noexcept {
  for (size_t i = 0; i < static_cast<size_t>(address.bit_length()) / 8; i += 4) {
    delta->Replace(Be32::Load(address.bytes().data() + i), Be32{});
  }
}
void PutIn(const IpAddress& address, ChecksumDelta* delta) noexcept {
  for (size_t i = 0; i < static_cast<size_t>(address.bit_length()) / 8; i += 4) {
    delta->Replace(Be32{}, Be32::Load(address.bytes().data() + i));
  }
}

// Extension headers are left out. Not one that has still to lead the packet elsewhere (RFC 7915
// section 5.1), nor those behind a fragment header: the offsets of the others count them.
bool MayLoseExtensions(const uint8_t* frame, const ParsedPacket& parsed) noexcept {
  uint32_t offset = parsed.l3_offset + static_cast<uint32_t>(sizeof(Ipv6Header));
  if (parsed.l4_offset == offset) return true;
  uint8_t next = HeaderAt<Ipv6Header>(frame, parsed.l3_offset)->next_header;
  bool is_behind_fragment = false;
  while (offset < parsed.l4_offset) {
    constexpr uint32_t kSegmentsLeft = 3;
    if (is_behind_fragment && parsed.is_fragment) return false;
    if (next == kProtocolRouting && frame[offset + kSegmentsLeft] != 0) return false;
    is_behind_fragment |= next == kProtocolFragment;
    const uint32_t length =
        next == kProtocolFragment ? sizeof(Ipv6FragmentHeader) : (frame[offset + 1] + 1u) * 8;
    next = frame[offset];
    offset += length;
  }
  return true;
}

// The same of IPv4's options: not a source route whose pointer is still within it (RFC 7915 section
// 4.1).
bool MayLoseOptions(const uint8_t* frame, const ParsedPacket& parsed) noexcept {
  constexpr uint8_t kEnd = 0, kNop = 1, kLooseSourceRoute = 131, kStrictSourceRoute = 137;
  const uint32_t header = HeaderAt<Ipv4Header>(frame, parsed.l3_offset)->header_length();
  const uint8_t* options = frame + parsed.l3_offset;
  for (uint32_t at = sizeof(Ipv4Header); at + 2 < header && options[at] != kEnd;) {
    if (options[at] == kNop) {
      ++at;
      continue;
    }
    const uint8_t length = options[at + 1], pointer = options[at + 2];
    const bool is_route = options[at] == kLooseSourceRoute || options[at] == kStrictSourceRoute;
    if (is_route && pointer <= length) return false;
    if (length < 2) break;
    at += length;
  }
  return true;
}

// IPv6 wants a checksum where IPv4 has none. False: not all that it covers is here.
bool MakeUdpChecksum(UdpHeader* udp, const ParsedPacket& parsed, const Endpoint& source,
                     const Endpoint& destination) noexcept {
  const uint32_t length = udp->length.get().host();
  if (parsed.is_fragment || length < sizeof(UdpHeader) || length > parsed.l4_length()) return false;
  udp->source_port = source.port;
  udp->destination_port = destination.port;
  const Be16 sum = Checksum(
      udp, length,
      PseudoHeaderSum(source.address.v6(), destination.address.v6(), kProtocolUdp, length));
  udp->checksum = sum.is_zero() ? Be16::FromHost(0xffff) : sum;
  return true;
}

template <Transport kTransport>
void ReplaceEndpoints(uint8_t* frame, const ParsedPacket& parsed, const Endpoint& source,
                      const Endpoint& destination) noexcept {
  auto* transport = HeaderAt<TransportHeader<kTransport>>(frame, parsed.l4_offset);
  ChecksumDelta delta;
  TakeOut(parsed.source(frame), &delta);
  TakeOut(parsed.destination(frame), &delta);
  PutIn(source.address, &delta);
  PutIn(destination.address, &delta);
  delta.Replace(transport->source_port.get(), source.port);
  delta.Replace(transport->destination_port.get(), destination.port);
  transport->source_port = source.port;
  transport->destination_port = destination.port;
  UpdateChecksum(transport, delta);
}

}  // namespace

bool TranslateTransport(uint8_t* frame, const ParsedPacket& parsed, const Endpoint& source,
                        const Endpoint& destination) noexcept {
  if (!IsTransport(parsed.protocol)) return false;
  const bool may_lose =
      parsed.is_v4() ? MayLoseOptions(frame, parsed) : MayLoseExtensions(frame, parsed);
  if (!may_lose) return false;
  if (parsed.is_fragment && !parsed.is_first_fragment) return true;
  switch (parsed.transport()) {
    case Transport::kTcp:
      ReplaceEndpoints<Transport::kTcp>(frame, parsed, source, destination);
      return true;
    case Transport::kUdp: {
      auto* udp = HeaderAt<UdpHeader>(frame, parsed.l4_offset);
      if (parsed.is_v4() && udp->checksum.get().is_zero()) {
        return MakeUdpChecksum(udp, parsed, source, destination);
      }
      ReplaceEndpoints<Transport::kUdp>(frame, parsed, source, destination);
      return true;
    }
  }
  return false;
}

namespace internal {

uint16_t ReadOffsetAndMore(const uint8_t* frame, const ParsedPacket& parsed) noexcept {
  if (!parsed.is_fragment) return 0;
  if (parsed.is_v4()) {
    const uint16_t field = HeaderAt<Ipv4Header>(frame, parsed.l3_offset)->fragment.get().host();
    return static_cast<uint16_t>(field & (Ipv4Header::kOffsetMask | Ipv4Header::kMoreFragments));
  }
  const FragmentRange range = ReadFragment6(frame, parsed).range;
  const uint32_t more = range.is_last ? 0u : Ipv4Header::kMoreFragments;
  return static_cast<uint16_t>(range.begin >> kUnitShift | more);
}

void WriteTranslatedHeader(uint8_t* frame, ParsedPacket* parsed, const IpAddress& source,
                           const IpAddress& destination, const FragmentWords& words) noexcept {
  const uint32_t header = TranslatedHeaderBytes(*parsed);
  const uint32_t l4_length = parsed->l4_length();
  uint8_t* at = frame + kEthernetHeaderLength;
  IpFields fields;
  fields.protocol = parsed->protocol;
  fields.ttl = static_cast<uint8_t>(parsed->ttl - 1);
  fields.tos = parsed->tos;
  fields.payload_length = l4_length;
  if (parsed->is_v4()) {
    if (parsed->is_fragment) {
      fields.protocol = kProtocolFragment;
      fields.payload_length += sizeof(Ipv6FragmentHeader);
      auto* fragment = HeaderAt<Ipv6FragmentHeader>(at, sizeof(Ipv6Header));
      const uint32_t offset = (words.offset_and_more & Ipv4Header::kOffsetMask) << kUnitShift;
      const bool has_more = (words.offset_and_more & Ipv4Header::kMoreFragments) != 0;
      fragment->next_header = parsed->protocol;
      fragment->reserved = 0;
      fragment->fragment = Be16::FromHost(
          static_cast<uint16_t>(offset | (has_more ? Ipv6FragmentHeader::kMoreFragments : 0u)));
      fragment->id = Be32::FromHost(words.id);
    }
    WriteIpHeader(at, source.v6(), destination.v6(), fields);
  } else {
    fields.dont_fragment = HasDontFragment(*parsed);
    fields.id = Be16::FromHost(static_cast<uint16_t>(words.id));
    WriteIpHeader(at, source.v4(), destination.v4(), fields);
    if (parsed->is_fragment) {
      auto* ip = HeaderAt<Ipv4Header>(at, 0);
      ip->fragment = Be16::FromHost(words.offset_and_more);
      ip->checksum = Be16{};
      ip->checksum = Checksum(ip, sizeof *ip);
    }
  }
  const auto transport_bytes = static_cast<uint16_t>(parsed->payload_offset - parsed->l4_offset);
  parsed->dont_fragment = parsed->is_v4() || fields.dont_fragment;
  parsed->family = source.family();
  parsed->ethertype = EtherTypeOf(parsed->family);
  parsed->ip_length = header + l4_length;
  parsed->l3_offset = kEthernetHeaderLength;
  parsed->l4_offset = static_cast<uint16_t>(kEthernetHeaderLength + header);
  parsed->payload_offset = static_cast<uint16_t>(parsed->l4_offset + transport_bytes);
  --parsed->ttl;
}

}  // namespace internal

}  // namespace fairlead::dataplane
