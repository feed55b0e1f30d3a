#include "dataplane/wire/decapsulate.h"

#include "base/checksum.h"

namespace fairlead::dataplane {
namespace {

// RFC 3168 section 5: the low two bits of TOS and traffic class.
constexpr uint8_t kEcnMask = 3;
constexpr uint8_t kEct1 = 1;
constexpr uint8_t kEct0 = 2;
constexpr uint8_t kCongestionExperienced = 3;

// Of UDP with its pseudo header; of GRE over all that follows it.
bool HasGoodSum(const uint8_t* frame, const ParsedPacket& outer, const TunnelShim& shim) noexcept {
  const uint8_t* at = frame + outer.l4_offset;
  switch (shim.type) {
    case TunnelType::kIpip:
      return true;
    case TunnelType::kGue: {
      // ParseFrame has seen to it that so much is there.
      const uint32_t length = HeaderAt<UdpHeader>(frame, outer.l4_offset)->length.get().host();
      const uint64_t pseudo =
          outer.is_v4()
              ? PseudoHeaderSum(outer.Source<Ipv4Address>(frame),
                                outer.Destination<Ipv4Address>(frame), kProtocolUdp, length)
              : PseudoHeaderSum(outer.Source<Ipv6Address>(frame),
                                outer.Destination<Ipv6Address>(frame), kProtocolUdp, length);
      return Checksum(at, length, pseudo).is_zero();
    }
    case TunnelType::kGre:
      return Checksum(at, outer.l4_length()).is_zero();
  }
  return false;
}

// The inner packet's whole header, its length and its version.
bool HasInner(const uint8_t* frame, uint32_t at, uint32_t end, Family family) noexcept {
  if (family == Family::kIpv4) {
    if (at + sizeof(Ipv4Header) > end) return false;
    const auto* ip = HeaderAt<Ipv4Header>(frame, at);
    return ip->version_and_length >> 4 == 4 && at + ip->total_length.get().host() <= end;
  }
  if (at + sizeof(Ipv6Header) > end) return false;
  const auto* ip = HeaderAt<Ipv6Header>(frame, at);
  return ip->version_class_flow.get().host() >> 28 == 6 &&
         at + sizeof(Ipv6Header) + ip->payload_length.get().host() <= end;
}

uint8_t InnerTos(const uint8_t* frame, const TunnelShim& shim) noexcept {
  return shim.family == Family::kIpv4 ? HeaderAt<Ipv4Header>(frame, shim.inner)->tos
                                      : HeaderAt<Ipv6Header>(frame, shim.inner)->traffic_class();
}

// RFC 6040 section 4.2, where the outer mark is not CE on what does not take part in ECN.
uint8_t MarkOf(uint8_t outer_tos, uint8_t inner_tos) noexcept {
  const uint8_t outer = outer_tos & kEcnMask;
  const uint8_t inner = inner_tos & kEcnMask;
  if (inner == 0) return 0;
  if (outer == kCongestionExperienced) return kCongestionExperienced;
  return outer == kEct1 && inner == kEct0 ? kEct1 : inner;
}

void SetMark(uint8_t* frame, const TunnelShim& shim, uint8_t mark) noexcept {
  if (shim.family == Family::kIpv4) {
    auto* ip = HeaderAt<Ipv4Header>(frame, shim.inner);
    ChecksumDelta delta;
    const auto marked = static_cast<uint8_t>((ip->tos & ~kEcnMask) | mark);
    delta.Replace(Be16::FromHost(ip->tos), Be16::FromHost(marked));
    ip->tos = marked;
    ip->checksum = delta.Apply(ip->checksum);
    return;
  }
  auto* ip = HeaderAt<Ipv6Header>(frame, shim.inner);
  const uint32_t first = ip->version_class_flow.get().host();
  ip->version_class_flow =
      Be32::FromHost((first & ~(uint32_t{kEcnMask} << 20)) | uint32_t{mark} << 20);
}

// Behind the last byte of the tunnel: a UDP datagram may be shorter than its packet.
uint32_t EndOf(const uint8_t* frame, const ParsedPacket& outer) noexcept {
  if (outer.protocol == kProtocolUdp) {
    return outer.l4_offset + HeaderAt<UdpHeader>(frame, outer.l4_offset)->length.get().host();
  }
  return outer.l3_offset + outer.ip_length;
}

bool IsNested(const uint8_t* frame, uint32_t end, const TunnelShim& shim) noexcept {
  const bool v4 = shim.family == Family::kIpv4;
  const uint8_t protocol = v4 ? HeaderAt<Ipv4Header>(frame, shim.inner)->protocol
                              : HeaderAt<Ipv6Header>(frame, shim.inner)->next_header;
  const uint32_t header =
      v4 ? HeaderAt<Ipv4Header>(frame, shim.inner)->header_length() : sizeof(Ipv6Header);
  if (protocol != kProtocolUdp) {
    return protocol == kProtocolIpip || protocol == kProtocolIpv6 || protocol == kProtocolGre;
  }
  // A later fragment of IPv4 has no ports; the next header of one of IPv6 is not UDP.
  if (v4 && (HeaderAt<Ipv4Header>(frame, shim.inner)->fragment.get().host() &
             Ipv4Header::kOffsetMask) != 0) {
    return false;
  }
  const uint32_t at = shim.inner + header;
  return at + sizeof(UdpHeader) <= end &&
         HeaderAt<UdpHeader>(frame, at)->destination_port.get().host() == kGuePort;
}

}  // namespace

TunnelVerdict JudgeTunnel(const uint8_t* frame, const ParsedPacket& outer, uint8_t types,
                          TunnelShim* shim) noexcept {
  const uint32_t end = EndOf(frame, outer);
  const bool is_whole = ParseShim(frame, outer.protocol, outer.l4_offset, end, shim);
  if ((types & TunnelBit(shim->type)) == 0) return TunnelVerdict::kNone;
  if (!is_whole || !HasInner(frame, shim->inner, end, shim->family) ||
      (shim->has_checksum && !HasGoodSum(frame, outer, *shim))) {
    return TunnelVerdict::kBad;
  }
  // Who does not take part in ECN has lost the packet (RFC 6040 section 4.2).
  const bool is_marked = (outer.tos & kEcnMask) == kCongestionExperienced;
  if (is_marked && (InnerTos(frame, *shim) & kEcnMask) == 0) {
    return TunnelVerdict::kBad;
  }
  return IsNested(frame, end, *shim) ? TunnelVerdict::kNested : TunnelVerdict::kEnds;
}

uint32_t TakeOff(uint8_t* frame, const ParsedPacket& outer, const TunnelShim& shim) noexcept {
  const uint8_t inner_tos = InnerTos(frame, shim);
  const uint8_t mark = MarkOf(outer.tos, inner_tos);
  if (mark != (inner_tos & kEcnMask)) SetMark(frame, shim, mark);
  const uint32_t cut = shim.inner - kEthernetHeaderLength;
  std::memmove(frame + cut, frame, kEthernetHeaderLength);
  HeaderAt<EthernetHeader>(frame, cut)->ethertype = Be16::FromHost(EtherTypeOf(shim.family));
  return cut;
}

}  // namespace fairlead::dataplane
