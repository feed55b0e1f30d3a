// {port, address} → MAC, written by the control core, read by workers without a lock.
//
//   NeighbourId id = table.Find(port, address);        // worker; none: ask the control core
//   Neighbour n = table.Load(id);                       // one 64-bit load on the packet path
//   if (n.is_reachable()) WriteEthernet(packet, port_mac, n.mac, …);
//
// A real's next hop is a NeighbourId in the snapshot, so forwarding costs that one load; Find is
// for routed packets. Threads: Intern, Set, SetPinned and Forget by the control core only. An
// entry's key changes under a per-entry sequence number (a reader that meets a change sees a miss).
// Invariants: an id stays valid until Forget; open addressing with linear probing; the hash is
// keyed, so that nobody outside can choose addresses that meet in one place; a forgotten entry in
// the middle of a probe chain keeps its place there and may be given to another key, one at the end
// of a chain ends it again, so that look-ups stay short however many neighbours come and go.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/hash.h"
#include "base/ids.h"
#include "base/ip_address.h"
#include "base/spsc_ring.h"

namespace fairlead::dataplane {

enum class NeighbourState : uint8_t { kUnknown, kIncomplete, kReachable, kFailed };

struct Neighbour {
  MacAddress mac;
  PortId port;
  NeighbourState state = NeighbourState::kUnknown;

  [[nodiscard]] bool is_reachable() const { return state == NeighbourState::kReachable; }
};

class NeighbourTable {
 public:
  explicit NeighbourTable(uint32_t capacity = 16384, TableHash hash = TableHash{1, 2})
      : capacity_(capacity), hash_(hash), entries_(std::make_unique<Entry[]>(capacity)) {}

  // Any worker. None when the control core has not been asked about this neighbour.
  [[nodiscard]] NeighbourId Find(PortId port, const IpAddress& address) const noexcept {
    const Key key = KeyOf(port, address);
    for (uint32_t probe = 0, at = Home(key); probe < kMaxProbes; ++probe, at = Next(at)) {
      const Entry& entry = entries_[at];
      if (entry.is_end.load(std::memory_order_acquire)) return NeighbourId{};
      const uint32_t before = entry.sequence.load(std::memory_order_acquire);
      const Key seen = entry.key();
      if ((before & 1) == 0 && seen == key &&
          entry.sequence.load(std::memory_order_acquire) == before &&
          entry.in_use.load(std::memory_order_relaxed)) {
        return NeighbourId{at};
      }
    }
    return NeighbourId{};
  }

  [[nodiscard]] Neighbour Load(NeighbourId id) const noexcept {
    const uint64_t word = LoadWord(id);
    return {MacAddress::FromWord(word), PortId{static_cast<uint8_t>(word >> 48)}, StateOf(word)};
  }
  // The same in one word: the MAC (MacAddress::ToWord) in the low 48 bits, then port and state.
  [[nodiscard]] uint64_t LoadWord(NeighbourId id) const noexcept {
    return entries_[id.index()].value.load(std::memory_order_acquire);
  }
  static NeighbourState StateOf(uint64_t word) noexcept {
    return static_cast<NeighbourState>(word >> 56);
  }

  // Rises when a neighbour becomes reachable, moves or fails: what waits for one may go on. Who
  // reads this before it looks at neighbours misses no change.
  [[nodiscard]] uint64_t changes() const noexcept {
    return changes_.load(std::memory_order_acquire);
  }
  // Whether the configuration names it: the control core then asks for it unasked, for ever.
  [[nodiscard]] bool IsPinned(NeighbourId id) const noexcept {
    return entries_[id.index()].is_pinned.load(std::memory_order_relaxed);
  }

  // Control core. The entry of this neighbour, made when there is none; none when the neighbourhood
  // is full.
  NeighbourId Intern(PortId port, const IpAddress& address) {
    if (const NeighbourId found = Find(port, address); !found.is_none()) return found;
    const Key key = KeyOf(port, address);
    for (uint32_t probe = 0, at = Home(key); probe < kMaxProbes; ++probe, at = Next(at)) {
      Entry& entry = entries_[at];
      if (entry.in_use.load(std::memory_order_relaxed)) continue;
      const uint32_t sequence = entry.sequence.load(std::memory_order_relaxed);
      entry.sequence.store(sequence + 1, std::memory_order_release);
      entry.SetKey(key);
      Store(entry, {MacAddress{}, port, NeighbourState::kIncomplete});
      entry.in_use.store(true, std::memory_order_relaxed);
      entry.sequence.store(sequence + 2, std::memory_order_release);
      entry.is_end.store(false, std::memory_order_release);
      return NeighbourId{at};
    }
    return NeighbourId{};
  }

