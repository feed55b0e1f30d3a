#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "fake_service.h"

namespace fairlead::sched::wrr_test {
namespace {

FakeService Abc(int32_t a, int32_t b, int32_t c) {
  FakeService service(Kind::kWrr);
  service.Add('A', a);
  service.Add('B', b);
  service.Add('C', c);
  return service;
}

struct Sequence {
  int32_t a, b, c;
  std::string start_up;
  std::string cycle;
};

// Sequences of wrr (ipvs.md, wrr).
class WrrSequence : public testing::TestWithParam<Sequence> {
 protected:
  static std::string Expected(size_t length, bool with_start_up) {
    std::string text = with_start_up ? GetParam().start_up : "";
    while (text.size() < length) text += GetParam().cycle;
    return text.substr(0, length);
  }
};

TEST_P(WrrSequence, AddedOneByOne) {
  FakeService service = Abc(GetParam().a, GetParam().b, GetParam().c);
  EXPECT_EQ(service.Pick(60), Expected(60, true));
}

TEST_P(WrrSequence, AddedInOneSnapshot) {
  FakeService service(Kind::kWrr);
  service.Collect();
  service.Add('A', GetParam().a);
  service.Add('B', GetParam().b);
  service.Add('C', GetParam().c);
  service.Publish();
  EXPECT_EQ(service.Pick(60), Expected(60, true));
}

TEST_P(WrrSequence, FirstSeenByAWorker) {
  const FakeService service = Abc(GetParam().a, GetParam().b, GetParam().c);
  State state = InitialState(service.plan());
  const LoadBoard board(1, 256);
  std::string chosen;
  for (int i = 0; i < 60; ++i) {
    chosen += static_cast<char>(Pick(service.plan(), &state, {}, board).real.value());
  }
  EXPECT_EQ(chosen, Expected(60, true));
}

TEST_P(WrrSequence, BoundToExistingRealsHasNoStartUpPass) {
  FakeService service = Abc(GetParam().a, GetParam().b, GetParam().c);
  service.Bind(Kind::kRr);
  service.Bind(Kind::kWrr);
  EXPECT_EQ(service.Pick(60), Expected(60, false));
}

INSTANTIATE_TEST_SUITE_P(
    Spec, WrrSequence,
    testing::Values(Sequence{4, 3, 2, "CBA", "ABACBACBA"}, Sequence{5, 1, 1, "CBA", "AAAACBA"},
                    Sequence{1, 2, 3, "CBA", "CCBCBA"}, Sequence{6, 4, 2, "CBA", "ABACBA"},
                    Sequence{100, 50, 25, "CBA", "AABACBA"}, Sequence{1, 1, 1, "CBA", "CBA"},
                    Sequence{3, 0, 1, "CA", "AACA"}));

TEST(Wrr, StepAndCeiling) {
  const Tables tables = Abc(100, 50, 25).plan().tables();
  EXPECT_EQ(tables.weight_step, 25);
  EXPECT_EQ(tables.weight_ceiling, 76);
}

TEST(Wrr, NobodyThere) {
  EXPECT_EQ(FakeService(Kind::kWrr).Pick(1), "-");
  FakeService service = Abc(0, 0, 0);
  EXPECT_EQ(service.Pick(2), "--");
  service.Edit('A', 2);
  EXPECT_EQ(service.Pick(2), "AA");
}

TEST(Wrr, AnEditToTheSameValuesStartsAgainAtTheHead) {
  FakeService service = Abc(4, 3, 2);
  EXPECT_EQ(service.Pick(4), "CBAA");  // the mark is at 4
  service.Edit('B', 3);
  EXPECT_EQ(service.Pick(9), "ABACBACBA");  // from the head, the mark still at 4
  EXPECT_EQ(service.Pick(2), "AB");
  service.Edit('B', 3);
  EXPECT_EQ(service.Pick(8), "BACBACBA");  // from the head, the mark still at 3
}

TEST(Wrr, TheSamePlanInANewSnapshotChangesNothing) {
  FakeService service = Abc(4, 3, 2);
  EXPECT_EQ(service.Pick(5), "CBAAB");
  service.Publish();
  EXPECT_EQ(service.Pick(1), "A");
}

TEST(Wrr, AnAdditionKeepsTheMark) {
  FakeService service = Abc(4, 3, 2);
  EXPECT_EQ(service.Pick(6), "CBAABA");  // the mark is at 3
  service.Add('D', 9);
  EXPECT_EQ(service.Pick(3 + 4), "DBADCBA");
  EXPECT_EQ(service.Pick(4), "DCBA");
  EXPECT_EQ(service.Pick(6), "DDDDDD");  // 9, 8, 7, 6, 5 and 4
}

TEST(Wrr, DeletingTheHeaviestLowersTheMark) {
  FakeService service = Abc(9, 2, 2);
  service.Bind(Kind::kLc);
  service.Bind(Kind::kWrr);
  EXPECT_EQ(service.Pick(2), "AA");
  service.Delete('A');  // step 2, ceiling 1
  EXPECT_EQ(service.Pick(4), "CBCB");
}

TEST(Wrr, AllOverloaded) {
  FakeService service = Abc(4, 3, 2);
  EXPECT_EQ(service.Pick(4), "CBAA");
  for (const char name : {'A', 'B', 'C'}) service.SetOverloaded(name, true);
  EXPECT_EQ(service.Pick(2), "--");
  for (const char name : {'A', 'B', 'C'}) service.SetOverloaded(name, false);
  EXPECT_EQ(service.Pick(9), "ABACBACBA");
}

TEST(Wrr, HeavyRealOverloadedDoesNotScanEveryMark) {
  FakeService service = Abc(0x7fffffff, 1, 1);  // naive: 2^31 passes over the list
  service.SetOverloaded('A', true);
  EXPECT_EQ(service.Pick(6), "CBCBCB");
}

// The scan pass by pass, as the spec words it, without the jump over passes that choose nobody.
class NaiveWrr {
 public:
  explicit NaiveWrr(const std::vector<Plan::Real>& reals) : reals_(reals) {
    for (const auto& real : reals) {
      step_ = std::gcd(step_, real.weight);
      ceiling_ = std::max(ceiling_, real.weight);
    }
    ceiling_ -= step_ - 1;
    mark_ = ceiling_;
  }
  RealId Pick(const LoadBoard& board) {
    for (int32_t tries = 0; tries < 3 * (ceiling_ + 1); ++tries) {
      for (; next_ < reals_.size(); ++next_) {
        if (reals_[next_].weight >= mark_ && !board.overloaded(reals_[next_].id)) {
          return reals_[next_++].id;
        }
      }
      next_ = 0;
      mark_ -= step_;
      if (mark_ <= 0) mark_ = ceiling_;
    }
    return {};
  }

