#include "dataplane/tables/bucket_index.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <set>
#include <vector>

namespace fairlead::dataplane {
namespace {

// An index whose slot i was inserted under hashes[i]; the tag is the slot's own low bits.
struct Fixture {
  explicit Fixture(uint32_t capacity)
      : index(*BucketIndex::Create(capacity, HugePages::kOff, "a test")) {}

  static uint16_t Tag(uint32_t slot) { return static_cast<uint16_t>(slot % 65535 + 1); }
  IndexResult Insert(uint64_t hash) {
    const auto slot = static_cast<uint32_t>(hashes.size());
    const auto result = index.Insert(hash, {{Tag(slot), static_cast<uint16_t>(~Tag(slot) | 1)}},
                                     slot, [this](uint32_t s) { return hashes[s]; });
    if (result == IndexResult::kDone) hashes.push_back(hash);
    return result;
  }
  uint32_t Find(uint32_t slot, uint32_t column = 0) {
    const uint16_t tag = column == 0 ? Tag(slot) : static_cast<uint16_t>(~Tag(slot) | 1);
    return index.Find(hashes[slot], column, tag, [&](uint32_t s) { return s == slot; });
  }
  uint32_t CountLost() {
    uint32_t lost = 0;
    for (uint32_t slot = 0; slot < hashes.size(); ++slot) lost += Find(slot) != slot;
    return lost;
  }

