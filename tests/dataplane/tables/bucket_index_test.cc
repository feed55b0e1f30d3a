#include "dataplane/tables/bucket_index.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <set>
#include <vector>

namespace fairlead::dataplane::bucket_index_test {
namespace {

// An index whose slot i was inserted under hashes[i]; the tag is the slot's own low bits, made odd.
struct Fixture {
  explicit Fixture(uint32_t capacity)
      : index(*BucketIndex::Create(capacity, HugePages::kOff, "a test")) {}

  static uint16_t Tag(uint32_t slot, uint32_t column) {
    return static_cast<uint16_t>((column == 0 ? slot : ~slot) << 1 | 1);
  }
  IndexResult Insert(uint64_t hash) {
    const auto slot = static_cast<uint32_t>(hashes.size());
    const auto result = index.Insert(hash, {{Tag(slot, 0), Tag(slot, 1)}}, slot,
                                     [this](IndexEntry e) { return hashes[e.slot]; });
    if (result == IndexResult::kDone) hashes.push_back(hash);
    return result;
  }
  uint32_t Find(uint32_t slot, uint32_t column = 0) {
    return index.Find(hashes[slot], column, Tag(slot, column),
                      [&](uint32_t s) { return s == slot; });
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
    const auto result = f.index.Insert(hash, {{1, 1}}, 1u << 29, [&](IndexEntry entry) {
      ++mine;
      return entry.slot == 1u << 29 ? hash : f.hashes[entry.slot];
    });
    if (result == IndexResult::kDone) {
      f.index.Erase(hash, {1u << 29});
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
  for (uint32_t slot = 0; slot < 8; ++slot) ASSERT_TRUE(f.index.Erase(back_and_forth, {slot}));
  for (int i = 0; i < 16; ++i) {
    ASSERT_EQ(f.Insert(HashOfBuckets(f.index, 1, 2)), IndexResult::kDone) << i;
  }
  EXPECT_EQ(f.CountLost(), 8u);
}

TEST(BucketIndex, EraseTakesThatSlotOnly) {
  Fixture f(100);
  for (int i = 0; i < 16; ++i) ASSERT_EQ(f.Insert(77), IndexResult::kDone);
  EXPECT_TRUE(f.index.Erase(77, {5}));
  EXPECT_FALSE(f.index.Erase(77, {5}));
  EXPECT_FALSE(f.index.Erase(77, {99}));
  EXPECT_EQ(f.Find(5), kNoSlot);
  EXPECT_EQ(f.CountLost(), 1u);
}

TEST(BucketIndex, AnErasedSlotZeroIsNotMistakenForAnEmptyEntry) {
  Fixture f(100);
  EXPECT_FALSE(f.index.Erase(77, {0}));  // nothing there yet: entries are all zero bytes
  ASSERT_EQ(f.Insert(77), IndexResult::kDone);
  EXPECT_TRUE(f.index.Erase(77, {0}));
  EXPECT_FALSE(f.index.Erase(77, {0}));
}

// Records with one entry and with two, inserted and erased at random, against what was done: a map
// is not needed, since every record of `records` is asked for.
class TwoEntries : public testing::Test {
 protected:
  struct Record {
    uint64_t hash = 0, second_hash = 0;
    bool is_live = false, has_second = false;
  };

  explicit TwoEntries()
      : index_(*BucketIndex::Create(kCapacity, HugePages::kOff, "a test")),
        records_(kCapacity * 2) {}

  static constexpr uint32_t kCapacity = 3000;
  uint32_t Ways() const { return index_.bucket_count() * BucketIndex::kWays; }
  auto HashOf() {
    return [this](IndexEntry e) {
      const Record& record = records_[e.slot];
      EXPECT_TRUE(record.is_live && (record.has_second || !e.is_second)) << e.slot;
      return e.is_second ? record.second_hash : record.hash;
    };
  }
  bool Insert(uint32_t slot, bool has_second) {
    Record& record = records_[slot];
    record = {random_(), random_(), true, false};
    // Now and then both hashes are one, or share a bucket.
    if (random_() % 8 == 0) record.second_hash = record.hash;
    if (random_() % 8 == 0) record.second_hash = record.hash >> 32 | random_() << 32;
    record.is_live = index_.Insert(record.hash, {{Fixture::Tag(slot, 0), Fixture::Tag(slot, 1)}},
                                   slot, HashOf()) == IndexResult::kDone;
    if (!record.is_live) return false;
    ++entries_;
    if (!has_second) return true;
    const auto second = BucketIndex::SecondTags(SecondTag(slot));
    record.has_second =
        index_.Insert(record.second_hash, second, slot, HashOf()) == IndexResult::kDone;
    entries_ += record.has_second;
    return record.has_second;
  }
  void Erase(uint32_t slot) {
    Record& record = records_[slot];
    const bool second_first = random_() % 2 == 0;
    if (record.has_second && second_first) EraseSecond(slot);
    ASSERT_TRUE(index_.Erase(record.hash, {slot}));
    ASSERT_FALSE(index_.Erase(record.hash, {slot}));
    if (record.has_second && !second_first) EraseSecond(slot);
    record = {};
    --entries_;
  }
  void EraseSecond(uint32_t slot) {
    ASSERT_TRUE(index_.Erase(records_[slot].second_hash, {slot, true}));
    ASSERT_FALSE(index_.Erase(records_[slot].second_hash, {slot, true}));
    records_[slot].has_second = false;
    --entries_;
  }
  static uint16_t SecondTag(uint32_t slot) { return static_cast<uint16_t>((slot * 7) << 1 | 1); }
  void CheckAll() const {
    for (uint32_t slot = 0; slot < records_.size(); ++slot) {
      const Record& record = records_[slot];
      const auto find = [&](uint64_t hash, uint32_t column, uint16_t tag) {
        return index_.Find(hash, column, tag, [&](uint32_t s) { return s == slot; }) == slot;
      };
      if (!record.is_live) continue;
      ASSERT_TRUE(find(record.hash, 0, Fixture::Tag(slot, 0))) << slot;
      ASSERT_TRUE(find(record.hash, 1, Fixture::Tag(slot, 1))) << slot;
      if (!record.has_second) continue;
      ASSERT_TRUE(find(record.second_hash, 1, SecondTag(slot))) << slot;
      // No forward key finds a record by its second entry.
      if (record.second_hash != record.hash) {
        ASSERT_FALSE(find(record.second_hash, 0, SecondTag(slot)) &&
                     SecondTag(slot) != Fixture::Tag(slot, 0));
      }
    }
  }

  BucketIndex index_;
  std::vector<Record> records_;
  std::mt19937_64 random_;
  uint32_t entries_ = 0;
};

TEST_F(TwoEntries, AreFoundUpTo95PercentWhateverMoves) {
  for (const uint32_t seed : {1u, 2u, 3u}) {
    random_.seed(seed);
    uint32_t refused = 0;
    for (uint32_t percent = 50; percent <= 95; percent += 15) {
      for (int step = 0; step < 30000; ++step) {
        const auto slot = static_cast<uint32_t>(random_() % records_.size());
        if (records_[slot].is_live) {
          ASSERT_NO_FATAL_FAILURE(Erase(slot));
        } else if (entries_ + 2 <= Ways() * percent / 100) {
          refused += !Insert(slot, random_() % 2 == 0);
        }
      }
      // Erasing holds the fill below the limit: fill up, then look.
      for (uint32_t slot = 0; slot < records_.size(); ++slot) {
        if (entries_ + 2 > Ways() * percent / 100) break;
        if (!records_[slot].is_live) refused += !Insert(slot, true);
      }
      EXPECT_GE(entries_ + 2, Ways() * percent / 100);
      ASSERT_NO_FATAL_FAILURE(CheckAll());
    }
    EXPECT_LE(refused, 20u);
    for (uint32_t slot = 0; slot < records_.size(); ++slot) {
      if (!records_[slot].is_live) continue;
      ASSERT_NO_FATAL_FAILURE(Erase(slot));
    }
    EXPECT_EQ(entries_, 0u);
  }
}

// Crowds of first and second entries at one hash: the second ones count, but are never named.
TEST_F(TwoEntries, TheRichestNamesFirstEntriesOnly) {
  for (uint32_t slot = 0; slot < 8; ++slot) {
    records_[slot] = {random_(), 77, true, false};
    ASSERT_EQ(index_.Insert(records_[slot].hash, {{1, 1}}, slot, HashOf()), IndexResult::kDone);
    records_[slot].has_second = true;
    ASSERT_EQ(index_.Insert(77, BucketIndex::SecondTags(1), slot, HashOf()), IndexResult::kDone);
  }
  for (uint32_t slot = 8; slot < 16; ++slot) {
    records_[slot] = {77, 0, true, false};
    ASSERT_EQ(index_.Insert(77, {{1, 1}}, slot, HashOf()), IndexResult::kDone);
  }
  uint64_t stranger = random_();
  while (index_.FirstBucket(stranger) != index_.FirstBucket(77) ||
         index_.SecondBucket(stranger) != index_.SecondBucket(77)) {
    stranger = random_();
  }
  EXPECT_GE(index_.Richest(stranger, HashOf()), 8u);
  EXPECT_LT(index_.Richest(stranger, HashOf()), 16u);
}

}  // namespace
}  // namespace fairlead::dataplane::bucket_index_test