 private:
  std::vector<Plan::Real> reals_;
  int32_t step_ = 0;
  int32_t ceiling_ = 0;
  int32_t mark_ = 0;
  size_t next_ = 0;
};

TEST(Wrr, AgreesWithTheNaiveScanUnderOverload) {
  std::mt19937 random(1);  // NOLINT(bugprone-random-generator-seed)
  for (int round = 0; round < 200; ++round) {
    LoadBoard board(1, 8);
    std::vector<RealInput> inputs;
    std::vector<Plan::Real> reals;
    const auto size = 1 + random() % 8;
    const auto factor = static_cast<int32_t>(1 + random() % 4);
    for (uint32_t i = 0; i < size; ++i) {
      const auto weight = static_cast<int32_t>(1 + random() % 9) * factor;
      inputs.push_back({RealId{i}, {}, {}, weight, weight});
      reals.push_back({RealId{i}, weight});
    }
    const Plan plan = Plan::Build(Kind::kWrr, {}, inputs, 1);
    // Bound to existing reals: both begin at the ceiling.
    State state = Adopt(Plan::Build(Kind::kRr, {}, inputs, 1), {}, plan);
    NaiveWrr naive(reals);
    for (int pick = 0; pick < 200; ++pick) {
      const RealId flipped{static_cast<uint32_t>(random() % size)};
      board.SetOverloaded(flipped, random() % 2 == 0);
      bool anybody = false;
      for (const auto& real : reals) anybody = anybody || IsEligible(real, board);
      if (!anybody) board.SetOverloaded(flipped, false);
      ASSERT_EQ(Pick(plan, &state, {}, board).real, naive.Pick(board)) << round << ' ' << pick;
    }
  }
}

}  // namespace
}  // namespace fairlead::sched::wrr_test
