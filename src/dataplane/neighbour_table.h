// {port, address} → MAC, written by the control core, read by workers without a lock.
//
//   NeighbourId id = table.Find(port, address);        // worker; none: ask the control core
//   Neighbour n = table.Load(id);                       // one 64-bit load on the packet path
//   if (n.is_reachable()) WriteEthernet(packet, port_mac, n.mac, …);
//
// A real's next hop is a NeighbourId in the snapshot, so forwarding costs that one load; Find is
// for routed packets. Threads: Intern, Set and Forget by the control core only. An entry's key
// changes under a per-entry sequence number (a reader that meets a change sees a miss). Invariants:
// an id stays valid until Forget; open addressing with linear probing; a forgotten entry keeps its
// place in the probe chain and may be given to another key.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/hash.h"
#include "base/ids.h"
#include "base/ip_address.h"

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
  explicit NeighbourTable(uint32_t capacity = 16384)
      : capacity_(capacity), entries_(std::make_unique<Entry[]>(capacity)) {}

  // Any worker. None when the control core has not been asked about this neighbour.
  [[nodiscard]] NeighbourId Find(PortId port, const IpAddress& address) const noexcept {
    const Key key = KeyOf(port, address);
    for (uint32_t probe = 0, at = Home(key); probe < kMaxProbes; ++probe, at = Next(at)) {
      const Entry& entry = entries_[at];
      const uint32_t before = entry.sequence.load(std::memory_order_acquire);
      if (before == 0) return NeighbourId{};  // never used: the chain ends
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
      return NeighbourId{at};
    }
    return NeighbourId{};
  }

  // Control core.
  void Set(NeighbourId id, const Neighbour& neighbour) { Store(entries_[id.index()], neighbour); }

  // Control core. Precondition: no snapshot in use names this id.
  void Forget(NeighbourId id) {
    Entry& entry = entries_[id.index()];
    entry.in_use.store(false, std::memory_order_relaxed);
    Store(entry, {});
  }

  [[nodiscard]] uint32_t capacity() const { return capacity_; }

 private:
  static constexpr uint32_t kMaxProbes = 64;

  struct Key {
    uint64_t high, low, port_and_family;
    friend bool operator==(const Key&, const Key&) = default;
  };

  struct Entry {
    std::atomic<uint32_t> sequence{0};  // odd while the key changes; 0: never used
    std::atomic<bool> in_use{false};
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
    const uint64_t h = MixMultiply(k.high ^ 0x9e3779b97f4a7c15u, k.low ^ 0xc2b2ae3d27d4eb4fu) ^
                       MixMultiply(k.port_and_family + 1, 0xd6e8feb86659fd93u);
    return static_cast<uint32_t>(h % capacity_);
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
  std::unique_ptr<Entry[]> entries_;
};

}  // namespace fairlead::dataplane
