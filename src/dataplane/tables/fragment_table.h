// The datagrams that pass in fragments: what was decided of each by its first fragment, and the
// fragments that came before that one and wait.
//
//   const uint32_t slot = table.FindOrAdd(key, hash, now);
//   if (table.Arrive(slot, range) != FragmentTable::Arrival::kNew) …drop it by name
//   if (!table.at(slot).fate.is_decided()) table.Hold(slot, packet, parsed, range.begin);
//   table.fate(slot) = …;
//   table.Settle(slot, now);                          // the first fragment has found its way
//   while (table.Pop(slot, &held)) …send it after     // in the order of the datagram
//
// Nothing is put together: the table has the ranges of bytes that have come, not the bytes. Theory:
// a datagram is kWaiting until its first fragment is judged (ports are nowhere else), then
// kSettled, and kDone when all its bytes have passed; it is forgotten after kLifetime4 or
// kLifetime6 in each of the first two, kDoneLifetime in the last. Each state is a list in the order
// of time, one for each family, so the next to go is always a head. When there is no room the
// oldest goes: of those done; then of those that wait, if these are half of all; else of those
// settled. So fragments displace fragments and nothing else.
//
// Memory: all of it at construction; a datagram is 192 bytes, of which two lines are in use unless
// it has gaps. Who has a burst of fragments asks for both early (PrefetchBucket, PrefetchDatagram).
// Threads: one worker's. Invariants:
//   1. a datagram is in one bucket and in one list;
//   2. runs are sorted, and do not touch each other;
//   3. a held packet is in its datagram's list, or among those given up, which TakeGivenUp empties;
//   4. a datagram that waits and has not been asked about holds a packet, but for the one in hand.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "base/forward_method.h"
#include "base/ids.h"
#include "dataplane/tables/slot.h"
#include "dataplane/wire/fragment_fields.h"

namespace fairlead::dataplane {

// Which datagram (RFC 791 section 3.2, RFC 8200 section 4.5), in words: they are written and
// compared for every fragment. `protocol`: none in IPv6, whose identification holds for all.
// `is_inside`: what comes from real servers does not meet what comes from clients; of one side the
// ports are alike, since with several links to a router the first fragment and the others may come
// by different ones.
class FragmentKey {
 public:
  FragmentKey() = default;
  FragmentKey(Ipv4Address source, Ipv4Address destination, uint32_t id, uint8_t protocol,
              bool is_inside) noexcept
      : words_{source.value.raw() | uint64_t{destination.value.raw()} << 32, 0, 0, 0,
               Rest(id, protocol, is_inside)} {}
  FragmentKey(const Ipv6Address& source, const Ipv6Address& destination, uint32_t id,
              bool is_inside) noexcept {
    source.Store(&words_[0]);
    destination.Store(&words_[2]);
    words_[4] = Rest(id, 0, is_inside) | kIsV6;
  }

  [[nodiscard]] bool is_v4() const noexcept { return (words_[4] & kIsV6) == 0; }

  friend bool operator==(const FragmentKey& a, const FragmentKey& b) noexcept {
    uint64_t differs = 0;
    for (size_t i = 0; i < a.words_.size(); ++i) differs |= a.words_[i] ^ b.words_[i];
    return differs == 0;
  }

 private:
  static constexpr uint64_t kIsV6 = uint64_t{1} << 63;
  static uint64_t Rest(uint32_t id, uint8_t protocol, bool is_inside) noexcept {
    return id | uint64_t{protocol} << 32 | uint64_t{is_inside} << 40;
  }

  std::array<uint64_t, 5> words_{};
};

// What the first fragment met, and so what its datagram's others meet.
struct FragmentFate {
  enum class Kind : uint8_t {
    kUndecided,  // the first has not come
    kAsked,      // it has, and is at the owner of its template
    kRefused,    // dropped, or answered with an error
    kElsewhere,  // sent to `worker`, which owns the flow
    kToReal,     // to `real` by `method`; NAT: `address` is the destination from now on, FULLNAT:
                 // `other` the source
    kRouted,     // by the routing table; `address` is the source from now on, `other` the
                 // destination
    kToHost,     // to the kernel twin of `port`
    kEchoed,     // sent back: it is a ping to an address of ours
  };
  Kind kind = Kind::kUndecided;
  WorkerId worker;
  PortId port;
  ForwardMethod method = ForwardMethod::kDr;
  RealId real;        // whose traffic it is; none: nobody's
  IpAddress address;  // the real's with kToReal, whatever the method
  IpAddress other;    // with kRouted, and with kToReal where the client is translated
  Be16 client_port;   // with kToReal
  uint32_t id = 0;    // the identification from now on; 0: its own

