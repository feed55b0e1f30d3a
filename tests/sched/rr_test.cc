#include <gtest/gtest.h>

#include "fake_service.h"

namespace fairlead::sched::rr_test {
namespace {

FakeService Abc(int32_t a = 1, int32_t b = 1, int32_t c = 1) {
  FakeService service(Kind::kRr);
  service.Add('A', a);
  service.Add('B', b);
  service.Add('C', c);
  return service;
}

TEST(Rr, StartsAtTheNewestAndGoesRound) { EXPECT_EQ(Abc().Pick(7), "CBACBAC"); }

TEST(Rr, WeightOnlyMattersAsZero) { EXPECT_EQ(Abc(5, 0, 1).Pick(4), "CACA"); }

TEST(Rr, SkipsTheOverloadedAndFindsOneselfAgain) {
  FakeService service = Abc();
  service.SetOverloaded('A', true);
  service.SetOverloaded('B', true);
  EXPECT_EQ(service.Pick(3), "CCC");
  service.SetOverloaded('C', true);
  EXPECT_EQ(service.Pick(1), "-");
  service.SetOverloaded('A', false);
  EXPECT_EQ(service.Pick(2), "AA");
}

TEST(Rr, NobodyThere) {
  EXPECT_EQ(FakeService(Kind::kRr).Pick(1), "-");
  EXPECT_EQ(Abc(0, 0, 0).Pick(2), "--");
}

TEST(Rr, AnEditKeepsTheCursor) {
  FakeService service = Abc();
  EXPECT_EQ(service.Pick(2), "CB");
  service.Edit('C', 4);
  EXPECT_EQ(service.Pick(2), "AC");
}

TEST(Rr, AnAdditionWaitsForTheWrap) {
  FakeService service = Abc();
  EXPECT_EQ(service.Pick(1), "C");
  service.Add('D', 1);
  EXPECT_EQ(service.Pick(4), "BADC");
}

TEST(Rr, BeforeTheFirstPickAnAdditionIsNext) {
  FakeService service = Abc();
  service.Add('D', 1);
  EXPECT_EQ(service.Pick(2), "DC");
}

TEST(Rr, DeletingTheLastChosenMovesToItsPredecessor) {
  FakeService service = Abc();
  EXPECT_EQ(service.Pick(2), "CB");
  service.Delete('B');
  EXPECT_EQ(service.Pick(3), "ACA");
}

TEST(Rr, DeletingTheLastChosenHeadMovesToTheHead) {
  FakeService service = Abc();
  EXPECT_EQ(service.Pick(1), "C");
  service.Delete('C');
  EXPECT_EQ(service.Pick(3), "BAB");
}

TEST(Rr, DeletingAnotherKeepsTheCursor) {
  FakeService service = Abc();
  EXPECT_EQ(service.Pick(2), "CB");
  service.Delete('C');
  EXPECT_EQ(service.Pick(2), "AB");
}

TEST(Rr, SeveralChangesInOneSnapshot) {
  FakeService service = Abc();
  service.Add('D', 1);
  EXPECT_EQ(service.Pick(3), "DCB");
  service.Collect();
  service.Delete('B');
  service.Delete('C');
  service.Add('E', 1);
  service.Publish();
  EXPECT_EQ(service.Pick(4), "AEDA");  // behind D, the nearest predecessor left
}

TEST(Rr, BindingStartsAtTheHead) {
  FakeService service = Abc();
  EXPECT_EQ(service.Pick(1), "C");
  service.Bind(Kind::kLc);
  service.Bind(Kind::kRr);
  EXPECT_EQ(service.Pick(1), "C");
}

}  // namespace
}  // namespace fairlead::sched::rr_test
