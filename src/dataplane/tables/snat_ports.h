// Which local endpoint a new flow of source NAT gets.
//
//   SnatPorts ports;
//   const SnatPorts::Wish wish{.host = …, .flow = …, .remote = …, .port = the host's own};
//   const bool is_found = ports.Find<Ipv4Address>(
//       pool, wish, [&](auto& address, Be16 port) { return …it is free towards the remote…; },
//       &address, &port);
//   ports.Note(wish, is_found);                          // not for a look that makes no flow
//
// The host's own port is taken where it is free. Else the search begins at a place that follows
// from the flow, goes by some neighbours, and then jumps. A host begins with the same address of
// the pool each time, and the looks are divided among the addresses, so a full one does not hide
// another.
//
// A search looks at kMostLooks endpoints at the most. One that finds nothing halves what the next
// one for the same remote endpoint may do, down to kLeastLooks, and one that finds an endpoint
// doubles it: a flood towards a pool that is used up costs little. These numbers are kept by a hash
// of the remote endpoint. Two that share one only search more or less than they would alone.
//
// Threads: one worker. Nothing allocates.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/tables/local_ports.h"

namespace fairlead::dataplane {

class SnatPorts {
 public:
  static constexpr uint32_t kMostLooks = 256;
  static constexpr uint32_t kLeastLooks = 8;

  struct Wish {
    uint64_t host = 0;    // hash of the inside host
    uint64_t flow = 0;    // secret hash of the flow
    uint64_t remote = 0;  // secret hash of the remote endpoint and the rule
    Be16 port;            // the host's own
  };

  SnatPorts() noexcept { looks_.fill(kMostLooks); }

  // is_free(address, port) is asked of each endpoint looked at. False: none of them was.
  template <typename Address, typename IsFree>
  bool Find(const LocalPool& pool, const Wish& wish, IsFree&& is_free, Address* address,
            Be16* port) const noexcept {
    const auto count = static_cast<uint32_t>(pool.addresses.size());
    uint32_t left = looks_[PlaceOf(wish)];
    const uint32_t share = std::max(kLeastShare, left / std::max(count, uint32_t{1}));
    for (uint32_t i = 0; i < count && left > 0; ++i) {
      *address = pool.addresses[(wish.host + i) % count].template As<Address>();
      const uint32_t looks = std::min(share, left);
      left -= looks;
      const auto is_free_here = [&](Be16 at) { return is_free(*address, at); };
      if (FindPort(pool, wish, looks, is_free_here, port)) return true;
    }
    return false;
  }
  void Note(const Wish& wish, bool was_found) noexcept {
    uint16_t& looks = looks_[PlaceOf(wish)];
    looks = static_cast<uint16_t>(was_found ? std::min<uint32_t>(2u * looks, kMostLooks)
                                            : std::max<uint32_t>(looks / 2u, kLeastLooks));
  }

 private:
  static constexpr uint32_t kLeastShare = 2;  // of an address: the host's own port, and another
  static constexpr uint32_t kNearLooks = 4;
  static constexpr unsigned kPlaceBits = 12;

  static size_t PlaceOf(const Wish& wish) noexcept { return wish.remote >> (64 - kPlaceBits); }

  template <typename IsFree>
  static bool FindPort(const LocalPool& pool, const Wish& wish, uint32_t looks, IsFree&& is_free,
                       Be16* port) noexcept {
    const uint32_t ports = uint32_t{pool.last_port} - pool.first_port + 1;
    const uint16_t own = wish.port.host();
    if (own >= pool.first_port && own <= pool.last_port) {
      *port = wish.port;
      if (is_free(*port)) return true;
      --looks;
    }
    looks = std::min(looks, ports);
    // The golden section: each such jump falls into one of the widest gaps of those before. What
    // can be looked at whole is looked at one by one.
    const auto jump = static_cast<uint32_t>(uint64_t{ports} * 0x9e37'79b9 >> 32);
    auto at = static_cast<uint32_t>((wish.flow >> 16) % ports);
    uint32_t origin = at;
    for (uint32_t look = 1; look <= looks; ++look) {
      *port = Be16::FromHost(static_cast<uint16_t>(pool.first_port + at));
      if (is_free(*port)) return true;
      if (looks == ports || look < kNearLooks) {
        origin = at = (at + 1) % ports;
        continue;
      }
      at = (at + jump) % ports;
      // Jumps that share a factor with the ports come round early, without having met them all.
      if (at == origin) origin = at = (at + 1) % ports;
    }
    return false;
  }

  std::array<uint16_t, size_t{1} << kPlaceBits> looks_;
};

}  // namespace fairlead::dataplane
