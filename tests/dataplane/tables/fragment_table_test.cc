// The table of datagrams in fragments, on ranges and pointers alone.
#include "dataplane/tables/fragment_table.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <vector>

namespace fairlead::dataplane::fragment_table_test {

using Arrival = FragmentTable::Arrival;
using Held = FragmentTable::Held;
constexpr Tick kStart{1000};

const IpAddress kFrom4 = *IpAddress::Parse("198.51.100.7"), kTo4 = *IpAddress::Parse("192.0.2.10");
const IpAddress kFrom6 = *IpAddress::Parse("2001:db8::7"), kTo6 = *IpAddress::Parse("2001:db8::10");

FragmentKey Key(uint32_t id, bool is_v6 = false) {
  return is_v6 ? FragmentKey(kFrom6.v6(), kTo6.v6(), id, false)
               : FragmentKey(kFrom4.v4(), kTo4.v4(), id, 17, false);
}
ParsedPacket Of(uint32_t length) {
  ParsedPacket parsed;
  parsed.ip_length = length;
  return parsed;
}

class Table : public testing::Test {
 protected:
  uint32_t Add(uint32_t id, bool is_v6 = false) {
    return table_->FindOrAdd(Key(id, is_v6), id * 0x9e3779b97f4a7c15u, now_);
  }
  Arrival Arrive(uint32_t slot, uint32_t begin, uint32_t end, bool is_last = false) {
    return table_->Arrive(slot, {begin, end, is_last}, now_);
  }
  void Settle(uint32_t slot) {
    table_->fate(slot).kind = FragmentFate::Kind::kRouted;
    table_->Settle(slot, now_);
  }
  // Packets are numbers from 1.
  bool Hold(uint32_t slot, uintptr_t packet, uint32_t begin, uint32_t length = 1000) {
    return table_->Hold(slot, reinterpret_cast<void*>(packet), Of(length), begin);
  }
  std::string GivenUp() {
    std::string text;
    for (Held held; table_->TakeGivenUp(&held);) {
      text += std::to_string(reinterpret_cast<uintptr_t>(held.packet)) + ":" +
              std::string(TextOf(held.reason).label) + " ";
    }
    return text;
  }
  std::string Popped(uint32_t slot) {
    std::string text;
    for (Held held; table_->Pop(slot, &held);) {
      text += std::to_string(reinterpret_cast<uintptr_t>(held.packet)) + " ";
    }
    return text;
  }