  [[nodiscard]] bool is_decided() const noexcept {
    return kind != Kind::kUndecided && kind != Kind::kAsked;
  }
};

class FragmentTable {
 public:
  static constexpr TickCount kLifetime4 = TicksFromSeconds(30);  // as Linux' ipfrag_time
  static constexpr TickCount kLifetime6 = TicksFromSeconds(60);  // RFC 8200 section 4.5
  static constexpr TickCount kDoneLifetime = TicksFromSeconds(1);
  static constexpr uint32_t kMaxHeld = 512;            // packets
  static constexpr uint32_t kMaxHeldBytes = 1u << 20;  // of their IP packets
  static constexpr uint32_t kMaxHeldPerDatagram = 64;  // 64 kB in fragments of a 1,000 bytes
  static constexpr size_t kMaxRuns = 16;               // gaps that a datagram may have at once
  static constexpr uint32_t kExpirySteps = 64;         // in each list
  static constexpr uint32_t kMostVictims = 8;          // datagrams that make room for one packet

  enum class State : uint8_t { kFree, kWaiting, kSettled, kDone };
  enum class Arrival : uint8_t {
    kNew,
    kDuplicate,  // all its bytes have come before
    kOverlap,    // some have, or it contradicts where the datagram ends: the datagram is refused
    kScattered,  // one gap too many to remember
  };

  struct Run {
    uint16_t begin, end;
  };
  // Two cache lines, and a third for the datagrams that have gaps.
  struct alignas(64) Datagram {
    uint64_t hash = 0;
    FragmentKey key;
    uint32_t bucket_next = kNoSlot;
    uint32_t ready_next = kNoSlot;
    State state = State::kFree;
    uint8_t list = 0;       // a ListName
    bool is_ready = false;  // in the list of those whose held packets may go
    uint8_t run_count = 0;
    uint8_t held_count = 0;
    uint16_t total = 0;  // bytes; 0: the last fragment has not come
    // ---- the second
    FragmentFate fate;
    Tick deadline;
    uint32_t before = kNoSlot, after = kNoSlot;  // of its list
    uint32_t held = kNoSlot;                     // sorted by place in the datagram
    // ---- the third
    std::array<Run, kMaxRuns> runs;
  };
  static_assert(sizeof(Datagram) == 192 && offsetof(Datagram, fate) == 64 &&
                offsetof(Datagram, held) == 124 && offsetof(Datagram, runs) == 128);
  struct Held {
    ParsedPacket parsed;
    void* packet = nullptr;
    uint32_t begin = 0;
    uint32_t next = kNoSlot;
    DropReason reason = DropReason::kCount;  // once given up
  };

  // Room for `datagrams` at once; at least one.
  explicit FragmentTable(uint32_t datagrams);

  // For FindOrAdd: first its bucket, and once that is there, the datagram.
  [[gnu::always_inline]] void PrefetchBucket(uint64_t hash) const noexcept {
    __builtin_prefetch(&buckets_[hash & (buckets_.size() - 1)], 0, 3);
  }
  [[gnu::always_inline]] void PrefetchDatagram(uint64_t hash) const noexcept {
    const uint32_t slot = buckets_[hash & (buckets_.size() - 1)];
    if (slot == kNoSlot) return;
    __builtin_prefetch(&datagrams_[slot], 1, 3);
    __builtin_prefetch(&datagrams_[slot].fate, 1, 3);
  }

  // Never kNoSlot: what has no room displaces another.
  uint32_t FindOrAdd(const FragmentKey& key, uint64_t hash, Tick now) noexcept;
  [[nodiscard]] const Datagram& at(uint32_t slot) const noexcept { return datagrams_[slot]; }
  // Notes the bytes. After kOverlap the datagram is refused, and what it held is given up. What
  // comes for a datagram that is over may be another's, since identifications come again (RFC
  // 4963): a first fragment begins a new one then.
  Arrival Arrive(uint32_t slot, const FragmentRange& range, Tick now) noexcept;

