// From a 64-bit hash to a slot of a record table, through 64-byte buckets of eight entries.
//
//   index.PrefetchBoth(hash);
//   uint32_t slot = index.Find(hash, column, tag, [&](uint32_t s) { return Matches(s); });
//   if (index.Insert(hash, {tag_a, tag_b}, slot, hash_of) == IndexResult::kFull) …
//   index.Insert(hash_b, BucketIndex::SecondTags(tag), slot, hash_of);   // a second entry
//
// Theory of operation. The low half of the hash names an entry's first bucket, the high half its
// second. A bucket is one cache line:
//
//   byte 0   8 × u16  tags of column 0 (connections: what forward packets are compared with)
//   byte 16  8 × u16  tags of column 1 (what replies are compared with)
//   byte 32  8 × u32  slots
//
// One entry so serves both directions, and one compare of eight tags tells which records are worth
// a cache miss: a wrong one in 4,000 lookups. Tags are odd: 0 is an empty entry, and kSecond in
// column 0 marks an entry that is its record's second, under another hash, found through column 1
// only. So an entry that must move says itself which of its record's two hashes it is filed under.
// Insertion prefers the first bucket while it has kSpare free entries, so that most lookups touch
// one line, then the emptier of the two; when both are full it moves other entries to their second
// buckets (cuckoo hashing; breadth first over at most kMaxSteps buckets, so the work has a bound).
// Keys of one hash share two buckets: sixteen is their limit, and the seventeenth is refused. Such
// crowds cannot move, so where there are many of them a stranger may find no room; Richest() names
// an entry that its owner may keep elsewhere.
//
// A search that fails has read eight records for each of its buckets. So that failing inserts cost
// little however many there are, each one halves the next search, down to kMinSteps, and each one
// that finds room doubles it; a hash that has entries in its buckets gets kMinSteps at most.
//
// Any number of buckets works (multiply-shift reduction); Create() keeps the fill at or below 0.9.
//
// Threads: belongs to the owner of the table. Nothing allocates after Create().
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <string_view>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/result.h"
#include "dataplane/tables/memory.h"
#include "dataplane/tables/slot.h"

namespace fairlead::dataplane {

enum class IndexResult : uint8_t { kDone, kFull };

// One of the at most two entries of a record.
struct IndexEntry {
  uint32_t slot;
  bool is_second = false;
};

class BucketIndex {
 public:
  static constexpr uint32_t kWays = 8;
  static constexpr uint32_t kSpare = 2;      // the first bucket is taken while this many stay free
  static constexpr uint32_t kMaxSteps = 32;  // buckets a relocation may look at
  static constexpr uint32_t kMinSteps = 4;

  struct Tags {
    uint16_t column[2];  // odd; or SecondTags()
  };
  // Of a record's second entry, which is compared with `tag` in column 1.
  static constexpr Tags SecondTags(uint16_t tag) noexcept { return {{kSecond, tag}}; }

  // Room for `capacity` entries at a fill of at most 0.9.
  static Result<BucketIndex> Create(uint32_t capacity, HugePages huge_pages,
                                    std::string_view purpose) {
    // The few extra buckets serve tables so small that chance would fill two of them.
    const uint64_t count = (uint64_t{capacity} * 10 + 71) / 72 + 4;
    auto buckets = MappedArray<Bucket>::Create(count, huge_pages, purpose);
    if (!buckets) return buckets.error();
    BucketIndex index;
    index.buckets_ = *std::move(buckets);
    index.bucket_count_ = static_cast<uint32_t>(count);
    return index;
  }

