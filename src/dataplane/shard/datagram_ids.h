// Identifications of datagrams whose source many senders share from here on: a local address of
// FULLNAT, an address of source NAT. Each sender numbers its own datagrams. Behind one address two
// of them may have one number at a time, and the receiver would put their fragments together
// (RFC 3022 section 6.3). So the director numbers them anew.
//
//   const uint32_t id = ids.Take(source, destination, protocol);   // IPv4: 16 bits
//   const uint32_t id = ids.Take(source6, destination6, now);      // IPv6: 32 bits
//
// What must differ is {source, destination, protocol, identification} (RFC 791 section 3.2), in
// IPv6 the same without the protocol (RFC 8200 section 4.5). Each such tuple has a counter, by a
// keyed hash, maybe together with others; so a number comes again after as many datagrams of the
// tuple as there are numbers, and no sooner. IPv6 has the time in front. Workers use numbers of
// their own, since two of them may have one local address. Where a counter begins follows from the
// secret, so nobody outside can tell. Threads: the worker's.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "base/clock.h"
#include "base/hash.h"
#include "base/ids.h"

namespace fairlead::dataplane {

class DatagramIds {
 public:
  DatagramIds(const TableHash& hash, WorkerId me, size_t workers) noexcept
      : hash_(hash),
        step_(static_cast<uint16_t>(std::bit_ceil(workers))),
        first_(static_cast<uint16_t>(me.index())) {}

  // Never 0, which means none.
  uint32_t Take(Ipv4Address source, Ipv4Address destination, uint8_t protocol) noexcept {
    const uint64_t from = hash_(source, Be16{}, protocol);
    return Next(MixMultiply(from ^ destination.value.raw(), from | 1));
  }
  uint32_t Take(const Ipv6Address& source, const Ipv6Address& destination, Tick now) noexcept {
    const uint64_t from = hash_(source, Be16{}, 0);
    return now.value << 16 | Next(MixMultiply(from ^ hash_(destination, Be16{}, 0), from | 1));
  }

 private:
  static constexpr size_t kCounters = 2048;

  uint16_t Next(uint64_t hash) noexcept {
    uint16_t& count = counts_[hash % kCounters];
    uint16_t id = 0;
    while (id == 0) id = static_cast<uint16_t>((hash >> 48) * step_ + count++ * step_ + first_);
    return id;
  }

  const TableHash hash_;
  const uint16_t step_;  // a power of two, so that a wrap changes nothing
  const uint16_t first_;
  std::array<uint16_t, kCounters> counts_{};
};

}  // namespace fairlead::dataplane
