// lblc, lblcr and the table of destinations they keep.
#include "sched/locality.h"

#include <gtest/gtest.h>

#include "fake_service.h"

namespace fairlead::sched::locality_test {
namespace {

constexpr uint32_t kMinute = 60;

IpAddress Site(uint32_t number) { return Ipv4Address::FromHost(0xc6336400u + number); }
Request At(uint32_t seconds, uint32_t site) {
  return {.destination = Site(site), .now = Tick{TicksFromSeconds(seconds)}};
}

class Locality : public testing::TestWithParam<Kind> {};

TEST_P(Locality, ADestinationKeepsItsRealAndANewOneGetsTheLeastLoaded) {
  FakeService service = Make(GetParam(), {10, 10});
  EXPECT_EQ(service.PickOne(At(0, 1)), 'B');
  service.SetActive('B', 5);
  EXPECT_EQ(service.PickOne(At(1, 2)), 'A');
  service.SetActive('A', 9);
  EXPECT_EQ(service.PickOne(At(2, 1)), 'B');
  EXPECT_EQ(service.PickOne(At(2, 2)), 'A');  // wlc would say B
  EXPECT_EQ(service.destinations().size(), 2u);
}

// Overloaded here: more active connections than weight, and some real with less than half.
TEST_P(Locality, MovesOnlyWhenItsRealIsFullAndAnotherHalfEmpty) {
  FakeService service = Make(GetParam(), {4, 4});
  EXPECT_EQ(service.PickOne(At(0, 1)), 'B');
  service.SetActive('B', 4);
  EXPECT_EQ(service.PickOne(At(1, 1)), 'B');  // not more than the weight
  service.SetActive('B', 1);
  service.SetActive('A', 2);
  EXPECT_EQ(service.PickOne(At(2, 1)), 'B');  // 2·2 is not less than 4
  service.SetActive('A', -1);
  EXPECT_EQ(service.PickOne(At(3, 1)), 'A');
  service.SetActive('B', -5);
  EXPECT_EQ(service.PickOne(At(4, 1)), GetParam() == Kind::kLblc ? 'A' : 'B');
}

TEST_P(Locality, LeavesARealThatIsGoneOrQuiesced) {
  FakeService service = Make(GetParam(), {1, 1, 1});
  EXPECT_EQ(service.PickOne(At(0, 1)), 'C');
  service.Edit('C', 0);
  EXPECT_EQ(service.PickOne(At(1, 1)), 'B');
  service.Delete('B');
  EXPECT_EQ(service.PickOne(At(2, 1)), 'A');
  service.Delete('A');
  EXPECT_EQ(service.PickOne(At(3, 1)), '-');
}

TEST_P(Locality, AnotherSchedulerForgets) {
  FakeService service = Make(GetParam(), {1, 1});
  service.PickOne(At(0, 1));
  service.Edit('A', 2);
  EXPECT_EQ(service.destinations().size(), 1u);
  service.Bind(Kind::kRr);
  EXPECT_EQ(service.state().known, nullptr);
  service.Bind(GetParam());
  EXPECT_EQ(service.destinations().size(), 0u);
}

TEST_P(Locality, WorksWithoutMemory) {
  FakeService service = Make(GetParam(), {1, 1});
  const LoadBoard idle(1, 256);
  State state;
  EXPECT_EQ(Pick(service.plan(), &state, At(0, 1), idle).real, RealId{'B'});
}

INSTANTIATE_TEST_SUITE_P(Kinds, Locality, testing::Values(Kind::kLblc, Kind::kLblcr));

// The cached real is asked for its weight only; a new choice looks at the thresholds.
TEST(Lblc, ARememberedRealMayBeOverloaded) {
  FakeService service = Make(Kind::kLblc, {1, 1});
  EXPECT_EQ(service.PickOne(At(0, 1)), 'B');
  service.SetOverloaded('B', true);
  EXPECT_EQ(service.PickOne(At(1, 1)), 'B');
  EXPECT_EQ(service.PickOne(At(1, 2)), 'A');
}

TEST(Lblcr, AnOverloadedMemberIsSkippedAndTheSetGrows) {
  FakeService service = Make(Kind::kLblcr, {1, 1});
  EXPECT_EQ(service.PickOne(At(0, 1)), 'B');
  service.SetOverloaded('B', true);
  EXPECT_EQ(service.PickOne(At(1, 1)), 'A');
  service.SetOverloaded('B', false);
  EXPECT_EQ(service.destinations().SetSize(service.destinations().Find(Site(1))), 2u);
}

// Of the set the least loaded serves, whoever else is idle.
TEST(Lblcr, ServesFromTheSetOnly) {
  FakeService service = Make(Kind::kLblcr, {8, 8, 8});
  EXPECT_EQ(service.PickOne(At(0, 1)), 'C');
  service.SetActive('C', 9);
  EXPECT_EQ(service.PickOne(At(1, 1)), 'B');
  service.SetActive('B', 5);
  EXPECT_EQ(service.PickOne(At(2, 1)), 'B');  // C 9, B 5, and A idle
  service.SetActive('C', -7);
  EXPECT_EQ(service.PickOne(At(3, 1)), 'C');
}

TEST(Lblcr, AnOldSetLosesItsMostLoaded) {
  FakeService service = Make(Kind::kLblcr, {1, 1});
  service.PickOne(At(0, 1));
  service.SetActive('B', 2);
  EXPECT_EQ(service.PickOne(At(10, 1)), 'A');  // the set is B and A, changed at 10
  service.SetActive('A', 1);
  const uint32_t slot = service.destinations().Find(Site(1));
  service.PickOne(At(10 + 86400, 1));
  EXPECT_EQ(service.destinations().SetSize(slot), 2u);
  service.PickOne(At(11 + 86400, 1));
  EXPECT_EQ(service.destinations().SetSize(slot), 1u);
  EXPECT_EQ(service.destinations().First(slot), RealId{'A'});
}

TEST(Lblcr, AMemberThatLeftTheServiceIsForgotten) {
  FakeService service = Make(Kind::kLblcr, {1, 1, 1});
  service.PickOne(At(0, 1));
  service.SetActive('C', 2);
  service.PickOne(At(1, 1));
  const uint32_t slot = service.destinations().Find(Site(1));
  EXPECT_EQ(service.destinations().SetSize(slot), 2u);
  service.Delete('C');
  EXPECT_EQ(service.PickOne(At(2, 1)), 'B');
  EXPECT_EQ(service.destinations().SetSize(slot), 1u);
}

// ---- the table

class Destinations : public testing::Test {
 protected:
  void Insert(uint32_t from, uint32_t count, uint32_t seconds) {
    for (uint32_t i = from; i < from + count; ++i) {
      table->Insert(Site(i), RealId{1}, Tick{TicksFromSeconds(seconds)});
    }
  }
  // A turn every second, many of them within it.
  void Run(uint32_t from_seconds, uint32_t to_seconds) {
    for (uint32_t s = from_seconds; s <= to_seconds; ++s) {
      const uint32_t turns = s % kMinute == 0 ? 200 : 1;
      for (uint32_t i = 0; i < turns; ++i) table->Collect(Tick{TicksFromSeconds(s)}, kDay);
    }
  }
  static constexpr TickCount kDay = TicksFromSeconds(86400);
  std::unique_ptr<DestinationTable> table =
      DestinationTable::Create(DestinationTable::kSingleMembers, Tick{0});
};

TEST_F(Destinations, AreKeptApartAndReused) {
  Insert(0, 2000, 0);
  for (uint32_t i = 0; i < 2000; ++i) ASSERT_NE(table->Find(Site(i)), kNoDestination);
  EXPECT_EQ(table->Find(Site(2000)), kNoDestination);
  EXPECT_EQ(table->Find(*IpAddress::Parse("2001:db8::1")), kNoDestination);
}

TEST_F(Destinations, NothingNewBeyondTheCapacity) {
  Insert(0, DestinationTable::kCapacity + 5, 0);
  EXPECT_EQ(table->size(), DestinationTable::kCapacity);
  EXPECT_EQ(table->Find(Site(DestinationTable::kCapacity)), kNoDestination);
}

// Excess 4616: ⌊4/3·4616⌋ = 6154 of those idle for 360 s go in one run, then the table has its
// size.
TEST_F(Destinations, TooManyShrinkByFourThirdsOfTheExcess) {
  Insert(0, 21000, 100);
  Run(101, 459);
  EXPECT_EQ(table->size(), 21000u);  // none idle for 360 s
  Run(460, 480);
  EXPECT_EQ(table->size(), 21000u - 6154u);
  Run(481, 600);
  EXPECT_EQ(table->size(), 21000u - 6154u);
}

TEST_F(Destinations, AtMostHalfTheSizeGoesInOneRun) {
  Insert(0, DestinationTable::kCapacity, 0);
  Run(1, 420);
  EXPECT_EQ(table->size(), DestinationTable::kCapacity - 8192u);
}

TEST_F(Destinations, EveryThirtiethRunRemovesWhatIsUnusedForALifetime) {
  Insert(0, 100, 0);
  Run(1, 86399);
  EXPECT_EQ(table->size(), 100u);
  table->Use(table->Find(Site(7)), Tick{TicksFromSeconds(86399)});
  Run(86400, 86401);
  EXPECT_EQ(table->size(), 1u);
  EXPECT_NE(table->Find(Site(7)), kNoDestination);
  Insert(200, 100, 86500);  // freed entries and members serve again
  EXPECT_EQ(table->size(), 101u);
}

TEST_F(Destinations, ASetNeverLosesItsLastReal) {
  const uint32_t slot = table->Insert(Site(1), RealId{1}, Tick{0});
  EXPECT_FALSE(table->Remove(slot, RealId{1}, Tick{0}));
  EXPECT_TRUE(table->Add(slot, RealId{2}, Tick{5}));
  EXPECT_FALSE(table->Add(slot, RealId{2}, Tick{6}));
  EXPECT_EQ(table->last_change(slot), Tick{5});
  EXPECT_FALSE(table->Remove(slot, RealId{3}, Tick{7}));
  EXPECT_TRUE(table->Remove(slot, RealId{1}, Tick{8}));
  EXPECT_EQ(table->First(slot), RealId{2});
}

}  // namespace
}  // namespace fairlead::sched::locality_test
