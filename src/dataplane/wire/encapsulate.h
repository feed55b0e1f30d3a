// REWRITE for every tunnel (docs/tunnels.md): IP in IP, GUE and GRE, of any family in any family.
//
//   MadeTunnel made;
//   MakeTunnel(tunnel, Family::kIpv4, our_address, real_address, &made);   // once for a real
//   if (!Encapsulate(packet, parsed, made, {.id = id, .source_port = port})) …kNoHeadroom
//
// What all packets into a tunnel have in common is made once; Encapsulate adds what each has of its
// own: lengths, TTL, TOS, identification, the UDP source port, checksums. Between the outer IP
// header and the inner packet stand
//
//   GUE   UDP {source port, tunnel.port, length, checksum or 0}, {0, protocol 4 or 41, 0}
//   GRE   {0 or 0x8000, EtherType}, with a checksum {checksum, 0}
//
// Checksums cover the packet as it goes out, to its last byte. The inner TTL is decremented, as in
// rewrite_tun.h, which is the short way for IP in IP of one family.
// Precondition: parsed.ttl > 1, and the MTU was checked: made.length is what is added. Threads:
// pure.
#pragma once

#include <array>
#include <cstdint>

#include "base/tunnel.h"
#include "dataplane/wire/parse.h"

namespace fairlead::dataplane {

struct MadeTunnel {
  // The IP header first, as FinishOuterHeader wants it (rewrite_tun.h). Kept at a multiple of 8.
  std::array<uint8_t, 56> bytes{};
  uint8_t length = 0;  // bytes of all headers
  TunnelType type = TunnelType::kIpip;
  bool has_checksum = false;
  Family outer = Family::kIpv4;
  // Of the checksum: the sum over what is the same in every packet, in memory order.
  uint16_t constant_sum = 0;
  uint16_t reserved = 0;
};
static_assert(sizeof(MadeTunnel) == 64 && kMaxTunnelHeader <= sizeof(MadeTunnel::bytes));

// `inner`: the family of the packets. `source` and `destination` are of one family, the outer.
void MakeTunnel(const Tunnel& tunnel, Family inner, const IpAddress& source,
                const IpAddress& destination, MadeTunnel* made) noexcept;

// What a packet's outer headers have that follows from no field of the inner packet.
struct TunnelFields {
  Be16 id;                            // of an outer IPv4 header
  Be16 source_port;                   // of UDP
  bool copies_dont_fragment = false;  // the inner DF goes to an outer IPv4 header
};

// `frame` begins with made.length bytes of room, behind them the packet as `parsed` says. Its
// Ethernet addresses are the caller's to write.
void FillTunnelHeaders(uint8_t* frame, const ParsedPacket& parsed, const MadeTunnel& made,
                       const TunnelFields& fields) noexcept;

// The outer packet's fields, once it is encapsulated.
ParsedPacket OuterFields(const ParsedPacket& inner, const MadeTunnel& made,
                         const TunnelFields& fields) noexcept;

// False when the buffer has no room in front; the packet is then unchanged.
template <Packet P>
[[nodiscard]] bool Encapsulate(P& packet, const ParsedPacket& parsed, const MadeTunnel& made,
                               const TunnelFields& fields) noexcept {
  uint8_t* frame = packet.Prepend(made.length);
  if (frame == nullptr) return false;
  FillTunnelHeaders(frame, parsed, made, fields);
  return true;
}

// The UDP source port of GUE: a function of the client's endpoint, so that routers and NICs spread
// flows and keep each on one path, and a second director gives the same. The range is Linux's for
// local ports.
inline constexpr uint16_t kFirstTunnelPort = 32768;
inline constexpr uint16_t kTunnelPorts = 28232;

inline Be16 TunnelPortOf(uint64_t flow) noexcept {
  const uint64_t spread = flow * 0x9e3779b97f4a7c15u >> 32;
  return Be16::FromHost(static_cast<uint16_t>(kFirstTunnelPort + (spread * kTunnelPorts >> 32)));
}
inline Be16 TunnelSourcePort(Ipv4Address client, Be16 port) noexcept {
  return TunnelPortOf(uint64_t{port.raw()} << 32 | client.value.raw());
}
inline Be16 TunnelSourcePort(const Ipv6Address& client, Be16 port) noexcept {
  uint64_t high, low;
  std::memcpy(&high, client.bytes.data(), 8);
  std::memcpy(&low, client.bytes.data() + 8, 8);
  return TunnelPortOf((high * 0xc2b2ae3d27d4eb4fu) ^ low ^ uint64_t{port.raw()} << 24);
}

}  // namespace fairlead::dataplane
