// The Toeplitz hash a NIC computes for RSS (Microsoft "RSS hashing types"), over an address and a
// port.
//
// Fairlead hashes only the client endpoint, so that both directions of a NAT flow name one worker
// (steering). A table of partial results a byte makes it 6 look-ups for IPv4, 18 for IPv6; it runs
// only on a table miss.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/ip_address.h"

namespace fairlead {

inline constexpr size_t kToeplitzKeyBytes = 40;
using ToeplitzKey = std::array<uint8_t, kToeplitzKeyBytes>;

class Toeplitz {
 public:
  explicit Toeplitz(const ToeplitzKey& key);

  [[nodiscard]] uint32_t Hash(Ipv4Address address, Be16 port) const noexcept {
    uint8_t input[6];
    address.Store(input);
    port.Store(input + 4);
    return HashBytes(input, sizeof input);
  }
  [[nodiscard]] uint32_t Hash(const Ipv6Address& address, Be16 port) const noexcept {
    uint8_t input[18];
    address.Store(input);
    port.Store(input + 16);
    return HashBytes(input, sizeof input);
  }
  // Up to 36 bytes. Also the standard 5-tuple input, for checking against published vectors.
  [[nodiscard]] uint32_t HashBytes(const uint8_t* input, size_t length) const noexcept {
    uint32_t hash = 0;
    for (size_t i = 0; i < length; ++i) hash ^= (*table_)[i][input[i]];
    return hash;
  }

 private:
  static constexpr size_t kMaxInput = kToeplitzKeyBytes - 4;
  using Table = std::array<std::array<uint32_t, 256>, kMaxInput>;
  std::shared_ptr<const Table> table_;
};

// The key every published test vector uses; also the default of most NIC drivers.
inline constexpr ToeplitzKey kDefaultToeplitzKey = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
    0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
    0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

}  // namespace fairlead