  BucketIndex index;
  std::vector<uint64_t> hashes;
};

TEST(BucketIndex, FillsToItsCapacityWhateverTheSize) {
  for (const uint32_t capacity : {1u, 2u, 7u, 8u, 63u, 100u, 1000u, 65536u, 300000u}) {
    for (const uint32_t seed : {1u, 2u, 3u}) {
      std::mt19937_64 random(seed);
      Fixture f(capacity);
      ASSERT_GE(f.index.bucket_count() * BucketIndex::kWays * 9, uint64_t{capacity} * 10);
      for (uint32_t i = 0; i < capacity; ++i) {
        ASSERT_EQ(f.Insert(random()), IndexResult::kDone) << i << " of " << capacity;
      }
      EXPECT_EQ(f.CountLost(), 0u) << capacity;
    }
  }
}

TEST(BucketIndex, BothColumnsLeadToTheSlot) {
  Fixture f(100);
  std::mt19937_64 random(4);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(f.Insert(random()), IndexResult::kDone);
  for (uint32_t slot = 0; slot < 100; ++slot) {
    EXPECT_EQ(f.Find(slot, 0), slot);
    EXPECT_EQ(f.Find(slot, 1), slot);
  }
}

TEST(BucketIndex, TwoBucketsOfAHashAlwaysDiffer) {
  Fixture f(1);
  for (uint64_t part = 0; part < 0xffff'ffff; part += 0x0100'0001) {
    const uint64_t hash = part << 32 | part;
    EXPECT_NE(f.index.FirstBucket(hash), f.index.SecondBucket(hash));
    EXPECT_LT(f.index.SecondBucket(hash), f.index.bucket_count());
  }
}

TEST(BucketIndex, SixteenOfOneHashAreTheLimitAndTheRefusalChangesNothing) {
  Fixture f(10000);
  for (int i = 0; i < 16; ++i) ASSERT_EQ(f.Insert(0x1234'5678'9abc'def0), IndexResult::kDone);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(f.Insert(0x1234'5678'9abc'def0), IndexResult::kFull);
  EXPECT_EQ(f.CountLost(), 0u);
}

// Full buckets all around: what a failing insert reads is bounded, and falls.
TEST(BucketIndex, FailingInsertsReadFewRecords) {
  Fixture f(4096);
  std::mt19937_64 random(5);
  // Crowds of eight: no entry finds room, and none is alone.
  for (int crowd = 0; crowd < 4000; ++crowd) {
    const uint64_t hash = random();
    for (int i = 0; i < 8; ++i) f.Insert(hash);
  }
  uint64_t reads = 0, failed = 0;
  for (int i = 0; i < 1000; ++i) {
    const uint64_t hash = random();
    uint64_t mine = 0;
    const auto result = f.index.Insert(hash, {{1, 1}}, 1u << 29, [&](uint32_t slot) {
      ++mine;
      return slot == 1u << 29 ? hash : f.hashes[slot];
    });
    if (result == IndexResult::kDone) {
      f.index.Erase(hash, 1u << 29);
    } else {
      ++failed;
      reads += mine;
    }
  }
  ASSERT_GT(failed, 800u);
  EXPECT_LE(reads, failed * 48);
  EXPECT_EQ(f.CountLost(), 0u);
}

// A hash with these two buckets.
uint64_t HashOfBuckets(const BucketIndex& index, uint32_t first, uint32_t second) {
  std::mt19937_64 random(first * 131 + second);
  for (;;) {
    const uint64_t hash = random();
    if (index.FirstBucket(hash) == first && index.SecondBucket(hash) == second) return hash;
  }
}

TEST(BucketIndex, MakesRoomAlongAPathOfFullBuckets) {
  // Sixteen entries have another place than buckets 1 and 2: sixteen of {1, 2} push them there.
  Fixture f(1000);
  for (int i = 0; i < 8; ++i) ASSERT_EQ(f.Insert(HashOfBuckets(f.index, 1, 3)), IndexResult::kDone);
  for (int i = 0; i < 8; ++i) ASSERT_EQ(f.Insert(HashOfBuckets(f.index, 2, 4)), IndexResult::kDone);
  for (int i = 0; i < 16; ++i) {
    ASSERT_EQ(f.Insert(HashOfBuckets(f.index, 1, 2)), IndexResult::kDone) << i;
    ASSERT_EQ(f.CountLost(), 0u) << i;
  }
  // Now 1, 2, 3 and 4 hold 32 entries and none can leave them.
  EXPECT_EQ(f.Insert(HashOfBuckets(f.index, 1, 2)), IndexResult::kFull);
  EXPECT_EQ(f.CountLost(), 0u);
}

TEST(BucketIndex, AnEntryInItsSecondBucketCanGoBackToItsFirst) {
  Fixture f(1000);
  const uint64_t back_and_forth = HashOfBuckets(f.index, 3, 1);
  for (int i = 0; i < 16; ++i) ASSERT_EQ(f.Insert(back_and_forth), IndexResult::kDone);
  // The first ones went to bucket 3; without them the others, in bucket 1, can move there.
  for (uint32_t slot = 0; slot < 8; ++slot) ASSERT_TRUE(f.index.Erase(back_and_forth, slot));
  for (int i = 0; i < 16; ++i) {
    ASSERT_EQ(f.Insert(HashOfBuckets(f.index, 1, 2)), IndexResult::kDone) << i;
  }
  EXPECT_EQ(f.CountLost(), 8u);
}

TEST(BucketIndex, EraseTakesThatSlotOnly) {
  Fixture f(100);
  for (int i = 0; i < 16; ++i) ASSERT_EQ(f.Insert(77), IndexResult::kDone);
  EXPECT_TRUE(f.index.Erase(77, 5));
  EXPECT_FALSE(f.index.Erase(77, 5));
  EXPECT_FALSE(f.index.Erase(77, 99));
  EXPECT_EQ(f.Find(5), kNoSlot);
  EXPECT_EQ(f.CountLost(), 1u);
}

TEST(BucketIndex, AnErasedSlotZeroIsNotMistakenForAnEmptyEntry) {
  Fixture f(100);
  EXPECT_FALSE(f.index.Erase(77, 0));  // nothing there yet: entries are all zero bytes
  ASSERT_EQ(f.Insert(77), IndexResult::kDone);
  EXPECT_TRUE(f.index.Erase(77, 0));
  EXPECT_FALSE(f.index.Erase(77, 0));
}

}  // namespace
}  // namespace fairlead::dataplane
