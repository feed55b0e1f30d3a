// Which reals a destination address has been given: the memory of lblc (one real each) and lblcr
// (a set of reals each).
//
//   auto table = DestinationTable::Create(DestinationTable::kSingleMembers, now);   // or nullptr
//   uint32_t slot = table->Find(destination);
//   if (slot == kNoDestination) slot = table->Insert(destination, real, now);
//   table->Use(slot, now);
//   table->VisitReals(slot, [](RealId real) { … });          // the one added last comes first
//   table->Collect(now, lifetime);                           // every turn: forgets in small steps
//
// One table for each worker and service. With several workers each learns destinations by itself,
// so a destination may be cached once a worker; with one it is what IPVS keeps.
//
// Size (ipvs.md, lblc and lblcr): aims at 16384 destinations; beyond that those idle for 360 s go,
// and at 24576 nothing new is remembered. Every 30 minutes those idle for `lifetime` go. Reals are
// named by id and not looked after: whoever reads asks whether one is still in the service.
//
// Invariants: a destination has at least one real; no real twice; fixed memory, taken in Create.
// Threads: one worker. Everything except Create is noexcept and allocates nothing.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "base/clock.h"
#include "base/ids.h"
#include "base/ip_address.h"
#include "sched/buckets.h"

namespace fairlead::sched {

inline constexpr uint32_t kNoDestination = 0xffff'ffff;

class DestinationTable {
 public:
  static constexpr uint32_t kWantedSize = 16384;
  static constexpr uint32_t kCapacity = 24576;  // 3/2 of the wanted size
  static constexpr TickCount kCollectInterval = TicksFromSeconds(60);
  static constexpr uint32_t kRunsPerFullCollection = 30;
  static constexpr TickCount kIdleWhenCrowded = TicksFromSeconds(360);
  // How many {destination, real} pairs fit: lblc needs one each; lblcr's sets share four each.
  static constexpr uint32_t kSingleMembers = kCapacity;
  static constexpr uint32_t kSetMembers = 4 * kCapacity;

  // nullptr: no memory. At most 1.5 MB, of which pages count once they are used.
  static std::unique_ptr<DestinationTable> Create(uint32_t members, Tick now) noexcept;

  [[nodiscard]] uint32_t Find(const IpAddress& destination) const noexcept;
  // Precondition: not found. kNoDestination: full.
  uint32_t Insert(const IpAddress& destination, RealId real, Tick now) noexcept;

  // ---- precondition of all that take a slot: Find or Insert gave it, nothing was collected since
  void Use(uint32_t slot, Tick now) noexcept { entries_[slot].last_used = now; }
  // The real added last.
  [[nodiscard]] RealId First(uint32_t slot) const noexcept {
    return members_[entries_[slot].first_member].real;
  }
  // lblc: another real for this destination.
  void ReplaceFirst(uint32_t slot, RealId real) noexcept {
    members_[entries_[slot].first_member].real = real;
  }
  // False: there already, or no room.
  bool Add(uint32_t slot, RealId real, Tick now) noexcept;
  // Never the last one. False: not there, or the last.
  bool Remove(uint32_t slot, RealId real, Tick now) noexcept;
  [[nodiscard]] uint32_t SetSize(uint32_t slot) const noexcept;
  // When a real was added or removed last.
  [[nodiscard]] Tick last_change(uint32_t slot) const noexcept { return entries_[slot].changed; }
  template <typename OnReal>
  void VisitReals(uint32_t slot, OnReal&& on_real) const noexcept {
    for (uint32_t m = entries_[slot].first_member; m != kEnd; m = members_[m].next) {
      on_real(members_[m].real);
    }
  }

  // Does a part of a collection when one is due, at most kBucketsPerStep buckets.
  void Collect(Tick now, TickCount lifetime) noexcept;

  [[nodiscard]] uint32_t size() const noexcept { return size_; }

 private:
  static constexpr uint32_t kBuckets = 1024;
  static constexpr uint32_t kBucketsPerStep = 8;
  static constexpr uint32_t kEnd = 0xffff'ffff;

  struct Entry {
    std::array<uint8_t, 16> address;  // of the service's family, as in IpAddress
    uint32_t next;                    // in its bucket, or of the free ones
    uint32_t first_member;
    Tick last_used;
    Tick changed;
  };
  static_assert(sizeof(Entry) == 32);
  struct Member {
    RealId real;
    uint32_t next;
  };
  struct Free {
    void operator()(void* memory) const noexcept { std::free(memory); }
  };

  DestinationTable() = default;
  uint32_t TakeMember(RealId real, uint32_t next) noexcept;
  void FreeMember(uint32_t member) noexcept;
  void BeginCollection(Tick now) noexcept;
  void CollectBucket(uint32_t bucket, Tick now, TickCount idle) noexcept;

  std::unique_ptr<Entry[], Free> entries_;
  std::unique_ptr<Member[], Free> members_;
  std::array<uint32_t, kBuckets> buckets_{};
  uint32_t member_capacity_ = 0;
  uint32_t free_entry_ = kEnd, used_entries_ = 0;  // used: no entry at or above was ever taken
  uint32_t free_member_ = kEnd, used_members_ = 0;
  uint32_t size_ = 0;
  // ---- the collection
  Tick next_run_;
  uint32_t runs_ = 0;
  uint32_t bucket_ = 0;        // where the next step begins, also of the next run
  uint32_t buckets_left_ = 0;  // of this run; 0: none is going on
  uint32_t wanted_ = 0;        // entries this run may still remove
  bool is_full_run_ = false;
};

}  // namespace fairlead::sched
