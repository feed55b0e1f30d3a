// The narrowest links, and the narrowest path that a tunnel is fitted to, by who would have to hear
// of it.
//
//   const uint32_t least = LeastTunnelMtu(Family::kIpv6, Family::kIpv4, 20);   // 1300
//
// Threads: pure.
#pragma once

#include <cstdint>

#include "base/ip_address.h"

namespace fairlead::dataplane {

// RFC 791 section 3.1: no IPv4 link is narrower.
inline constexpr uint32_t kLeastIpv4Mtu = 68;
// RFC 8200 section 5: no IPv6 link is narrower, and no sender need send less.
inline constexpr uint32_t kLeastIpv6Mtu = 1280;

// With IPv4 clients in IPv4: what Linux has as min_pmtu; a lower MTU counts as this. A lower one
// than IPv6 clients have anyway could not be told to them.
constexpr uint32_t LeastTunnelMtu(Family inner, Family outer, uint32_t header_bytes) noexcept {
  if (inner == Family::kIpv6) return kLeastIpv6Mtu + header_bytes;
  return outer == Family::kIpv4 ? 552 : kLeastIpv6Mtu;
}

}  // namespace fairlead::dataplane
