// The tunnels a packet may take to its real server, each described once (docs/tunnels.md).
//
//   const Tunnel tunnel{.type = TunnelType::kGue, .checksum = TunnelChecksum::kNone, .port = 6080};
//   TunnelHeaderBytes(tunnel, Family::kIpv4);   // 32: IPv4 20, UDP 8, GUE 4
//   TunnelTypeOf("gre");                        // kGre
//
// The numbers are those of linux/ip_vs.h (IP_VS_CONN_F_TUNNEL_TYPE_…, IP_VS_TUNNEL_ENCAP_FLAG_…).
// Threads: constants and values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/ip_address.h"

namespace fairlead {

enum class TunnelType : uint8_t { kIpip = 0, kGue = 1, kGre = 2 };
inline constexpr std::array kTunnelTypes = {TunnelType::kIpip, TunnelType::kGue, TunnelType::kGre};

// kRemote (GUE): the receiver may take the inner checksum from the outer one. A packet that comes
// with a whole inner checksum needs no option for that, so it is kFull on the wire.
enum class TunnelChecksum : uint8_t { kNone = 0, kFull = 1, kRemote = 2 };
inline constexpr std::array kTunnelChecksums = {TunnelChecksum::kNone, TunnelChecksum::kFull,
                                                TunnelChecksum::kRemote};

struct Tunnel {
  TunnelType type = TunnelType::kIpip;
  TunnelChecksum checksum = TunnelChecksum::kNone;  // kIpip: none; kGre: none or full
  uint16_t port = 0;                                // kGue: of UDP, where it ends; else 0
  friend bool operator==(const Tunnel&, const Tunnel&) = default;
};

constexpr std::string_view ToWord(TunnelType type) noexcept {
  switch (type) {
    case TunnelType::kIpip:
      return "ipip";
    case TunnelType::kGue:
      return "gue";
    case TunnelType::kGre:
      return "gre";
  }
  return {};
}

constexpr std::string_view ToWord(TunnelChecksum checksum) noexcept {
  switch (checksum) {
    case TunnelChecksum::kNone:
      return "none";
    case TunnelChecksum::kFull:
      return "full";
    case TunnelChecksum::kRemote:
      return "remote";
  }
  return {};
}

constexpr std::optional<TunnelType> TunnelTypeOf(std::string_view word) noexcept {
  for (const TunnelType type : kTunnelTypes) {
    if (ToWord(type) == word) return type;
  }
  return std::nullopt;
}

constexpr std::optional<TunnelChecksum> TunnelChecksumOf(std::string_view word) noexcept {
  for (const TunnelChecksum checksum : kTunnelChecksums) {
    if (ToWord(checksum) == word) return checksum;
  }
  return std::nullopt;
}

// Between the outer IP header and the inner packet: GUE has UDP 8 and its own 4, GRE 4 and with a
// checksum 4 more.
constexpr uint32_t TunnelShimBytes(const Tunnel& tunnel) noexcept {
  switch (tunnel.type) {
    case TunnelType::kIpip:
      return 0;
    case TunnelType::kGue:
      return 12;
    case TunnelType::kGre:
      return tunnel.checksum == TunnelChecksum::kNone ? 4 : 8;
  }
  return 0;
}

// All that the tunnel puts in front of a packet.
constexpr uint32_t TunnelHeaderBytes(const Tunnel& tunnel, Family outer) noexcept {
  return (outer == Family::kIpv4 ? 20 : 40) + TunnelShimBytes(tunnel);
}

inline constexpr size_t kMaxTunnelHeader = 52;  // GUE in IPv6

// Where GUE is taken out by the director itself (IANA).
inline constexpr uint16_t kGuePort = 6080;

// A set of types.
constexpr uint8_t TunnelBit(TunnelType type) noexcept {
  return static_cast<uint8_t>(1u << static_cast<unsigned>(type));
}

}  // namespace fairlead
