#include "sched/scheduler.h"

#include <gtest/gtest.h>

#include <random>

#include "fake_service.h"

namespace fairlead::sched::scheduler_test {
namespace {

TEST(Kind, NamesGoBothWays) {
  std::string names;
  for (const Kind kind : kAllKinds) {
    names += std::string(KindName(kind)) + " ";
    EXPECT_EQ(KindFromName(KindName(kind)), kind);
  }
  EXPECT_EQ(names, "rr wrr lc wlc sed nq sh dh mh fo ovf twos lblc lblcr none ");
  EXPECT_EQ(KindFromName("WLC"), std::nullopt);
  EXPECT_EQ(KindFromName(""), std::nullopt);
}

TEST(Plan, KeepsTheOrderAndFindsById) {
  const std::vector<RealInput> reals{
      {RealId{9}, {}, {}, 1, 1}, {RealId{2}, {}, {}, 0, 1}, {RealId{5}, {}, {}, 7, 7}};
  const Plan plan = Plan::Build(Kind::kSed, {.fallback = true}, reals, 42);
  EXPECT_EQ(plan.kind(), Kind::kSed);
  EXPECT_EQ(plan.flags(), Flags{.fallback = true});
  EXPECT_EQ(plan.edit_count(), 42u);
  ASSERT_EQ(plan.size(), 3u);
  EXPECT_EQ(plan.real(1).id, RealId{2});
  EXPECT_EQ(plan.real(2).weight, 7);
  EXPECT_EQ(plan.Find(RealId{9}), 0u);
  EXPECT_EQ(plan.Find(RealId{5}), 2u);
  EXPECT_EQ(plan.Find(RealId{3}), std::nullopt);
  EXPECT_EQ(Plan().Find(RealId{}), std::nullopt);
}

TEST(Plan, TheDefaultPlanTakesPartInAdoption) {
  const Plan nothing;
  State state = InitialState(nothing);
  EXPECT_TRUE(Pick(nothing, &state, {}, LoadBoard(1, 1)).real.is_none());
  for (const Kind kind : kAllKinds) {
    const std::vector<RealInput> reals{{RealId{0}, {}, {}, 4, 4}, {RealId{1}, {}, {}, 6, 6}};
    const Plan plan = Plan::Build(kind, {}, reals, 2);
    EXPECT_EQ(Adopt(nothing, state, plan), InitialState(plan)) << KindName(kind);
    EXPECT_EQ(Adopt(plan, InitialState(plan), nothing), State{}) << KindName(kind);
    EXPECT_EQ(Adopt(plan, InitialState(plan, 77), nothing), State{.random = 77});
  }
}

// A preview picks what the state itself will, and changes nothing: what `explain` relies on.
// A snapshot that takes over a plan copies no table; a plan without reals, which workers make, has
// no memory.
TEST(Plan, CopiesShareWhatBuildMade) {
  const std::vector<RealInput> reals(3);
  const Plan built = Plan::Build(Kind::kMh, {}, reals, 0);
  Plan copy = built;
  EXPECT_EQ(copy.reals().data(), built.reals().data());
  EXPECT_EQ(copy.tables().slots.data(), built.tables().slots.data());
  EXPECT_EQ(copy.tables().slots.size(), kMaglevSlots);
  copy = Plan::Build(Kind::kMh, {}, {}, 0);
  EXPECT_EQ(&copy.tables(), &Plan().tables());
}

TEST(State, APreviewForetells) {
  std::mt19937 random(2);  // NOLINT(bugprone-random-generator-seed)
  for (const Kind kind : kAllKinds) {
    FakeService service(kind);
    for (const char name : {'A', 'B', 'C', 'D'}) {
      service.Add(name, static_cast<int32_t>(random() % 5));
    }
    const LoadBoard idle(1, 256);
    for (uint32_t i = 0; i < 100; ++i) {
      const Request request{.client_fold = static_cast<uint32_t>(random()),
                            .destination = Ipv4Address::FromHost(static_cast<uint32_t>(random())),
                            .now = Tick{i}};
      const bool remembers = DestinationMembers(kind) > 0;
      const uint32_t known = remembers ? service.destinations().size() : 0;
      State preview = PreviewOf(service.state());
      const RealId foretold = Pick(service.plan(), &preview, request, idle).real;
      const char name = foretold.is_none() ? '-' : static_cast<char>(foretold.value());
      ASSERT_EQ(remembers ? service.destinations().size() : 0, known);
      ASSERT_EQ(service.PickOne(request), name) << KindName(kind);
      ASSERT_EQ(PreviewOf(service.state()), preview);
    }
  }
}

// Whatever an operator does in whatever order, a state stays within its plan and every choice is
// eligible; nobody is chosen only when nobody may be (sh, dh, mh and none excepted).
TEST(Adopt, AnyHistoryLeavesAValidState) {
  std::mt19937 random(3);  // NOLINT(bugprone-random-generator-seed)
  FakeService service(Kind::kRr);
  std::string present;
  std::string absent = "ABCDEFGH";
  for (int step = 0; step < 5000; ++step) {
    const auto weight = static_cast<int32_t>(random() % 6);
    const auto action = random() % 6;
    if (action == 0 && !absent.empty()) {
      service.Add(absent.back(), weight);
      present += absent.back();
      absent.pop_back();
    } else if (action == 1 && !present.empty()) {
      const size_t which = random() % present.size();
      service.Delete(present[which]);
      absent += present[which];
      present.erase(which, 1);
    } else if (action == 2 && !present.empty()) {
      service.Edit(present[random() % present.size()], weight);
    } else if (action == 3 && random() % 10 == 0) {
      service.Bind(kAllKinds[random() % kAllKinds.size()]);
    } else if (action == 4) {
      service.Collect();
      continue;
    } else {
      service.Publish();
    }
    service.Publish();
    ASSERT_LE(service.state().cursor, service.plan().size());
    bool anybody = false;
    for (const Plan::Real& real : service.plan().reals()) anybody = anybody || real.weight > 0;
    const char chosen =
        service.PickOne({.client_fold = static_cast<uint32_t>(random()),
                         .destination = Ipv4Address::FromHost(static_cast<uint32_t>(random()) % 8),
                         .now = Tick{static_cast<uint32_t>(step) * kTicksPerSecond}});
    const Kind kind = service.plan().kind();
    if (chosen == '-') {
      const bool may_refuse =
          kind == Kind::kSh || kind == Kind::kDh || kind == Kind::kMh || kind == Kind::kNone;
      ASSERT_TRUE(!anybody || may_refuse) << KindName(kind);
    } else {
      const auto position = service.plan().Find(RealId{static_cast<uint32_t>(chosen)});
      ASSERT_TRUE(position.has_value());
      ASSERT_GT(service.plan().real(*position).weight, 0);
    }
  }
}

}  // namespace
}  // namespace fairlead::sched::scheduler_test
