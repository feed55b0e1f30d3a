#include "dataplane/wire/tunnel_quote.h"

namespace fairlead::dataplane {
namespace {

constexpr uint32_t kQuotedPortBytes = 4;

// RFC 2784 section 2.1: bits 1 to 5, of which RFC 2890 has made two, and the version. Bits 6 to 12
// are to be ignored.
constexpr uint16_t kRefusedGreBits = 0x7c07;

bool FamilyOfProtocol(uint8_t protocol, Family* family) noexcept {
  *family = protocol == kProtocolIpip ? Family::kIpv4 : Family::kIpv6;
  return protocol == kProtocolIpip || protocol == kProtocolIpv6;
}

bool ParseGue(const uint8_t* frame, uint32_t at, uint32_t end, TunnelShim* shim) noexcept {
  constexpr uint32_t kBytes = sizeof(UdpHeader) + sizeof(GueHeader);
  if (at + kBytes > end) return false;
  const auto* udp = HeaderAt<UdpHeader>(frame, at);
  const auto* gue = HeaderAt<GueHeader>(frame, at + sizeof(UdpHeader));
  if (gue->version_and_options != 0 || !gue->flags.get().is_zero()) return false;
  shim->has_checksum = !udp->checksum.get().is_zero();
  shim->port = udp->destination_port;
  shim->inner = static_cast<uint16_t>(at + kBytes);
  return FamilyOfProtocol(gue->protocol, &shim->family);
}

bool ParseGre(const uint8_t* frame, uint32_t at, uint32_t end, TunnelShim* shim) noexcept {
  if (at + sizeof(GreHeader) > end) return false;
  const auto* gre = HeaderAt<GreHeader>(frame, at);
  const uint16_t flags = gre->flags.get().host();
  const uint16_t ethertype = gre->ethertype.get().host();
  if ((flags & kRefusedGreBits) != 0) return false;
  shim->has_checksum = (flags & GreHeader::kChecksum) != 0;
  const uint32_t bytes = sizeof(GreHeader) + (shim->has_checksum ? 4 : 0);
  shim->inner = static_cast<uint16_t>(at + bytes);
  shim->family = ethertype == kEtherTypeIpv4 ? Family::kIpv4 : Family::kIpv6;
  return at + bytes <= end && (ethertype == kEtherTypeIpv4 || ethertype == kEtherTypeIpv6);
}

bool ParseInner4(const uint8_t* frame, uint32_t offset, uint32_t end,
                 ParsedPacket* inner) noexcept {
  if (offset + sizeof(Ipv4Header) + kQuotedPortBytes > end) return false;
  const auto* ip = HeaderAt<Ipv4Header>(frame, offset);
  const uint32_t header_length = ip->header_length();
  const uint16_t fragment = ip->fragment.get().host();
  if (ip->version_and_length >> 4 != 4 || header_length < sizeof(Ipv4Header) ||
      offset + header_length + kQuotedPortBytes > end ||
      (fragment & Ipv4Header::kOffsetMask) != 0) {
    return false;
  }
  inner->family = Family::kIpv4;
  inner->protocol = ip->protocol;
  inner->l4_offset = static_cast<uint16_t>(offset + header_length);
  inner->dont_fragment = (fragment & Ipv4Header::kDontFragment) != 0;
  return true;
}

bool ParseInner6(const uint8_t* frame, uint32_t offset, uint32_t end,
                 ParsedPacket* inner) noexcept {
  if (offset + sizeof(Ipv6Header) + kQuotedPortBytes > end) return false;
  const auto* ip = HeaderAt<Ipv6Header>(frame, offset);
  if (ip->version_class_flow.get().host() >> 28 != 6) return false;
  inner->family = Family::kIpv6;
  inner->protocol = ip->next_header;  // clients' extension headers are not followed here
  inner->l4_offset = static_cast<uint16_t>(offset + sizeof(Ipv6Header));
  inner->dont_fragment = true;
  return true;
}

}  // namespace

bool ParseShim(const uint8_t* frame, uint8_t protocol, uint32_t at, uint32_t end,
               TunnelShim* shim) noexcept {
  *shim = {};
  switch (protocol) {
    case kProtocolUdp:
      shim->type = TunnelType::kGue;
      return ParseGue(frame, at, end, shim);
    case kProtocolGre:
      shim->type = TunnelType::kGre;
      return ParseGre(frame, at, end, shim);
    default:
      shim->inner = static_cast<uint16_t>(at);
      return FamilyOfProtocol(protocol, &shim->family);
  }
}

bool ParseTunnelQuote(const uint8_t* frame, const ParsedPacket& parsed, const QuotedPacket& quoted,
                      TunnelQuote* quote) noexcept {
  if (parsed.is_v4()) {
    const auto* outer = HeaderAt<Ipv4Header>(frame, quoted.l3_offset);
    if ((outer->fragment.get().host() & Ipv4Header::kOffsetMask) != 0) return false;
    quote->source = outer->source.get();
    quote->real = outer->destination.get();
  } else {
    const auto* outer = HeaderAt<Ipv6Header>(frame, quoted.l3_offset);
    quote->source = outer->source.get();
    quote->real = outer->destination.get();
  }
  const uint32_t end = parsed.l3_offset + parsed.ip_length;
  if (!ParseShim(frame, quoted.protocol, quoted.l4_offset, end, &quote->shim)) return false;
  const uint32_t at = quote->shim.inner;
  ParsedPacket& inner = quote->inner;
  const bool is_whole = quote->shim.family == Family::kIpv4 ? ParseInner4(frame, at, end, &inner)
                                                            : ParseInner6(frame, at, end, &inner);
  if (!is_whole || !IsTransport(inner.protocol)) return false;
  inner.l3_offset = quote->shim.inner;
  inner.payload_offset = inner.l4_offset;
  inner.ip_length = end - at;
  inner.ethertype = EtherTypeOf(inner.family);
  return true;
}

}  // namespace fairlead::dataplane
