// One worker: the tournament chooses whom a scan would choose, and does not look at everybody.
#include "sched/tournament.h"

#include <gtest/gtest.h>

#include "many_reals.h"

namespace fairlead::sched::tournament_test {
namespace {

// The last two without a memory of destinations: they then choose as wlc.
constexpr std::array kLeastKinds = {Kind::kLc, Kind::kWlc,  Kind::kSed,
                                    Kind::kNq, Kind::kLblc, Kind::kLblcr};

struct Case {
  Kind kind;
  uint32_t seed;
};
std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const Kind kind : kLeastKinds) {
    for (uint32_t seed = 1; seed <= 4; ++seed) cases.push_back({kind, seed});
  }
  return cases;
}
std::string NameOf(const testing::TestParamInfo<Case>& info) {
  return std::string(KindName(info.param.kind)) + std::to_string(info.param.seed);
}

class OneWorker : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Random, OneWorker, testing::ValuesIn(Cases()), NameOf);

// Clients come by the scheduler and past it (templates), connections change state and end, weights
// and thresholds are edited, reals come and go.
TEST_P(OneWorker, ChoosesAsTheScanInEveryStory) {
  ManyReals service(GetParam().kind, 1, GetParam().seed);
  service.Grow(40 + service.Random(160));
  service.Publish();
  size_t picks = 0;
  for (int step = 0; step < 20000; ++step) {
    const uint32_t dice = service.Random(1000);
    if (dice < 400) {
      const RealId expected = service.Scan();
      ASSERT_EQ(service.Pick(0), expected) << "step " << step;
      ++picks;
      if (!expected.is_none()) service.Connect(0, expected);
    } else if (dice < 450) {
      service.Connect(0, service.plan().real(service.Random(service.plan().size())).id);
    } else if (dice < 700) {
      service.FlipAny(0);
    } else if (dice < 980 || service.plan().size() < 34) {
      for (uint32_t n = service.Random(dice % 50 == 0 ? 300 : 3); n > 0; --n) service.CloseAny(0);
    } else {
      if (dice < 985) service.EditAny();
      if (dice >= 985 && dice < 995) service.SetAnyThreshold();
      if (dice >= 995 && dice < 998) service.RemoveAny();
      if (dice >= 998) service.Grow(1);
      service.Publish();
    }
    if (dice < 980) continue;
    ASSERT_NE(service.state(0).tournament, nullptr);
  }
  EXPECT_GT(picks, 5000u);
}

// All sizes around the powers of two; every real gets overloaded, then all are free again.
TEST(Tournament, EverySizeAndNobodyLeft) {
  for (size_t size = 1; size <= 70; ++size) {
    ManyReals service(Kind::kWlc, 1, static_cast<uint32_t>(size));
    service.Grow(size);
    service.Publish();
    const Plan& plan = service.plan();
    const auto tournament = Tournament::Create(size);
    service.state(0).tournament = tournament.get();
    const auto pick = [&] {
      const RealId expected = service.Scan();
      EXPECT_EQ(service.Pick(0), expected) << size;
      return expected;
    };
    while (true) {
      const RealId real = pick();
      if (real.is_none()) break;
      service.board().SetOverloaded(real, true);
      tournament->Touch(static_cast<uint32_t>(*plan.Find(real)));
    }
    for (const Plan::Real& real : plan.reals()) {
      service.board().SetOverloaded(real.id, false);
      tournament->Touch(static_cast<uint32_t>(*plan.Find(real.id)));
      pick();
    }
  }
  EXPECT_EQ(Tournament::Create(0), nullptr);
}

// A rule that counts how often it is asked: once for each real that is looked at.
struct CountingRule {
  static inline size_t looks = 0;
  static Key Of(uint64_t weight, const Load& load) noexcept {
    ++looks;
    return WlcRule::Of(weight, load);
  }
};

size_t LooksOfAPick(Tournament* tournament, const Plan& plan, const LoadBoard& board, Tick now) {
  const size_t before = CountingRule::looks;
  tournament->Pick<CountingRule>(plan, board, now);
  return CountingRule::looks - before;
}

