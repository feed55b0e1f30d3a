// Which port of the director's own a new connection towards a remote endpoint gets (FULLNAT): the
// one that has rested longest.
//
//   LocalPorts ports(seed);
//   const bool is_given = ports.Give<Ipv4Address>(
//       pool, remote_hash, [&](auto& address, Be16 port) { return …this worker owns it…; },
//       [&](auto& address, Be16 port) { return …it is free, and taken now…; },
//       [&](auto& address, Be16 port) { …it is likely to be the next one… });
//
// The addresses and ports of a pool are places on a ring: one address after the other at one port,
// then the next port. A cursor for each remote endpoint goes round, so that the addresses take
// turns and a remote host meets a port again as late as can be; its TIME_WAIT is over by then. A
// place that is taken is gone by: the next few are tried, then places further and further ahead,
// which leaves a long run of old connections behind in few steps, then places all over the ring.
// At most kMostTries for one connection. Where that was not enough, the next ones try less and
// anywhere, until one finds room: a flood towards a pool without free ports costs little.
//
// Whether a place is free is a look at memory that nobody has seen for long. So who gets a place is
// told of the one that comes next, and can fetch what it will need there.
//
// Cursors are kept by the hash of the remote endpoint. Two that share one go on from each other's
// place, which costs nothing but some of the rest of a port. So there is nothing to keep in step
// with the configuration, and nothing knows what a service is.
//
// Threads: one worker. Nothing allocates.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/byte_order.h"
#include "base/hash.h"
#include "base/ip_address.h"

namespace fairlead::dataplane {

// Range: 1…kMostAddresses addresses of one family; 1 ≤ first_port ≤ last_port.
struct LocalPool {
  static constexpr size_t kMostAddresses = 256;
  std::vector<IpAddress> addresses;
  uint16_t first_port = 1024;
  uint16_t last_port = 65535;
};

class LocalPorts {
 public:
  static constexpr uint32_t kMostTries = 64;  // places found taken
  static constexpr uint32_t kLeastTries = 8;
  // Places of other workers, for each try: there are at most 64.
  static constexpr uint32_t kMostLooks = 128;

  // Different seeds begin at different places, so that a director that starts again does not meet
  // the ports it has just used.
  explicit LocalPorts(uint64_t seed) noexcept {
    for (size_t i = 0; i < cursors_.size(); ++i) {
      const uint64_t random = MixMultiply(seed ^ i, kOdd);
      cursors_[i].next = {static_cast<uint32_t>(random), static_cast<uint32_t>(random >> 32)};
    }
  }

  // owns(address, port): the place is this worker's. take(address, port): it was free, and is taken
  // now. expect(address, port), after that: the next one for this remote endpoint begins there.
  // `remote`: hash of the remote endpoint and the protocol. False: nobody took.
  template <typename Address, typename Owns, typename Take, typename Expect>
  bool Give(const LocalPool& pool, uint64_t remote, Owns&& owns, Take&& take,
            Expect&& expect) noexcept {
    const Ring ring(pool);
    if (ring.count == 0) return false;
    Cursor& cursor = cursors_[remote >> (64 - kCursorBits)];
    Place at = ring.Within(cursor.next);
    Place origin = at;  // where jumps all over the ring begin
    uint32_t tries = 0;
    for (uint32_t looks = cursor.tries * kMostLooks; looks > 0 && tries < cursor.tries; --looks) {
      const auto address = ring.template AddressOf<Address>(at);
      if (!owns(address, ring.PortOf(at))) {
        at = ring.After(at);
        continue;
      }
      if (take(address, ring.PortOf(at))) {
        cursor.tries = std::min(2 * cursor.tries, kMostTries);
        cursor.next = Next<Address>(ring, at, owns, expect);
        return true;
      }
      const uint32_t step = StepAfter(++tries, ring.places(), cursor.tries < kMostTries);
      const bool is_jump = step > ring.places() / 2;
      at = step == 1 ? ring.After(at) : ring.Ahead(at, step);
      // Jumps that share a factor with the places come round without having met them all.
      const bool is_round = is_jump && at == origin;
      if (is_round) at = ring.After(at);
      if (is_round || !is_jump) origin = at;
    }
    cursor.next = at;
    cursor.tries = std::max(cursor.tries / 2, kLeastTries);
    return false;
  }

 private:
  static constexpr unsigned kCursorBits = 12;
  static constexpr uint32_t kNearTries = 4;
  static constexpr uint64_t kOdd = 0x9e37'79b9'7f4a'7c15;

  // On the ring: an address of the pool, and a port counted from its first one. In two parts, since
  // a division would cost more than the rest.
  struct Place {
    uint32_t address, port;
    friend bool operator==(const Place&, const Place&) = default;
  };
  struct Cursor {
    Place next{};
    uint32_t tries = kMostTries;  // for the next connection
  };

  // The places of a pool.
  struct Ring {
    explicit Ring(const LocalPool& pool) noexcept
        : addresses(pool.addresses.data()),
          count(static_cast<uint32_t>(pool.addresses.size())),
          first_port(pool.first_port),
          ports(uint32_t{pool.last_port} - pool.first_port + 1) {}

    [[nodiscard]] uint32_t places() const noexcept { return count * ports; }
    template <typename Address>
    [[nodiscard]] Address AddressOf(Place at) const noexcept {
      return addresses[at.address].As<Address>();
    }
    [[nodiscard]] Be16 PortOf(Place at) const noexcept {
      return Be16::FromHost(static_cast<uint16_t>(first_port + at.port));
    }
    // A place of this pool, which another pool, or none, has left.
    [[nodiscard]] Place Within(Place at) const noexcept {
      if (at.address < count && at.port < ports) [[likely]]
        return at;
      return {at.address % count, at.port % ports};
    }
    [[nodiscard]] Place After(Place at) const noexcept {
      if (at.address + 1 < count) return {at.address + 1, at.port};
      return {0, at.port + 1 < ports ? at.port + 1 : 0};
    }
    [[nodiscard]] Place Ahead(Place at, uint32_t step) const noexcept {
      const uint64_t from = uint64_t{at.port} * count + at.address;
      const auto to = static_cast<uint32_t>((from + step) % places());
      return {to % count, to / count};
    }

    const IpAddress* const addresses;
    const uint32_t count;
    const uint32_t first_port;
    const uint32_t ports;
  };

  // The next place after `at` that this worker owns.
  template <typename Address, typename Owns, typename Expect>
  static Place Next(const Ring& ring, Place at, Owns& owns, Expect& expect) noexcept {
    for (uint32_t looks = kMostLooks; looks > 0; --looks) {
      at = ring.After(at);
      const auto address = ring.template AddressOf<Address>(at);
      if (!owns(address, ring.PortOf(at))) continue;
      expect(address, ring.PortOf(at));
      break;
    }
    return at;
  }

  // From the `tries`th place that was taken to the next one to try.
  static uint32_t StepAfter(uint32_t tries, uint32_t places, bool is_crowded) noexcept {
    if (places <= kMostTries || tries < kNearTries) return 1;
    const uint32_t further = 2u << std::min(tries - kNearTries, 30u);
    if (!is_crowded && further < places / 2) return further;
    // The golden section: each such step falls into one of the widest gaps of those before.
    return static_cast<uint32_t>(uint64_t{places} * 0x9e37'79b9 >> 32);
  }

  std::array<Cursor, size_t{1} << kCursorBits> cursors_;
};

}  // namespace fairlead::dataplane