  Tick now_ = kStart;
  std::unique_ptr<FragmentTable> table_ = std::make_unique<FragmentTable>(8);
};

TEST_F(Table, FindsADatagramByAllOfItsKey) {
  const Ipv4Address from = kFrom4.v4(), to = kTo4.v4();
  const Ipv6Address from6 = kFrom6.v6(), to6 = kTo6.v6();
  const FragmentKey keys[] = {
      {from, to, 7, 17, false},         {to, from, 7, 17, false},      {from, from, 7, 17, false},
      {to, to, 7, 17, false},           {from, to, 8, 17, false},      {from, to, 7, 6, false},
      {from, to, 7, 17, true},          {from6, to6, 7, false},        {to6, from6, 7, false},
      {from6, from6, 7, false},         {from6, to6, 7, true},         {from6, to6, 0x10007, false},
      {Ipv4Address{}, to, 0, 0, false}, {Ipv6Address{}, to6, 0, false}};
  table_ = std::make_unique<FragmentTable>(16);
  for (int round = 0; round < 2; ++round) {
    uint32_t slot = 0;
    for (const FragmentKey& key : keys) EXPECT_EQ(table_->FindOrAdd(key, 1, now_), slot++);
  }
  EXPECT_EQ(table_->size(), std::size(keys));
  EXPECT_TRUE(keys[0].is_v4());
  EXPECT_FALSE(keys[7].is_v4());
}

TEST_F(Table, ReleasesWhatWaitsInTheOrderOfTheDatagram) {
  const uint32_t slot = Add(1);
  Hold(slot, 3, 2000);
  Hold(slot, 1, 8);
  Hold(slot, 2, 1000);
  EXPECT_EQ(table_->held(), 3u);
  Settle(slot);
  EXPECT_EQ(Popped(slot), "1 2 3 ");
  EXPECT_EQ(table_->held(), 0u);
}

TEST_F(Table, KnowsDuplicatesFromOverlaps) {
  const uint32_t slot = Add(1);
  EXPECT_EQ(Arrive(slot, 0, 800), Arrival::kNew);
  EXPECT_EQ(Arrive(slot, 0, 800), Arrival::kDuplicate);
  EXPECT_EQ(Arrive(slot, 1600, 2000, true), Arrival::kNew);
  EXPECT_EQ(Arrive(slot, 800, 1600), Arrival::kNew);
  EXPECT_EQ(Arrive(slot, 400, 1200), Arrival::kDuplicate);  // of what two brought
  EXPECT_EQ(Arrive(slot, 1600, 2000, true), Arrival::kDuplicate);
  EXPECT_EQ(Arrive(slot, 1600, 1800, true), Arrival::kOverlap);  // another end
  EXPECT_EQ(table_->at(slot).fate.kind, FragmentFate::Kind::kRefused);
}

TEST_F(Table, RefusesTheWholeDatagramForAnOverlap) {
  for (const auto& [begin, end, is_last] :
       {std::tuple{792u, 1200u, true}, {2000u, 3008u, false}, {2400u, 2800u, true}}) {
    table_ = std::make_unique<FragmentTable>(8);
    const uint32_t slot = Add(1);
    Arrive(slot, 0, 800);
    Hold(slot, 1, 0);
    Arrive(slot, 2000, 2600, true);
    Hold(slot, 2, 2000);
    EXPECT_EQ(Arrive(slot, begin, end, is_last), Arrival::kOverlap) << begin;
    EXPECT_EQ(GivenUp(), "2:fragment_overlap 1:fragment_overlap ");
    EXPECT_EQ(table_->at(slot).fate.kind, FragmentFate::Kind::kRefused);
    EXPECT_EQ(table_->held(), 0u);
  }
}

TEST_F(Table, RemembersAsManyGapsAsItSays) {
  const uint32_t slot = Add(1);
  for (uint32_t i = 0; i < FragmentTable::kMaxRuns; ++i) {
    EXPECT_EQ(Arrive(slot, 16 * i + 16, 16 * i + 24), Arrival::kNew);
  }
  EXPECT_EQ(Arrive(slot, 1600, 1608), Arrival::kScattered);
  EXPECT_EQ(Arrive(slot, 24, 32), Arrival::kNew);  // closes a gap
  EXPECT_EQ(Arrive(slot, 1600, 1608), Arrival::kNew);
}

TEST_F(Table, ForgetsInTime) {
  const uint32_t v4 = Add(1), v6 = Add(2, true), settled = Add(3), done = Add(4);
  Hold(v4, 1, 8);
  Hold(v6, 2, 8);
  Settle(settled);
  Settle(done);
  Arrive(done, 0, 800);
  Arrive(done, 800, 900, true);
  table_->FinishIfWhole(done, now_);
  EXPECT_EQ(table_->at(done).state, FragmentTable::State::kDone);
  const auto after = [&](uint32_t ticks) {
    now_ = kStart + ticks;
    table_->Expire(now_);
    return std::to_string(table_->size()) + " " + GivenUp();
  };
  EXPECT_EQ(after(99), "4 ");
  EXPECT_EQ(after(100), "3 ");
  EXPECT_EQ(after(2999), "3 ");
  EXPECT_EQ(after(3000), "1 1:fragment_timeout ");
  EXPECT_EQ(after(5999), "1 ");
  EXPECT_EQ(after(6000), "0 2:fragment_timeout ");
  EXPECT_TRUE(table_->is_idle());
}

// RFC 4963: 16 bits of identification come again in seconds.
TEST_F(Table, AnIdentificationMayComeAgain) {
  const uint32_t slot = Add(1);
  const auto pass = [&] {
    EXPECT_EQ(Arrive(slot, 0, 800), Arrival::kNew);
    Settle(slot);
    EXPECT_EQ(Arrive(slot, 800, 900, true), Arrival::kNew);
    table_->FinishIfWhole(slot, now_);
  };
  pass();
  EXPECT_EQ(Arrive(slot, 800, 900, true), Arrival::kDuplicate);
  pass();  // the first begins anew
  // A later fragment that does not belong to the one that is done begins another.
  EXPECT_EQ(Arrive(slot, 800, 1000, true), Arrival::kNew);
  EXPECT_EQ(table_->at(slot).fate.kind, FragmentFate::Kind::kUndecided);
  Settle(slot);
  EXPECT_EQ(Arrive(slot, 0, 800), Arrival::kNew);
  // One that was never whole gives way later.
  const uint32_t other = Add(2);
  Arrive(other, 0, 800);
  Settle(other);
  EXPECT_EQ(Arrive(other, 0, 800), Arrival::kDuplicate);
  now_ = now_ + FragmentTable::kDoneLifetime + 1;
  EXPECT_EQ(Arrive(other, 0, 800), Arrival::kNew);
}

TEST_F(Table, TheOldestGoesWhenDatagramsAreTooMany) {
  const uint32_t settled = Add(1);
  Settle(settled);
  for (uint32_t id = 2; id <= 8; ++id) Hold(Add(id), id, 8);
  EXPECT_EQ(table_->size(), 8u);
  Hold(Add(9), 9, 8);
  Hold(Add(10), 10, 8);
  EXPECT_EQ(GivenUp(), "3:fragment_limit 2:fragment_limit ");
  EXPECT_EQ(table_->displaced(), 2u);
  EXPECT_EQ(table_->at(settled).fate.kind, FragmentFate::Kind::kRouted);
  EXPECT_EQ(table_->FindOrAdd(Key(1), 1 * 0x9e3779b97f4a7c15u, now_), settled);
}

TEST_F(Table, HoldsABoundedNumberAndTheOldestGivesWay) {
  table_ = std::make_unique<FragmentTable>(4096);
  for (uint32_t i = 0; i < FragmentTable::kMaxHeld; ++i) EXPECT_TRUE(Hold(Add(i), i + 1, 8, 100));
  const uint32_t slot = Add(100'000);
  EXPECT_FALSE(Hold(slot, 77, 8));
  EXPECT_TRUE(table_->MakeRoom(slot, 1000));
  EXPECT_EQ(GivenUp(), "1:fragment_limit ");
  EXPECT_TRUE(Hold(slot, 77, 8));
  EXPECT_EQ(table_->held(), FragmentTable::kMaxHeld);
}

// A turn without room for what is given up must not leave datagrams behind that hold nothing: each
// would cost a later one a fragment.
TEST_F(Table, ThoseThatFoundNoRoomLeaveRoomForTheNext) {
  table_ = std::make_unique<FragmentTable>(4096);
  for (uint32_t i = 0; i < FragmentTable::kMaxHeld; ++i) EXPECT_TRUE(Hold(Add(i), i + 1, 8, 100));
  for (uint32_t i = 0; i < 32; ++i) {
    const uint32_t slot = Add(10'000 + i);
    EXPECT_FALSE(Hold(slot, 20'000 + i, 8, 100));
    EXPECT_TRUE(table_->MakeRoom(slot, 100));
    EXPECT_FALSE(Hold(slot, 20'000 + i, 8, 100));  // not taken yet
    table_->Forget(slot);
  }
  EXPECT_EQ(GivenUp(), "1:fragment_limit ");  // there was one to be given up for all of them
  for (uint32_t i = 0; i < 2000; ++i) {
    const uint32_t slot = Add(40'000 + i);
    if (!Hold(slot, 50'000 + i, 8, 100)) {
      ASSERT_TRUE(table_->MakeRoom(slot, 100));
      GivenUp();
      ASSERT_TRUE(Hold(slot, 50'000 + i, 8, 100)) << i;
    }
  }
  EXPECT_EQ(table_->size(), FragmentTable::kMaxHeld);
}

TEST_F(Table, ManySmallOnesMakeRoomForALargeOne) {
  table_ = std::make_unique<FragmentTable>(4096);
  uint32_t id = 1;
  while (Hold(Add(id), id, 8, 20'000)) ++id;
  table_->Forget(Add(id));
  EXPECT_TRUE(table_->MakeRoom(Add(100'000), 60'000));
  EXPECT_EQ(GivenUp(), "3:fragment_limit 2:fragment_limit 1:fragment_limit ");
  EXPECT_TRUE(Hold(Add(100'000), 77, 8, 60'000));
  EXPECT_FALSE(table_->MakeRoom(Add(100'001), 20'000 * (FragmentTable::kMostVictims + 2)));
}

// A family that waits longer is no older for it.
TEST_F(Table, AFloodOfOneFamilyGivesWayToTheOther) {
  table_ = std::make_unique<FragmentTable>(4096);
  for (uint32_t i = 0; i < FragmentTable::kMaxHeld; ++i) Hold(Add(i, true), i + 1, 8, 100);
  now_ = now_ + 1;
  const uint32_t first = Add(100'000);
  EXPECT_TRUE(table_->MakeRoom(first, 1000));
  EXPECT_EQ(GivenUp(), "1:fragment_limit ");
  EXPECT_TRUE(Hold(first, 77, 8));
  EXPECT_TRUE(table_->MakeRoom(Add(100'001), 1000));
  EXPECT_EQ(GivenUp(), "2:fragment_limit ");
}

TEST_F(Table, HoldsABoundedNumberOfBytesAndOfEachDatagram) {
  table_ = std::make_unique<FragmentTable>(4096);
  const uint32_t one = Add(1);
  for (uint32_t i = 0; i < FragmentTable::kMaxHeldPerDatagram; ++i) {
    EXPECT_TRUE(Hold(one, i + 1, i * 8, 100));
  }
  EXPECT_FALSE(Hold(one, 99, 4000));
  EXPECT_FALSE(table_->MakeRoom(one, 1000));
  EXPECT_EQ(GivenUp(), "");  // it makes nobody else go
  uint32_t id = 2;
  while (Hold(Add(id), id, 8, 60'000)) ++id;
  EXPECT_EQ(id - 2, (FragmentTable::kMaxHeldBytes - 6400) / 60'000);
}

TEST_F(Table, ADatagramThatGoesWhileItsPacketsAreReadyGivesThemUp) {
  const uint32_t a = Add(1), b = Add(2);
  for (const uint32_t slot : {a, b}) {
    Hold(slot, slot + 1, 8);
    Settle(slot);
    table_->MarkReady(slot);
    table_->MarkReady(slot);
  }
  now_ = now_ + FragmentTable::kLifetime4;
  table_->Expire(now_);
  EXPECT_EQ(table_->NextReady(), kNoSlot);
  EXPECT_EQ(table_->size(), 0u);
  table_->Clear(DropReason::kShutdown);
  GivenUp();
  EXPECT_TRUE(table_->is_idle());
}

// Whatever comes, in whatever order: sizes add up, every packet comes back once, and the runs are
// what a map of bytes says.
TEST_F(Table, AgreesWithAMapOfBytes) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    const uint32_t slot = Add(static_cast<uint32_t>(round));
    std::vector<bool> seen(64);
    bool is_refused = false;
    for (int i = 0; i < 40 && !is_refused; ++i) {
      const auto begin = static_cast<uint32_t>(random() % 60);
      const auto length = static_cast<uint32_t>(1 + random() % 4);
      size_t known = 0;
      for (uint32_t u = begin; u < begin + length; ++u) known += seen[u];
      const Arrival arrival = Arrive(slot, begin * 8, (begin + length) * 8);
      if (known == length) {
        // In one run only if no gap lies between: a map of bytes cannot have one.
        EXPECT_EQ(arrival, Arrival::kDuplicate);
      } else if (known > 0) {
        EXPECT_EQ(arrival, Arrival::kOverlap);
        is_refused = true;
      } else if (arrival != Arrival::kScattered) {
        EXPECT_EQ(arrival, Arrival::kNew);
        for (uint32_t u = begin; u < begin + length; ++u) seen[u] = true;
      }
      const auto& d = table_->at(slot);
      for (size_t r = 1; r < d.run_count; ++r) ASSERT_LT(d.runs[r - 1].end, d.runs[r].begin);
    }
  }
}

}  // namespace fairlead::dataplane::fragment_table_test
