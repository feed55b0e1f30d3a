// lc, wlc, sed and nq.
#include <gtest/gtest.h>

#include "fake_service.h"

namespace fairlead::sched::least_test {
namespace {

TEST(Lc, TiesGoToTheNewestAndWeightsDoNotMatter) {
  EXPECT_EQ(Make(Kind::kLc, {9, 1, 3}).PickAndHold(7), "CBACBAC");
}

TEST(Lc, ActiveWeighs256Inactive) {
  FakeService service = Make(Kind::kLc, {1, 1});
  service.SetActive('B', 1);
  service.SetInactive('A', 255);
  EXPECT_EQ(service.PickOne(), 'A');
  service.SetInactive('A', 1);
  EXPECT_EQ(service.PickOne(), 'B');  // a tie again
  service.SetInactive('B', 1);
  EXPECT_EQ(service.PickOne(), 'A');
}

TEST(Wlc, SpecExample) {
  FakeService service = Make(Kind::kWlc, {1, 2});
  EXPECT_EQ(service.PickAndHold(1), "B");
  EXPECT_EQ(service.PickAndHold(1), "A");
  EXPECT_EQ(service.PickAndHold(1), "B");  // 256/2 against 256/1
}

TEST(Wlc, TemplatesDoNotCount) {
  FakeService service = Make(Kind::kWlc, {1});
  LoadBoard board(1, 256);
  board.AddTemplates(WorkerId{0}, RealId{'A'}, 5);
  EXPECT_EQ(board.Sum(RealId{'A'}), (Load{0, 0, 5}));
  service.Add('B', 1);
  State state;
  board.AddInactive(WorkerId{0}, RealId{'B'}, 1);
  EXPECT_EQ(Pick(service.plan(), &state, {}, board).real, RealId{'A'});
}

TEST(Wlc, GreatWeightsDoNotOverflow) {
  FakeService service = Make(Kind::kWlc, {0x7fffffff, 1});
  service.SetActive('A', 1 << 20);
  service.SetActive('B', 1);
  EXPECT_EQ(service.PickOne(), 'A');
}

TEST(Sed, CountsTheConnectionToCome) {
  FakeService service = Make(Kind::kSed, {1, 3});
  EXPECT_EQ(service.PickAndHold(5), "BBBAB");  // at 3/3 against 1/1 B, the newer: then 4/3 → A
}

TEST(Sed, WithoutActiveConnectionsTheHeaviest) {
  FakeService service = Make(Kind::kSed, {2, 5, 1});
  service.SetInactive('B', 1000);
  EXPECT_EQ(service.Pick(3), "BBB");
}

TEST(Nq, TheNewestIdleElseSed) {
  FakeService service = Make(Kind::kNq, {1, 1, 1});
  service.SetActive('A', 1);
  EXPECT_EQ(service.PickAndHold(2), "CB");
  service.Edit('A', 9);
  EXPECT_EQ(service.PickAndHold(1), "A");  // all busy: 2/9 is least
}

TEST(Nq, WithoutActiveConnectionsTheNewestEligible) {
  FakeService service = Make(Kind::kNq, {5, 1, 0});
  EXPECT_EQ(service.Pick(2), "BB");
}

class Least : public testing::TestWithParam<Kind> {};

TEST_P(Least, SkipsWeightZeroAndOverloaded) {
  FakeService service = Make(GetParam(), {1, 1, 0});
  EXPECT_EQ(service.PickOne(), 'B');
  service.SetOverloaded('B', true);
  EXPECT_EQ(service.PickOne(), 'A');
  service.Edit('A', 0);
  EXPECT_EQ(service.PickOne(), '-');
  EXPECT_EQ(FakeService(GetParam()).PickOne(), '-');
}

INSTANTIATE_TEST_SUITE_P(Kinds, Least,
                         testing::Values(Kind::kLc, Kind::kWlc, Kind::kSed, Kind::kNq));

}  // namespace
}  // namespace fairlead::sched::least_test