  // False: there is no room, and the packet is still the caller's.
  bool Hold(uint32_t slot, void* packet, const ParsedPacket& parsed, uint32_t begin) noexcept;
  // Gives up the oldest that wait, so that Hold finds room for `bytes` once these are taken. False:
  // there would be none.
  bool MakeRoom(uint32_t slot, uint32_t bytes) noexcept;
  // Forgets a datagram of which a fragment is lost, and gives up what it holds. One that waits and
  // holds nothing would be no use to MakeRoom.
  void Forget(uint32_t slot) noexcept { Remove(slot, DropReason::kFragmentLimit); }
  // What becomes of a first fragment is noted here, before Settle.
  FragmentFate& fate(uint32_t slot) noexcept { return datagrams_[slot].fate; }
  // Precondition: fate(slot).is_decided().
  void Settle(uint32_t slot, Tick now) noexcept;
  // The next of what the datagram holds. False: it holds nothing.
  bool Pop(uint32_t slot, Held* held) noexcept;
  // What it holds may go, and could not yet: see NextReady.
  void MarkReady(uint32_t slot) noexcept;
  // A settled datagram that holds packets, taken off the list; kNoSlot: none.
  uint32_t NextReady() noexcept;
  // Forgotten soon, if all its bytes have come and it holds none.
  void FinishIfWhole(uint32_t slot, Tick now) noexcept;

  // Forgets what is over, a bounded number.
  void Expire(Tick now) noexcept;
  // Forgets all, for `reason`.
  void Clear(DropReason reason) noexcept;
  [[nodiscard]] bool has_given_up() const noexcept { return given_up_ != kNoSlot; }
  // A packet that has been given up, and why. False: none.
  bool TakeGivenUp(Held* held) noexcept;

  [[nodiscard]] uint32_t size() const noexcept { return size_; }
  [[nodiscard]] uint32_t capacity() const noexcept {
    return static_cast<uint32_t>(datagrams_.size());
  }
  // Packets, those given up included.
  [[nodiscard]] uint32_t held() const noexcept { return held_; }
  // Whether Expire, NextReady and TakeGivenUp would find nothing, now and later.
  [[nodiscard]] bool is_idle() const noexcept { return size_ == 0 && held_ == 0; }
  [[nodiscard]] uint64_t displaced() const noexcept { return displaced_; }

 private:
  enum ListName : uint8_t { kWaiting4, kWaiting6, kSettled4, kSettled6, kDoneList, kLists };
  struct List {
    uint32_t head = kNoSlot, tail = kNoSlot, count = 0;
  };

  // To the end of the list of its state.
  void Link(uint32_t slot, State state, TickCount lifetime, Tick now) noexcept;
  void Unlink(uint32_t slot) noexcept;
  // The older of two heads; kNoSlot when both lists are empty.
  [[nodiscard]] uint32_t Older(ListName a, ListName b) const noexcept;
  // Done, or settled for longer than duplicates take.
  [[nodiscard]] static bool IsOver(const Datagram& d, Tick now) noexcept;
  void Restart(uint32_t slot, Tick now) noexcept;
  void Displace() noexcept;
  void Remove(uint32_t slot, DropReason reason) noexcept;
  void GiveUp(Datagram* d, DropReason reason) noexcept;
  static Arrival Note(Datagram* d, const FragmentRange& range) noexcept;
  [[nodiscard]] bool HasRoom(const Datagram& d, uint32_t bytes) const noexcept;

  std::vector<Datagram> datagrams_;
  std::vector<uint32_t> buckets_;  // heads of chains; a power of two
  std::array<Held, kMaxHeld> places_;
  std::array<List, kLists> lists_;
  uint32_t free_ = kNoSlot;      // datagrams, by bucket_next
  uint32_t free_place_ = 0;      // places, by next
  uint32_t given_up_ = kNoSlot;  // places, by next
  uint32_t ready_ = kNoSlot;     // datagrams, by ready_next
  uint32_t size_ = 0, held_ = 0, held_bytes_ = 0;
  uint32_t given_up_count_ = 0, given_up_bytes_ = 0;  // of held_ and held_bytes_
  uint64_t displaced_ = 0;                            // datagrams that went before their time
};

}  // namespace fairlead::dataplane
