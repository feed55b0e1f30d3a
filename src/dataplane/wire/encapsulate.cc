#include "dataplane/wire/encapsulate.h"

#include "dataplane/wire/fill_tunnel.h"

namespace fairlead::dataplane {
namespace {

constexpr uint32_t kGreChecksumBytes = 4;  // and two bytes of zero

constexpr uint8_t OuterProtocol(TunnelType type, Family inner) noexcept {
  switch (type) {
    case TunnelType::kIpip:
      return inner == Family::kIpv4 ? kProtocolIpip : kProtocolIpv6;
    case TunnelType::kGue:
      return kProtocolUdp;
    case TunnelType::kGre:
      return kProtocolGre;
  }
  return 0;
}

uint16_t MakeGue(const Tunnel& tunnel, Family inner, const IpAddress& source,
                 const IpAddress& destination, uint8_t* at) noexcept {
  auto* udp = HeaderAt<UdpHeader>(at, 0);
  auto* gue = HeaderAt<GueHeader>(at, sizeof(UdpHeader));
  udp->destination_port = Be16::FromHost(tunnel.port);
  gue->protocol = OuterProtocol(TunnelType::kIpip, inner);
  const uint64_t pseudo = destination.is_v4()
                              ? PseudoHeaderSum(source.v4(), destination.v4(), kProtocolUdp, 0)
                              : PseudoHeaderSum(source.v6(), destination.v6(), kProtocolUdp, 0);
  return FoldChecksum(ChecksumAdd(at, kGueBytes, pseudo));
}

uint16_t MakeGre(bool has_checksum, Family inner, uint8_t* at) noexcept {
  auto* gre = HeaderAt<GreHeader>(at, 0);
  gre->flags = Be16::FromHost(has_checksum ? GreHeader::kChecksum : uint16_t{0});
  gre->ethertype = Be16::FromHost(EtherTypeOf(inner));
  return FoldChecksum(ChecksumAdd(at, sizeof(GreHeader)));
}

}  // namespace

void FinishTunnelChecksum(uint8_t* at, const MadeTunnel& made, uint32_t length) noexcept {
  if (made.type == TunnelType::kGre) {
    uint8_t* sum = at + sizeof(GreHeader);
    std::memset(sum, 0, kGreChecksumBytes);
    const uint8_t* inner = sum + kGreChecksumBytes;
    return FinishChecksum(ChecksumAdd(inner, length, made.constant_sum)).Store(sum);
  }
  auto* udp = HeaderAt<UdpHeader>(at, 0);
  // The length counts twice, in the header and in the pseudo header.
  const uint64_t own =
      uint64_t{made.constant_sum} + udp->source_port.get().raw() + 2u * udp->length.get().raw();
  const Be16 checksum = FinishChecksum(ChecksumAdd(at + kGueBytes, length, own));
  udp->checksum = checksum.is_zero() ? Be16::FromHost(0xffff) : checksum;  // RFC 768
}

void MakeTunnel(const Tunnel& tunnel, Family inner, const IpAddress& source,
                const IpAddress& destination, MadeTunnel* made) noexcept {
  *made = {};
  made->outer = destination.family();
  made->type = tunnel.type;
  made->has_checksum = tunnel.type != TunnelType::kIpip && tunnel.checksum != TunnelChecksum::kNone;
  made->length = static_cast<uint8_t>(TunnelHeaderBytes(tunnel, made->outer));
  IpFields fields;
  fields.protocol = OuterProtocol(tunnel.type, inner);
  fields.ttl = 0;
  fields.dont_fragment = false;
  uint8_t* shim = made->bytes.data();
  if (destination.is_v4()) {
    WriteIpHeader(shim, source.v4(), destination.v4(), fields);
    shim += sizeof(Ipv4Header);
  } else {
    WriteIpHeader(shim, source.v6(), destination.v6(), fields);
    shim += sizeof(Ipv6Header);
  }
  switch (tunnel.type) {
    case TunnelType::kIpip:
      break;
    case TunnelType::kGue:
      made->constant_sum = MakeGue(tunnel, inner, source, destination, shim);
      break;
    case TunnelType::kGre:
      made->constant_sum = MakeGre(made->has_checksum, inner, shim);
      break;
  }
}

void FillTunnelHeaders(uint8_t* frame, const ParsedPacket& parsed, const MadeTunnel& made,
                       const TunnelFields& fields) noexcept {
  parsed.is_v4() ? FillTunnelHeadersOf<Ipv4Address>(frame, parsed, made, fields)
                 : FillTunnelHeadersOf<Ipv6Address>(frame, parsed, made, fields);
}

ParsedPacket OuterFields(const ParsedPacket& inner, const MadeTunnel& made,
                         const TunnelFields& fields) noexcept {
  const bool is_v4 = made.outer == Family::kIpv4;
  ParsedPacket outer;
  outer.ip_length = inner.ip_length + made.length;
  outer.l3_offset = kEthernetHeaderLength;
  outer.l4_offset = static_cast<uint16_t>(kEthernetHeaderLength +
                                          (is_v4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header)));
  outer.payload_offset = outer.l4_offset;
  outer.ethertype = EtherTypeOf(made.outer);
  outer.family = made.outer;
  outer.protocol = OuterProtocol(made.type, inner.family);
  outer.ttl = static_cast<uint8_t>(inner.ttl - 1);
  outer.tos = OuterTos(inner.tos);
  outer.destination_mac = inner.destination_mac;
  outer.dont_fragment =
      !is_v4 || (fields.copies_dont_fragment && inner.is_v4() && inner.dont_fragment);
  return outer;
}

}  // namespace fairlead::dataplane
