// Which of the ranges a record belongs to: the parts of the tables that directors compare and send
// as wholes.
//
//   uint32_t range = RangeOf(entry);   // 0…kStreamRanges-1
//
// Every director computes the same number of the same endpoints, so there is no secret in it, and
// it never changes: it is part of the protocol. Threads: pure.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>

#include "base/hash.h"
#include "sync/stream/entry.h"

namespace fairlead::sync {

inline constexpr size_t kStreamRanges = 4096;
using StreamRanges = std::bitset<kStreamRanges>;

// A sum over the records of a range of what must agree.
struct RangeDigest {
  uint64_t sum = 0;
  uint32_t records = 0;
  friend bool operator==(const RangeDigest&, const RangeDigest&) = default;
};

// `virtual_address` of a mark service's template is the mark, as in an entry.
inline uint64_t EndpointHash(StreamKind kind, uint8_t protocol, const IpAddress& client,
                             Be16 client_port, const IpAddress& virtual_address,
                             Be16 virtual_port) noexcept {
  const auto word = [](const IpAddress& address, size_t at) {
    return Be64::Load(address.bytes().data() + at).host();
  };
  const uint64_t ports = uint64_t{static_cast<uint8_t>(kind)} << 40 | uint64_t{protocol} << 32 |
                         uint64_t{client_port.host()} << 16 | virtual_port.host();
  uint64_t hash =
      MixMultiply(word(client, 0) ^ 0x9e3779b97f4a7c15u, word(client, 8) ^ 0xc2b2ae3d27d4eb4fu);
  hash = MixMultiply(hash ^ word(virtual_address, 0) ^ 0x165667b19e3779f9u,
                     word(virtual_address, 8) ^ 0x27d4eb2f165667c5u);
  return MixMultiply(hash ^ ports, 0x9e3779b97f4a7c15u);
}

inline uint32_t RangeOf(StreamKind kind, uint8_t protocol, const IpAddress& client,
                        Be16 client_port, const IpAddress& virtual_address,
                        Be16 virtual_port) noexcept {
  return static_cast<uint32_t>(
      EndpointHash(kind, protocol, client, client_port, virtual_address, virtual_port) %
      kStreamRanges);
}

inline uint32_t RangeOf(const StreamEntry& entry) noexcept {
  return RangeOf(entry.kind, entry.protocol, entry.client, entry.client_port, entry.virtual_address,
                 entry.virtual_port);
}

}  // namespace fairlead::sync
