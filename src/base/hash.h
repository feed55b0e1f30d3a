// The keyed hash of the tables: two 64×64→128 multiplications fold address, port and protocol with
// a secret.
//
//   TableHash hash(secret);
//   uint64_t h = hash(Ipv4Address, Be16 port, uint8_t protocol);
//
// Not a MAC; enough that a client who does not know the secret cannot aim at one bucket. 2–3 ns.
#pragma once

#include <cstdint>

#include "base/ip_address.h"

namespace fairlead {

__extension__ using Uint128 = unsigned __int128;

inline uint64_t MixMultiply(uint64_t a, uint64_t b) {
  const auto product = static_cast<Uint128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

class TableHash {
 public:
  // Two independent secrets; draw them at start (base/secret.h), fixed ones in tests.
  constexpr explicit TableHash(uint64_t secret0, uint64_t secret1)
      : secret0_(secret0 | 1), secret1_(secret1 | 1) {}

  uint64_t operator()(Ipv4Address address, Be16 port, uint8_t protocol) const noexcept {
    const uint64_t word = static_cast<uint64_t>(address.value.raw()) << 32 |
                          static_cast<uint64_t>(port.raw()) << 8 | protocol;
    return MixMultiply(MixMultiply(word ^ secret0_, kOdd0) ^ secret1_, secret0_ ^ kOdd1);
  }
  uint64_t operator()(const Ipv6Address& address, Be16 port, uint8_t protocol) const noexcept {
    uint64_t hi, lo;
    std::memcpy(&hi, address.bytes.data(), 8);
    std::memcpy(&lo, address.bytes.data() + 8, 8);
    const uint64_t tail = static_cast<uint64_t>(port.raw()) << 8 | protocol;
    return MixMultiply(MixMultiply(hi ^ secret0_, lo ^ kOdd0) ^ tail ^ secret1_, secret0_ ^ kOdd1);
  }

 private:
  static constexpr uint64_t kOdd0 = 0x9e3779b97f4a7c15u;
  static constexpr uint64_t kOdd1 = 0xc2b2ae3d27d4eb4fu;
  uint64_t secret0_;
  uint64_t secret1_;
};

}  // namespace fairlead