  [[nodiscard]] uint32_t FirstBucket(uint64_t hash) const noexcept {
    return static_cast<uint32_t>((hash & 0xffff'ffff) * bucket_count_ >> 32);
  }
  // Never the first one.
  [[nodiscard]] uint32_t SecondBucket(uint64_t hash) const noexcept {
    const auto second = static_cast<uint32_t>((hash >> 32) * bucket_count_ >> 32);
    if (second != FirstBucket(hash)) [[likely]]
      return second;
    return second + 1 < bucket_count_ ? second + 1 : 0;
  }

  // Inlined in any case, as is whatever calls it: g++ 12 takes a function that does nothing but
  // prefetch for one without effect, and drops the calls.
  [[gnu::always_inline]] void PrefetchBucket(uint32_t bucket) const noexcept {
    __builtin_prefetch(&buckets_[bucket], 0, 3);
  }
  // For who will look into both: an insertion, or a look-up that misses.
  [[gnu::always_inline]] void PrefetchBoth(uint64_t hash) const noexcept {
    PrefetchBucket(FirstBucket(hash));
    PrefetchBucket(SecondBucket(hash));
  }

  // Bit i: entry i of the bucket carries this tag in this column.
  [[nodiscard]] uint32_t Match(uint32_t bucket, uint32_t column, uint16_t tag) const noexcept {
    return MatchTags(buckets_[bucket].tags[column], tag);
  }
  // The slot of the entry that the lowest bit of `match` names. Precondition: match ≠ 0.
  [[nodiscard]] uint32_t SlotOf(uint32_t bucket, uint32_t match) const noexcept {
    return buckets_[bucket].slots[std::countr_zero(match)];
  }

  // The first entry with this tag whose slot `verify(slot)` accepts, or kNoSlot.
  template <typename Verify>
  [[nodiscard]] uint32_t Find(uint64_t hash, uint32_t column, uint16_t tag,
                              Verify&& verify) const noexcept {
    for (const uint32_t bucket : {FirstBucket(hash), SecondBucket(hash)}) {
      for (uint32_t match = Match(bucket, column, tag); match != 0; match &= match - 1) {
        const uint32_t slot = SlotOf(bucket, match);
        if (verify(slot)) return slot;
      }
    }
    return kNoSlot;
  }

  // `hash_of(IndexEntry)` is the hash under which that entry was inserted. kFull changes nothing.
  template <typename HashOf>
  IndexResult Insert(uint64_t hash, Tags tags, uint32_t slot, HashOf&& hash_of) noexcept {
    const uint32_t first = FirstBucket(hash);
    const uint32_t second = SecondBucket(hash);
    const uint32_t free_first = FreeWays(first);
    uint32_t bucket = first;
    uint32_t free = free_first;
    if (!HasSpare(free_first)) {
      const uint32_t free_second = FreeWays(second);
      if (std::popcount(free_second) > std::popcount(free_first)) {
        bucket = second;
        free = free_second;
      }
    }
    if (free != 0) [[likely]] {
      Put(bucket, static_cast<uint32_t>(std::countr_zero(free)), tags, slot);
      return IndexResult::kDone;
    }
    const Place place = MakeRoom(hash, hash_of);
    if (place.bucket == kNoSlot) return IndexResult::kFull;
    Put(place.bucket, place.way, tags, slot);
    return IndexResult::kDone;
  }

  // False when the entry is not there under this hash.
  bool Erase(uint64_t hash, IndexEntry entry) noexcept {
    for (const uint32_t b : {FirstBucket(hash), SecondBucket(hash)}) {
      Bucket& bucket = buckets_[b];
      for (uint32_t way = 0; way < kWays; ++way) {
        if (bucket.slots[way] != entry.slot || bucket.tags[0][way] == 0) continue;
        // The record's two entries may share a bucket.
        if ((bucket.tags[0][way] == kSecond) != entry.is_second) continue;
        bucket.tags[0][way] = 0;
        bucket.tags[1][way] = 0;
        return true;
      }
    }
    return false;
  }

  // Of the first entries in the two buckets of `hash`, one of the hash that has most of them, if
  // those are at least two more than `hash` itself has; else kNoSlot. Precondition: Insert said
  // kFull.
  template <typename HashOf>
  [[gnu::noinline]] uint32_t Richest(uint64_t hash, HashOf&& hash_of) const noexcept {
    std::array<IndexEntry, 2 * kWays> entries;
    std::array<uint64_t, 2 * kWays> hashes;
    uint32_t count = 0;
    for (const uint32_t bucket : {FirstBucket(hash), SecondBucket(hash)}) {
      for (uint32_t way = 0; way < kWays; ++way) entries[count++] = EntryAt(bucket, way);
    }
    for (uint32_t i = 0; i < count; ++i) hashes[i] = hash_of(entries[i]);
    const auto own = std::count(hashes.begin(), hashes.end(), hash);
    uint32_t richest = kNoSlot;
    auto most = own + 1;
    for (uint32_t i = 0; i < count; ++i) {
      if (entries[i].is_second) continue;
      const auto has = std::count(hashes.begin(), hashes.end(), hashes[i]);
      if (has <= most) continue;
      most = has;
      richest = entries[i].slot;
    }
    return richest;
  }

  [[nodiscard]] uint32_t bucket_count() const noexcept { return bucket_count_; }
  [[nodiscard]] size_t memory_bytes() const noexcept { return buckets_.memory_bytes(); }

 private:
  struct alignas(64) Bucket {
    uint16_t tags[2][kWays];
    uint32_t slots[kWays];
  };
  static_assert(sizeof(Bucket) == 64);

  struct Place {
    uint32_t bucket = kNoSlot;
    uint32_t way = 0;
  };

  static constexpr uint16_t kSecond = 2;  // no tag: tags are odd

  [[nodiscard]] IndexEntry EntryAt(uint32_t bucket, uint32_t way) const noexcept {
    return {buckets_[bucket].slots[way], buckets_[bucket].tags[0][way] == kSecond};
  }

  static uint32_t MatchTags(const uint16_t (&tags)[kWays], uint16_t tag) noexcept {
#if defined(__SSE2__)
    const __m128i all = _mm_load_si128(reinterpret_cast<const __m128i*>(tags));
    const __m128i equal = _mm_cmpeq_epi16(all, _mm_set1_epi16(static_cast<int16_t>(tag)));
    // Eight words of all ones or zeros become eight bytes, and those eight bits.
    return static_cast<uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128())));
#else
    uint32_t match = 0;
    for (uint32_t way = 0; way < kWays; ++way) match |= uint32_t{tags[way] == tag} << way;
    return match;
#endif
  }

