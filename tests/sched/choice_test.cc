// dh, fo, ovf, twos and none.
#include <gtest/gtest.h>

#include <array>
#include <map>

#include "fake_service.h"
#include "sched/buckets.h"
#include "sched/random.h"

namespace fairlead::sched::choice_test {
namespace {

Request To(const char* destination) {
  return {.client_fold = 1, .destination = *IpAddress::Parse(destination)};
}

TEST(Dh, OneBucketEachInListOrderWhateverTheWeights) {
  const FakeService service = Make(Kind::kDh, {9, 1, 0});
  ASSERT_EQ(service.plan().tables().slots.size(), 256u);
  EXPECT_EQ(service.Slots(7), "CBACBAC");
}

// The buckets of sh (ipvs.md, sh and dh) without a port: the same hash, of the destination.
TEST(Dh, TheDestinationNamesTheBucket) {
  FakeService service = Make(Kind::kDh, {1, 1, 1});
  EXPECT_EQ(service.PickOne(To("192.0.2.1")), "CBA"[50 % 3]);
  EXPECT_EQ(service.PickOne(To("192.0.2.2")), "CBA"[148 % 3]);
  EXPECT_EQ(service.PickOne(To("192.0.2.4")), "CBA"[88 % 3]);
  EXPECT_EQ(service.PickOne(To("2001:db8::1")), "CBA"[63 % 3]);
  EXPECT_EQ(BucketOf<8>(FoldOf("198.51.100.7")), 171u);
}

TEST(Dh, WeightZeroOrOverloadMeansNobody) {
  FakeService service = Make(Kind::kDh, {1, 1, 1});
  const char home = service.PickOne(To("192.0.2.1"));
  service.Edit(home, 0);
  EXPECT_EQ(service.PickOne(To("192.0.2.1")), '-');
  service.Edit(home, 1);
  service.SetOverloaded(home, true);
  EXPECT_EQ(service.PickOne(To("192.0.2.1")), '-');
  EXPECT_EQ(FakeService(Kind::kDh).PickOne(), '-');
}

TEST(Fo, TheHeaviestEligibleAndTheNewestOfEquals) {
  FakeService service = Make(Kind::kFo, {1, 7, 7, 3});
  EXPECT_EQ(service.PickAndHold(3), "CCC");
  service.SetOverloaded('C', true);
  EXPECT_EQ(service.PickOne(), 'B');
  service.Edit('B', 0);
  EXPECT_EQ(service.PickOne(), 'D');
  service.Delete('D');
  EXPECT_EQ(service.PickOne(), 'A');
  service.Delete('A');
  EXPECT_EQ(service.PickOne(), '-');
}

TEST(Ovf, FillsTheHeaviestToItsWeightAndOneMore) {
  FakeService service = Make(Kind::kOvf, {1, 3});
  EXPECT_EQ(service.PickAndHold(7), "BBBBAA-");
  service.SetActive('A', -1);
  EXPECT_EQ(service.PickOne(), 'A');
}

TEST(Ovf, SkipsWeightZeroAndOverloadedAndPrefersTheNewest) {
  FakeService service = Make(Kind::kOvf, {2, 2, 9});
  service.SetOverloaded('C', true);
  EXPECT_EQ(service.PickOne(), 'B');
  service.Edit('B', 0);
  EXPECT_EQ(service.PickOne(), 'A');
}

// Over UDP nothing is active: no real ever overflows.
TEST(Ovf, InactiveConnectionsDoNotCount) {
  FakeService service = Make(Kind::kOvf, {1, 3});
  service.SetInactive('B', 1000);
  EXPECT_EQ(service.Pick(2), "BB");
}

// The published first outputs of SplitMix64 with seed 0.
TEST(Random, IsSplitMix64) {
  uint64_t state = 0;
  EXPECT_EQ(NextRandom(&state), 0xe220a8397b1dcdafu);
  EXPECT_EQ(NextRandom(&state), 0x6e789e6aa1b965f4u);
  EXPECT_EQ(NextRandom(&state), 0x06c45d188009454fu);
}

// The rule written down a second time, as the specification says it: subtract weights in list
// order until nothing remains.
char ExpectedTwo(uint64_t* random, const std::map<char, std::array<uint64_t, 2>>& weight_overhead) {
  uint64_t sum = 0;
  for (const auto& [name, real] : weight_overhead) sum += real[0];
  std::array<char, 2> drawn{};
  for (char& choice : drawn) {
    auto left = static_cast<int64_t>(UniformUpTo(sum, random));
    for (auto it = weight_overhead.rbegin(); it != weight_overhead.rend(); ++it) {  // newest first
      left -= static_cast<int64_t>(it->second[0]);
      if (left > 0) continue;
      choice = it->first;
      break;
    }
  }
  const auto& first = weight_overhead.at(drawn[0]);
  const auto& second = weight_overhead.at(drawn[1]);
  return second[0] * first[1] > first[0] * second[1] ? drawn[1] : drawn[0];
}

TEST(Twos, DrawsTwiceAndTakesTheLessLoaded) {
  for (const uint64_t seed : {0u, 1u, 42u}) {
    FakeService service = Make(Kind::kTwos, {1, 4, 2, 0});
    service.SetSeed(seed);
    uint64_t random = seed;
    std::map<char, std::array<uint64_t, 2>> reals{{'A', {1, 0}}, {'B', {4, 0}}, {'C', {2, 0}}};
    for (int i = 0; i < 500; ++i) {
      const char expected = ExpectedTwo(&random, reals);
      ASSERT_EQ(service.PickAndHold(1), std::string(1, expected)) << "seed " << seed << ", " << i;
      reals.at(expected)[1] += 256;
    }
    EXPECT_EQ(service.state().random, random);
    // Seven hundred picks would even out; five hundred come near.
    EXPECT_NEAR(service.load('B').active, 500.0 * 4 / 7, 40);
  }
}

TEST(Twos, SkipsWeightZeroAndOverloaded) {
  FakeService service = Make(Kind::kTwos, {1, 1, 0});
  service.SetOverloaded('B', true);
  EXPECT_EQ(service.Pick(20), std::string(20, 'A'));
  service.SetOverloaded('A', true);
  EXPECT_EQ(service.Pick(2), "--");
}

TEST(Twos, AnEditDoesNotRewindTheRandomSource) {
  FakeService service = Make(Kind::kTwos, {1, 1});
  service.SetSeed(5);
  service.Pick(3);
  const uint64_t before = service.state().random;
  service.Edit('A', 2);
  EXPECT_EQ(service.state().random, before);
  service.Bind(Kind::kWrr);
  service.Pick(9);
  EXPECT_EQ(service.state().random, before);
}

TEST(None, NeverChooses) { EXPECT_EQ(Make(Kind::kNone, {1, 2}).Pick(2), "--"); }

}  // namespace
}  // namespace fairlead::sched::choice_test
