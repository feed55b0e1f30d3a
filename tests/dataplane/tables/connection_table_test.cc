#include "dataplane/tables/connection_table.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "flows.h"

namespace fairlead::dataplane::connection_table_test {
namespace {

constexpr Tick kStart{1000};

template <typename Address>
class ConnectionTableTest : public testing::Test {
 protected:
  using Table = ConnectionTable<Address>;
  using Record = Connection<Address>;

  static Table Make(uint32_t capacity, uint64_t secret = 1) {
    auto table = Table::Create(capacity, TableHash(secret, secret * 77), kStart);
    EXPECT_TRUE(table.ok());
    return *std::move(table);
  }
  static InsertOutcome Insert(Table& table, const Record& draft, Tick now = kStart) {
    return table.Insert(draft, table.Hash(KeyOfDraft(draft, Direction::kForward)), now);
  }
  static uint32_t Find(const Table& table, const FlowKey<Address>& key, Tick now = kStart) {
    return table.Find(key, table.Hash(key), now).slot;
  }
};

using Families = testing::Types<Ipv4Address, Ipv6Address>;
TYPED_TEST_SUITE(ConnectionTableTest, Families);

TYPED_TEST(ConnectionTableTest, OneRecordServesBothDirections) {
  auto table = this->Make(100);
  for (const ForwardMethod method : kForwardMethods) {
    const bool is_nat = RewritesReplies(method) && !TranslatesClient(method);
    const bool is_direct = !RewritesReplies(method);
    auto draft = MakeDraft<TypeParam>(static_cast<uint32_t>(method));
    draft.method = method;
    const uint32_t slot = this->Insert(table, draft).slot;
    ASSERT_NE(slot, kNoSlot);
    EXPECT_EQ(this->Find(table, KeyOfDraft(draft, Direction::kForward)), slot);
    const auto from_real =
        FlowKey<TypeParam>::Reply(draft.protocol, draft.client_address, draft.client_port,
                                  draft.real_address, draft.real_port);
    const auto from_virtual =
        FlowKey<TypeParam>::Reply(draft.protocol, draft.client_address, draft.client_port,
                                  draft.virtual_address, draft.virtual_port);
    EXPECT_EQ(this->Find(table, from_real), is_nat ? slot : kNoSlot);
    EXPECT_EQ(this->Find(table, from_virtual), is_direct ? slot : kNoSlot);
  }
}

TYPED_TEST(ConnectionTableTest, EveryPartOfTheKeyCounts) {
  auto table = this->Make(100);
  const auto draft = MakeDraft<TypeParam>(1);
  const uint32_t slot = this->Insert(table, draft).slot;
  for (const Direction direction : {Direction::kForward, Direction::kReply}) {
    const auto key = KeyOfDraft(draft, direction);
    ASSERT_EQ(this->Find(table, key), slot);
    auto other = key;
    other.client = MakeAddress<TypeParam>(99);
    EXPECT_EQ(this->Find(table, other), kNoSlot);
    other = key;
    other.other = MakeAddress<TypeParam>(99);
    EXPECT_EQ(this->Find(table, other), kNoSlot);
    other = key;
    other.client_port = Be16::FromHost(9);
    EXPECT_EQ(this->Find(table, other), kNoSlot);
    other = key;
    other.other_port = Be16::FromHost(9);
    EXPECT_EQ(this->Find(table, other), kNoSlot);
    other = key;
    other.protocol = 17;
    EXPECT_EQ(this->Find(table, other), kNoSlot);
  }
}

TYPED_TEST(ConnectionTableTest, GoneToTheTick) {
  auto table = this->Make(100);
  auto draft = MakeDraft<TypeParam>(1);
  draft.timeout = 300;
  const uint32_t slot = this->Insert(table, draft).slot;
  const auto key = KeyOfDraft(draft, Direction::kForward);
  EXPECT_EQ(this->Find(table, key, kStart + 299), slot);
  EXPECT_EQ(this->Find(table, key, kStart + 300), kNoSlot);
  EXPECT_TRUE(table.IsExpired(slot, kStart + 300));

  table.Touch(slot, kStart + 299, 300);
  EXPECT_EQ(table.at(slot).timeout, 300u);
  EXPECT_EQ(this->Find(table, key, kStart + 598), slot);
  EXPECT_EQ(this->Find(table, key, kStart + 599), kNoSlot);
}

TYPED_TEST(ConnectionTableTest, ANewRecordMayStandBesideAnExpiredOne) {
  auto table = this->Make(100);
  const auto draft = MakeDraft<TypeParam>(1);
  const auto key = KeyOfDraft(draft, Direction::kForward);
  const uint32_t old_slot = this->Insert(table, draft).slot;
  table.ExpireNow(old_slot, kStart);
  EXPECT_EQ(this->Find(table, key), kNoSlot);
  const uint32_t new_slot = this->Insert(table, draft).slot;
  ASSERT_NE(new_slot, old_slot);
  EXPECT_EQ(this->Find(table, key), new_slot);
  std::array<typename ConnectionTable<TypeParam>::Probe, 1> probes;
  std::array<uint32_t, 1> slots;
  table.HashBurst(std::array{key}, probes);
  table.FindBurst(std::array{key}, probes, kStart, slots);
  EXPECT_EQ(slots[0], new_slot);

  std::vector<uint32_t> expired;
  table.ExpireSome(kStart + 16, 1000, [&](uint32_t slot) {
    expired.push_back(slot);
    return ExpiryDecision::Erase();
  });
  EXPECT_EQ(expired, std::vector<uint32_t>{old_slot});
  EXPECT_EQ(this->Find(table, key), new_slot);
}

TYPED_TEST(ConnectionTableTest, TheCallbackDecidesWhatBecomesOfAnExpiredRecord) {
  auto table = this->Make(100);
  std::vector<uint32_t> slots;
  for (uint32_t i = 0; i < 3; ++i) {
    auto draft = MakeDraft<TypeParam>(i);
    draft.timeout = 100;
    slots.push_back(this->Insert(table, draft).slot);
  }
  const Tick later = kStart + 200;
  table.ExpireSome(later, 1000, [&](uint32_t slot) {
    if (slot == slots[0]) return ExpiryDecision::Keep(500);
    if (slot == slots[1]) return ExpiryDecision::Detach();
    return ExpiryDecision::Erase();
  });
  EXPECT_EQ(table.size(), 2u);
  EXPECT_EQ(table.at(slots[0]).deadline, later + 500);
  EXPECT_EQ(this->Find(table, table.KeyOf(slots[0]), later), slots[0]);
  EXPECT_EQ(this->Find(table, table.KeyOf(slots[1]), later), kNoSlot);
  EXPECT_TRUE(table.at(slots[1]).Has(ConnectionFlag::kLive));
  EXPECT_FALSE(table.at(slots[2]).Has(ConnectionFlag::kLive));
  table.Free(slots[1]);
  EXPECT_EQ(table.size(), 1u);
}

TYPED_TEST(ConnectionTableTest, AParentOutlivesItsTimerWhileItHasChildren) {
  auto table = this->Make(100);
  auto draft = MakeDraft<TypeParam>(1);
  draft.timeout = 100;
  const uint32_t slot = this->Insert(table, draft).slot;
  table.at(slot).children = 1;
  const auto never = [](uint32_t) {
    ADD_FAILURE() << "a parent expired";
    return ExpiryDecision::Erase();
  };
  const Tick later = kStart + 100;
  EXPECT_EQ(this->Find(table, table.KeyOf(slot), later), slot);
  table.ExpireSome(later + 16, 1000, never);
  EXPECT_EQ(table.at(slot).timeout, TicksFromSeconds(60));
  table.at(slot).children = 0;
  int expired = 0;
  table.ExpireSome(later + 32 + TicksFromSeconds(60), 1000, [&](uint32_t) {
    ++expired;
    return ExpiryDecision::Erase();
  });
  EXPECT_EQ(expired, 1);
}

TYPED_TEST(ConnectionTableTest, AHiddenRecordLivesOnUnfound) {
  auto table = this->Make(100);
  auto draft = MakeDraft<TypeParam>(1);
  draft.timeout = 100;
  const uint32_t slot = this->Insert(table, draft).slot;
  table.Hide(slot);
  table.Hide(slot);
  EXPECT_EQ(this->Find(table, KeyOfDraft(draft, Direction::kForward)), kNoSlot);
  EXPECT_EQ(table.NextLive(0, 100), slot);
  int expired = 0;
  table.ExpireSome(kStart + 116, 1000, [&](uint32_t) {
    ++expired;
    return ExpiryDecision::Erase();
  });
  EXPECT_EQ(expired, 1);
  EXPECT_EQ(table.size(), 0u);
}

TYPED_TEST(ConnectionTableTest, GenerationRisesWithEachUseAndIsNeverZero) {
  auto table = this->Make(1);
  const auto draft = MakeDraft<TypeParam>(1);
  uint16_t expected = 1;
  for (uint32_t use = 0; use < 70000; ++use) {
    const InsertOutcome inserted = this->Insert(table, draft);
    ASSERT_TRUE(inserted.ok());
    ASSERT_EQ(table.at(inserted.slot).generation, expected);
    table.Erase(inserted.slot);
    expected = expected == 0xffff ? uint16_t{1} : static_cast<uint16_t>(expected + 1);
  }
}

TYPED_TEST(ConnectionTableTest, FillsToItsCapacityThenSaysFull) {
  for (const uint32_t capacity : {1u, 5u, 100u, 20000u}) {
    for (uint64_t secret = 1; secret <= 3; ++secret) {
      auto table = this->Make(capacity, secret);
      for (uint32_t i = 0; i < capacity; ++i) {
        ASSERT_TRUE(this->Insert(table, MakeDraft<TypeParam>(i)).ok()) << i << " of " << capacity;
      }
      EXPECT_EQ(table.size(), capacity);
      EXPECT_EQ(this->Insert(table, MakeDraft<TypeParam>(capacity)).result,
                InsertResult::kTableFull);
      for (uint32_t i = 0; i < capacity; ++i) {
        const auto key = KeyOfDraft(MakeDraft<TypeParam>(i), Direction::kReply);
        ASSERT_NE(this->Find(table, key), kNoSlot) << i;
      }
      // One leaves, one can come.
      table.Erase(0);
      EXPECT_TRUE(this->Insert(table, MakeDraft<TypeParam>(capacity)).ok());
    }
  }
}

// One client port that scans a port-0 service gets sixteen connections; nobody else is hurt.
TYPED_TEST(ConnectionTableTest, AScannerFillsItsOwnBucketsOnly) {
  constexpr uint32_t kCapacity = 20000;
  auto table = this->Make(kCapacity);
  uint32_t inserted = 0, refused = 0;
  for (uint16_t port = 1; port <= 5000; ++port) {
    auto draft = MakeDraft<TypeParam>(1);
    draft.virtual_port = Be16::FromHost(port);
    const InsertOutcome outcome = this->Insert(table, draft);
    inserted += outcome.ok();
    refused += outcome.result == InsertResult::kBucketFull;
  }
  EXPECT_EQ(inserted, 16u);
  EXPECT_EQ(refused, 5000u - 16u);
  EXPECT_EQ(table.size(), 16u);
  for (uint32_t i = 2; i < kCapacity * 9 / 10; ++i) {
    ASSERT_TRUE(this->Insert(table, MakeDraft<TypeParam>(i)).ok()) << i;
  }
}

TYPED_TEST(ConnectionTableTest, ListsInSlices) {
  auto table = this->Make(1000);
  for (uint32_t i = 0; i < 500; ++i) this->Insert(table, MakeDraft<TypeParam>(i));
  for (uint32_t slot = 0; slot < 500; slot += 2) table.Erase(slot);
  std::vector<uint32_t> live;
  for (uint32_t from = 0; from < table.high_water(); from += 64) {
    for (uint32_t at = from; (at = table.NextLive(at, from + 64 - at)) != kNoSlot; ++at) {
      live.push_back(at);
    }
  }
  ASSERT_EQ(live.size(), 250u);
  for (uint32_t i = 0; i < 250; ++i) EXPECT_EQ(live[i], 2 * i + 1);
  EXPECT_EQ(table.NextLive(0, 1), kNoSlot);
  EXPECT_EQ(table.NextLive(499, 0xffff'ffff), 499u);
  EXPECT_EQ(table.NextLive(500, 0xffff'ffff), kNoSlot);
}

TYPED_TEST(ConnectionTableTest, RefusesAnImpossibleCapacityWithTheRemedy) {
  for (const uint32_t capacity : {0u, (1u << 30) + 1}) {
    const auto table = ConnectionTable<TypeParam>::Create(capacity, TableHash(1, 2), kStart);
    ASSERT_FALSE(table.ok());
    EXPECT_EQ(table.error().code, ErrorCode::kInvalid);
    EXPECT_EQ(table.error().message, "a connection table holds 1 to 1073741824 connections, not " +
                                         std::to_string(capacity) +
                                         "; change director.connections");
  }
}

// 80 bytes of an IPv4 connection, 144 of an IPv6 one, index and timer included.
TEST(ConnectionTable, AMillionConnectionsStayWithinTheirBytes) {
  const auto table = ConnectionTable<Ipv4Address>::Create(1 << 20, TableHash(1, 2), kStart);
  ASSERT_TRUE(table.ok());
  EXPECT_LE(table->memory_bytes(), size_t{80} << 20);
  const auto table6 = ConnectionTable<Ipv6Address>::Create(1 << 20, TableHash(1, 2), kStart);
  ASSERT_TRUE(table6.ok());
  EXPECT_LE(table6->memory_bytes(), size_t{144} << 20);
}

TEST(ConnectionTable, SizesWhoseRangeReductionIsNoPowerOfTwoReachEveryBucket) {
  auto table = ConnectionTable<Ipv4Address>::Create(777, TableHash(5, 6), kStart);
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->capacity(), 777u);
  EXPECT_EQ(table->size(), 0u);
  EXPECT_EQ(table->high_water(), 0u);
}

}  // namespace
}  // namespace fairlead::dataplane::connection_table_test