  // Control core.
  void Set(NeighbourId id, const Neighbour& neighbour) {
    Store(entries_[id.index()], neighbour);
    changes_.store(changes_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  // Control core.
  void SetPinned(NeighbourId id, bool is_pinned) {
    entries_[id.index()].is_pinned.store(is_pinned, std::memory_order_relaxed);
  }

  // Control core. Precondition: no snapshot in use names this id.
  void Forget(NeighbourId id) {
    Entry& entry = entries_[id.index()];
    entry.in_use.store(false, std::memory_order_relaxed);
    entry.is_pinned.store(false, std::memory_order_relaxed);
    Store(entry, {});
    // Nothing lies beyond an end, so free places before one are ends too.
    const auto ends = [&](uint32_t at) {
      return entries_[at].is_end.load(std::memory_order_relaxed);
    };
    const auto is_used = [&](uint32_t at) {
      return entries_[at].in_use.load(std::memory_order_relaxed);
    };
    auto at = static_cast<uint32_t>(id.index());
    if (!ends(Next(at))) return;
    for (; !is_used(at) && !ends(at); at = at == 0 ? capacity_ - 1 : at - 1) {
      entries_[at].is_end.store(true, std::memory_order_release);
    }
  }

  [[nodiscard]] uint32_t capacity() const { return capacity_; }
  // Places at which a look-up ends at once. Control core.
  [[nodiscard]] uint32_t CountEnds() const {
    uint32_t count = 0;
    for (uint32_t at = 0; at < capacity_; ++at) {
      count += entries_[at].is_end.load(std::memory_order_relaxed) ? 1 : 0;
    }
    return count;
  }

 private:
  static constexpr uint32_t kMaxProbes = 64;

  struct Key {
    uint64_t high, low, port_and_family;
    friend bool operator==(const Key&, const Key&) = default;
  };

  struct Entry {
    std::atomic<uint32_t> sequence{0};  // odd while the key changes
    std::atomic<bool> in_use{false};
    std::atomic<bool> is_end{true};  // of every probe chain that comes here
    std::atomic<bool> is_pinned{false};
    std::atomic<uint64_t> value{0};  // state << 56 | port << 48 | MAC
    std::atomic<uint64_t> key_high{0}, key_low{0}, key_tail{0};

    [[nodiscard]] Key key() const noexcept {
      return {key_high.load(std::memory_order_acquire), key_low.load(std::memory_order_acquire),
              key_tail.load(std::memory_order_acquire)};
    }
    void SetKey(const Key& k) noexcept {
      key_high.store(k.high, std::memory_order_release);
      key_low.store(k.low, std::memory_order_release);
      key_tail.store(k.port_and_family, std::memory_order_release);
    }
  };

  static Key KeyOf(PortId port, const IpAddress& address) {
    Key key{0, 0,
            static_cast<uint64_t>(port.value()) << 8 | static_cast<uint64_t>(address.family())};
    std::memcpy(&key.high, address.bytes().data(), 8);
    std::memcpy(&key.low, address.bytes().data() + 8, 8);
    return key;
  }
  [[nodiscard]] uint32_t Home(const Key& k) const noexcept {
    Ipv6Address address;
    std::memcpy(address.bytes.data(), &k.high, 8);
    std::memcpy(address.bytes.data() + 8, &k.low, 8);
    const auto tail = static_cast<uint16_t>(k.port_and_family);
    return static_cast<uint32_t>(hash_(address, Be16::FromHost(tail), 0) % capacity_);
  }
  [[nodiscard]] uint32_t Next(uint32_t at) const noexcept {
    return at + 1 == capacity_ ? 0 : at + 1;
  }
  static void Store(Entry& entry, const Neighbour& n) {
    entry.value.store(n.mac.ToWord() | static_cast<uint64_t>(n.port.value()) << 48 |
                          static_cast<uint64_t>(n.state) << 56,
                      std::memory_order_release);
  }

  uint32_t capacity_;
  TableHash hash_;
  std::unique_ptr<Entry[]> entries_;
  alignas(kCacheLine) std::atomic<uint64_t> changes_{0};
};

}  // namespace fairlead::dataplane
