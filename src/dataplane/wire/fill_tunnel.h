// FillTunnelHeaders (encapsulate.h) in line, for the one place where each instruction is one of
// every packet: the fast path.
//
//   uint8_t* frame = packet.Prepend(made.length);
//   FillTunnelHeadersOf<Ipv4Address>(frame, parsed, made, fields);   // an IPv4 packet, any tunnel
//
// Threads: pure.
#pragma once

#include "dataplane/wire/encapsulate.h"
#include "dataplane/wire/rewrite_tun.h"

namespace fairlead::dataplane {

// Of GUE, behind the outer IP header.
inline constexpr uint32_t kGueBytes = sizeof(UdpHeader) + sizeof(GueHeader);

// The checksum of the shim at `at`, in front of `length` bytes. Precondition: made.has_checksum.
void FinishTunnelChecksum(uint8_t* at, const MadeTunnel& made, uint32_t length) noexcept;

// FillTunnelHeaders for a packet of one family. Always inline, and for each outer family by itself:
// what is known when it is compiled need not be asked of each packet.
template <typename Inner, typename Outer>
[[gnu::always_inline]] inline void FillTunnelHeadersFor(uint8_t* frame, const ParsedPacket& parsed,
                                                        const MadeTunnel& made,
                                                        const TunnelFields& fields) noexcept {
  constexpr uint32_t kIpBytes = sizeof(IpHeader<Outer>);
  constexpr bool kMayCopyDf = Inner::kFamily == Family::kIpv4 && Outer::kFamily == Family::kIpv4;
  uint8_t* outer = frame + kEthernetHeaderLength;
  DecrementTtl(HeaderAt<IpHeader<Inner>>(outer + made.length, 0));
  std::memcpy(outer, made.bytes.data(), kIpBytes);
  const bool dont_fragment = kMayCopyDf & fields.copies_dont_fragment & parsed.dont_fragment;
  FinishOuterHeader(HeaderAt<IpHeader<Outer>>(outer, 0), parsed,
                    made.length - kIpBytes + parsed.ip_length, fields.id, dont_fragment);
  HeaderAt<EthernetHeader>(frame, 0)->ethertype = Be16::FromHost(EtherTypeOf(Outer::kFamily));
  uint8_t* at = outer + kIpBytes;
  const uint8_t* shim = made.bytes.data() + kIpBytes;
  if (made.type == TunnelType::kGue) {
    std::memcpy(at, shim, kGueBytes);
    auto* udp = HeaderAt<UdpHeader>(at, 0);
    udp->source_port = fields.source_port;
    udp->length = Be16::FromHost(static_cast<uint16_t>(kGueBytes + parsed.ip_length));
  } else if (made.type == TunnelType::kGre) {
    std::memcpy(at, shim, sizeof(GreHeader));
  }
  if (made.has_checksum) [[unlikely]]
    FinishTunnelChecksum(at, made, parsed.ip_length);
}
template <typename Inner>
[[gnu::always_inline]] inline void FillTunnelHeadersOf(uint8_t* frame, const ParsedPacket& parsed,
                                                       const MadeTunnel& made,
                                                       const TunnelFields& fields) noexcept {
  made.outer == Family::kIpv4
      ? FillTunnelHeadersFor<Inner, Ipv4Address>(frame, parsed, made, fields)
      : FillTunnelHeadersFor<Inner, Ipv6Address>(frame, parsed, made, fields);
}

}  // namespace fairlead::dataplane
