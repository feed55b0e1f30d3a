#include "dataplane/wire/icmp_error.h"

#include <algorithm>
#include <type_traits>

#include "base/checksum.h"
#include "dataplane/wire/ipv6_extensions.h"
#include "dataplane/wire/tunnel_mtu.h"

namespace fairlead::dataplane {
namespace {

constexpr uint32_t kPortBytes =
    4;  // source and destination port, first in the header of every transport

bool IsRelatedType(const ParsedPacket& parsed) {
  if (!parsed.is_v4()) return parsed.icmp_type < kIcmpv6FirstInformational;
  return parsed.icmp_type == kIcmpUnreachable || parsed.icmp_type == kIcmpSourceQuench ||
         parsed.icmp_type == kIcmpTimeExceeded;
}

// Where the quoted transport begins. The quoted lengths are not believed: the quotation is cut.
IcmpErrorKind FindQuotedIpv4(const uint8_t* frame, uint32_t end, QuotedPacket* quoted) {
  if (end - quoted->l3_offset < sizeof(Ipv4Header)) return IcmpErrorKind::kBad;
  const auto* ip = HeaderAt<Ipv4Header>(frame, quoted->l3_offset);
  const uint32_t header_length = ip->header_length();
  if (ip->version_and_length >> 4 != 4 || header_length < sizeof(Ipv4Header) ||
      header_length > end - quoted->l3_offset) {
    return IcmpErrorKind::kBad;
  }
  quoted->protocol = ip->protocol;
  quoted->l4_offset = static_cast<uint16_t>(quoted->l3_offset + header_length);
  const bool is_later_fragment = (ip->fragment.get().host() & Ipv4Header::kOffsetMask) != 0;
  return is_later_fragment ? IcmpErrorKind::kNotHandled : IcmpErrorKind::kRelated;
}

IcmpErrorKind FindQuotedIpv6(const uint8_t* frame, uint32_t end, QuotedPacket* quoted) {
  if (end - quoted->l3_offset < sizeof(Ipv6Header)) return IcmpErrorKind::kBad;
  const auto* ip = HeaderAt<Ipv6Header>(frame, quoted->l3_offset);
  if (ip->version_class_flow.get().host() >> 28 != 6) return IcmpErrorKind::kBad;
  Ipv6Walk walk;
  if (WalkIpv6Extensions(frame, quoted->l3_offset + static_cast<uint32_t>(sizeof(Ipv6Header)), end,
                         ip->next_header, &walk) != DropReason::kCount) {
    return IcmpErrorKind::kBad;
  }
  quoted->protocol = walk.protocol;
  quoted->l4_offset = static_cast<uint16_t>(walk.offset);
  return walk.fragment_offset != 0 ? IcmpErrorKind::kNotHandled : IcmpErrorKind::kRelated;
}

uint64_t IcmpPseudoHeaderSum(const uint8_t* frame, const ParsedPacket& parsed) {
  if (parsed.is_v4()) return 0;  // RFC 792: none
  return PseudoHeaderSum(parsed.Source<Ipv6Address>(frame), parsed.Destination<Ipv6Address>(frame),
                         kProtocolIcmpv6, parsed.l4_length());
}

}  // namespace

IcmpErrorKind ParseIcmpError(const uint8_t* frame, const ParsedPacket& parsed,
                             QuotedPacket* quoted) noexcept {
  *quoted = QuotedPacket{};
  if (!IsRelatedType(parsed)) return IcmpErrorKind::kNotRelated;
  const uint32_t end = parsed.l3_offset + parsed.ip_length;
  quoted->l3_offset = parsed.payload_offset;
  const IcmpErrorKind kind =
      parsed.is_v4() ? FindQuotedIpv4(frame, end, quoted) : FindQuotedIpv6(frame, end, quoted);
  if (kind != IcmpErrorKind::kRelated) return kind;
  if (!IsTransport(quoted->protocol)) return IcmpErrorKind::kNotHandled;
  if (end - quoted->l4_offset < kPortBytes) return IcmpErrorKind::kBad;
  quoted->source_port = Be16::Load(frame + quoted->l4_offset);
  quoted->destination_port = Be16::Load(frame + quoted->l4_offset + 2);
  return IcmpErrorKind::kRelated;
}

bool HasGoodIcmpChecksum(const uint8_t* frame, const ParsedPacket& parsed) noexcept {
  return Checksum(frame + parsed.l4_offset, parsed.l4_length(), IcmpPseudoHeaderSum(frame, parsed))
      .is_zero();
}

void LowerMtu(uint8_t* frame, const ParsedPacket& parsed, uint32_t bytes) noexcept {
  constexpr uint8_t kFragmentationNeeded = 4;
  const bool is_too_big = parsed.is_v4() ? parsed.icmp_type == kIcmpUnreachable &&
                                               parsed.icmp_code == kFragmentationNeeded
                                         : parsed.icmp_type == kIcmpv6TooBig;
  if (!is_too_big || bytes == 0) return;
  auto* icmp = HeaderAt<IcmpHeader>(frame, parsed.l4_offset);
  const Be32 before = icmp->rest;
  const uint32_t unused = parsed.is_v4() ? before.host() & 0xffff'0000u : 0;
  const uint32_t mtu = before.host() - unused;
  const uint32_t least = parsed.is_v4() ? kLeastIpv4Mtu : kLeastIpv6Mtu;
  // Routers of the age before RFC 1191 say 0.
  if (mtu <= least) return;
  const Be32 after = Be32::FromHost(unused | std::max(mtu > bytes ? mtu - bytes : 0, least));
  icmp->rest = after;
  ChecksumDelta delta;
  delta.Replace(before, after);
  icmp->checksum = delta.Apply(icmp->checksum);
}

template <bool kIsForward, typename Address>
void RewriteIcmpBytes(uint8_t* frame, const ParsedPacket& parsed, const QuotedPacket& quoted,
                      const Address& address, Be16 port) noexcept {
  constexpr bool kIsIpv4 = std::is_same_v<Address, Ipv4Address>;
  auto* outer = HeaderAt<IpHeader<Address>>(frame, parsed.l3_offset);
  auto* icmp = HeaderAt<IcmpHeader>(frame, parsed.l4_offset);
  auto* inner = HeaderAt<IpHeader<Address>>(frame, quoted.l3_offset);
  Wire<Address>& outer_address = kIsForward ? outer->destination : outer->source;
  Wire<Address>& inner_address = kIsForward ? inner->source : inner->destination;
  auto* inner_port = HeaderAt<Wire<Be16>>(frame, quoted.l4_offset + (kIsForward ? 0u : 2u));

  ChecksumDelta outer_delta;
  outer_delta.Replace(outer_address.get(), address);
  ChecksumDelta delta;  // of everything the ICMP checksum covers
  delta.Replace(inner_address.get(), address);
  delta.Replace(inner_port->get(), port);
  if constexpr (!kIsIpv4) delta.Replace(outer_address.get(), address);  // pseudo header
  outer_address = address;
  inner_address = address;
  *inner_port = port;
  FinishRewrittenError<Address>(outer, inner, icmp, outer_delta, delta);
}

template void RewriteIcmpBytes<true, Ipv4Address>(uint8_t*, const ParsedPacket&,
                                                  const QuotedPacket&, const Ipv4Address&,
                                                  Be16) noexcept;
template void RewriteIcmpBytes<false, Ipv4Address>(uint8_t*, const ParsedPacket&,
                                                   const QuotedPacket&, const Ipv4Address&,
                                                   Be16) noexcept;
template void RewriteIcmpBytes<true, Ipv6Address>(uint8_t*, const ParsedPacket&,
                                                  const QuotedPacket&, const Ipv6Address&,
                                                  Be16) noexcept;
template void RewriteIcmpBytes<false, Ipv6Address>(uint8_t*, const ParsedPacket&,
                                                   const QuotedPacket&, const Ipv6Address&,
                                                   Be16) noexcept;

}  // namespace fairlead::dataplane