  [[nodiscard]] uint32_t FreeWays(uint32_t bucket) const noexcept { return Match(bucket, 0, 0); }
  // More than kSpare ways are free. Asked of each new record: counting the bits is a call where the
  // processor's base instruction set has none for it.
  static bool HasSpare(uint32_t free) noexcept {
    for (uint32_t i = 0; i < kSpare; ++i) free &= free - 1;
    return free != 0;
  }

  void Put(uint32_t bucket, uint32_t way, Tags tags, uint32_t slot) noexcept {
    buckets_[bucket].tags[0][way] = tags.column[0];
    buckets_[bucket].tags[1][way] = tags.column[1];
    buckets_[bucket].slots[way] = slot;
  }

  // A bucket on the path; the entry at `way` of step `parent` can move into it.
  struct Step {
    uint32_t bucket, parent, way;
  };
  using Steps = std::array<Step, kMaxSteps>;

  // Frees one way of the buckets of `hash` by moving entries along a path of buckets to one that
  // has room. Slow path.
  template <typename HashOf>
  [[gnu::noinline]] Place MakeRoom(uint64_t hash, HashOf& hash_of) noexcept {
    Steps steps;
    uint32_t count = 0;
    steps[count++] = {FirstBucket(hash), kNoSlot, 0};
    steps[count++] = {SecondBucket(hash), kNoSlot, 0};
    uint32_t most = steps_;
    for (uint32_t at = 0; at < count; ++at) {
      const uint32_t bucket = steps[at].bucket;
      std::array<uint64_t, kWays> hashes;  // read together: eight cache misses in flight
      for (uint32_t way = 0; way < kWays; ++way) hashes[way] = hash_of(EntryAt(bucket, way));
      for (uint32_t way = 0; way < kWays; ++way) {
        if (hashes[way] == hash) {
          most = kMinSteps;
          continue;
        }
        const uint32_t its_first = FirstBucket(hashes[way]);
        const uint32_t other = its_first == bucket ? SecondBucket(hashes[way]) : its_first;
        if (const uint32_t free = FreeWays(other); free != 0) {
          steps_ = std::min(2 * steps_, kMaxSteps);
          return MoveAlong(steps, at, way, {other, static_cast<uint32_t>(std::countr_zero(free))});
        }
        bool is_new = count < most;
        for (uint32_t i = 0; i < count && is_new; ++i) is_new = steps[i].bucket != other;
        if (is_new) steps[count++] = {other, at, way};
      }
    }
    steps_ = std::max(steps_ / 2, kMinSteps);
    return {};
  }

  // Moves the entry at `way` of step `at` into the hole, its predecessor's into its place, and so
  // on. Returns the place that is free in the end.
  Place MoveAlong(const Steps& steps, uint32_t at, uint32_t way, Place hole) noexcept {
    for (uint32_t step = at, from = way; step != kNoSlot;) {
      Move({steps[step].bucket, from}, hole);
      hole = {steps[step].bucket, from};
      from = steps[step].way;
      step = steps[step].parent;
    }
    return hole;
  }

  void Move(Place from, Place to) noexcept {
    Bucket& source = buckets_[from.bucket];
    Put(to.bucket, to.way, {{source.tags[0][from.way], source.tags[1][from.way]}},
        source.slots[from.way]);
  }

  MappedArray<Bucket> buckets_;
  uint32_t bucket_count_ = 0;
  uint32_t steps_ = kMaxSteps;  // of the next search
};

}  // namespace fairlead::dataplane