TEST(Tournament, APickLooksAtTheTouchedAndTheWinner) {
  ManyReals service(Kind::kWlc, 1, 1);
  service.Grow(1000);
  for (int i = 0; i < 100; ++i) service.EditAny();
  service.Publish();
  const auto tournament = Tournament::Create(1000);
  Tick now{5};
  EXPECT_GE(LooksOfAPick(tournament.get(), service.plan(), service.board(), now), 800u);
  for (uint32_t i = 0; i < 1000; ++i) {
    now = now + 1;
    tournament->Touch(i);
    tournament->Touch(999 - i);
    ASSERT_LE(LooksOfAPick(tournament.get(), service.plan(), service.board(), now), 3u);
  }
  // More touches than are kept: all are looked at once, then it goes on as before.
  for (uint32_t i = 0; i < 1000; ++i) tournament->Touch(i);
  EXPECT_GE(LooksOfAPick(tournament.get(), service.plan(), service.board(), now), 800u);
  EXPECT_LE(LooksOfAPick(tournament.get(), service.plan(), service.board(), now), 1u);
}

TEST(Tournament, SeveralWorkersLookAtFourMoreAndAtAnEighthForEachTick) {
  ManyReals service(Kind::kWlc, 2, 1);
  service.Grow(1000);
  service.Publish();
  const auto tournament = Tournament::Create(1000);
  const auto looks = [&](uint32_t tick) {
    return LooksOfAPick(tournament.get(), service.plan(), service.board(), Tick{tick});
  };
  looks(5);
  EXPECT_LE(looks(5), 5u);
  EXPECT_LE(looks(6), 5u + 125u);
  EXPECT_GE(looks(7), 90u);  // some have weight 0
  EXPECT_LE(looks(7), 5u);
  EXPECT_GE(looks(20), 800u);
}

TEST(Tournaments, OnlyManyRealsOfTheRightKindsHaveOne) {
  ManyReals service(Kind::kWlc, 1, 1);
  service.Grow(Tournament::kScanned);
  service.Publish();
  EXPECT_EQ(service.state(0).tournament, nullptr);
  service.Grow(1);
  service.Publish();
  EXPECT_NE(service.state(0).tournament, nullptr);
  EXPECT_EQ(PreviewOf(service.state(0)).tournament, nullptr);
  service.Bind(Kind::kRr);
  service.Publish();
  EXPECT_EQ(service.state(0).tournament, nullptr);
  for (const Kind kind : kLeastKinds) EXPECT_TRUE(HasTournament(kind));
}

// Two services; the ids of one that goes come back in the other.
TEST(Tournaments, AServiceThatGoesTakesNobodysSeat) {
  std::vector<RealInput> inputs(80);
  for (uint32_t i = 0; i < inputs.size(); ++i) inputs[i].id = RealId{i};
  const auto plan_of = [&](size_t first, size_t count) {
    return Plan::Build(Kind::kWlc, {}, std::span(inputs).subspan(first, count), 0);
  };
  LoadBoard board(1, 80);
  Tournaments all(80);
  const Plan low = plan_of(0, 40), both = plan_of(0, 80);
  Tournament* first = all.Follow(ServiceId{0}, low);
  ASSERT_NE(first, nullptr);
  ASSERT_NE(all.Follow(ServiceId{1}, plan_of(40, 40)), nullptr);
  EXPECT_EQ(first->Pick<WlcRule>(low, board, {}).real, RealId{0});
  Tournament* wide = all.Follow(ServiceId{1}, both);
  EXPECT_EQ(wide->Pick<WlcRule>(both, board, {}).real, RealId{0});
  all.Retire([](ServiceId id) { return id == ServiceId{0}; });
  EXPECT_EQ(wide->Pick<WlcRule>(both, board, {}).real, RealId{0});
  for (uint32_t i = 0; i < 79; ++i) {
    board.AddActive(WorkerId{0}, RealId{i}, 1);
    all.Touch(RealId{i});
    EXPECT_EQ(wide->Pick<WlcRule>(both, board, {}).real, RealId{i + 1});
  }
  board.AddActive(WorkerId{0}, RealId{7}, -1);
  all.Touch(RealId{7});
  EXPECT_EQ(wide->Pick<WlcRule>(both, board, {}).real, RealId{7});
  all.Retire([](ServiceId) { return true; });
  all.Touch(RealId{7});  // nobody's
}

}  // namespace
}  // namespace fairlead::sched::tournament_test
