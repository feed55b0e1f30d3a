// What checks and the quorum make of weights: those that schedulers see.
#include "snapshot_builder_fixture.h"

namespace fairlead::control::snapshot_weights_test {
namespace {

using SnapshotWeights = SnapshotBuilderTest;

// The three weigh 3, 2 and 1.
TEST_F(SnapshotWeights, WithoutAQuorumTheFallbackTakesOver) {
  const std::string yaml =
      WebOf(kThree, "health: { type: tcp }, quorum: 4, fallback: { address: 10.0.0.99 },");
  down_ = {Ip("10.0.0.11")};
  const auto s = Build(ModelOf(yaml));
  EXPECT_EQ(AddressesOf(*s, Web(*s)), "10.0.0.99=1 10.0.0.13=0 10.0.0.12=0 10.0.0.11=0 ");
  // Those that live keep their connections and lose their clients.
  EXPECT_EQ(Real(*s, "10.0.0.12").remains, dataplane::Remains::kServe);
  EXPECT_FALSE(Real(*s, "10.0.0.12").templates_valid);
  down_.clear();
  const auto back = Build(ModelOf(yaml));
  EXPECT_EQ(AddressesOf(*back, Web(*back)), "10.0.0.13=1 10.0.0.12=2 10.0.0.11=3 ");
}

TEST_F(SnapshotWeights, WithoutAQuorumAndAFallbackWhatLivesGoesOn) {
  down_ = {Ip("10.0.0.11")};
  const auto s = Build(ModelOf(WebOf(kThree, "health: { type: tcp }, quorum: 4,")));
  EXPECT_EQ(AddressesOf(*s, Web(*s)), "10.0.0.13=1 10.0.0.12=2 10.0.0.11=0 ");
}

TEST_F(SnapshotWeights, PartsOfAWeightShowWhereAllWeightsAreSmall) {
  said_ = {{Ip("10.0.0.12"), {.percent = 25}}, {Ip("10.0.0.13"), {.warmth = 5}}};
  const auto s = Build(ModelOf(WebOf(kThree, "scheduler: wlc,")));
  EXPECT_EQ(AddressesOf(*s, Web(*s)), "10.0.0.13=5 10.0.0.12=50 10.0.0.11=300 ");
  EXPECT_EQ(Real(*s, "10.0.0.12").weight, 1);
  // A hash must not move its clients for that.
  const auto hashed = Build(ModelOf(WebOf(kThree, "scheduler: mh,")));
  EXPECT_EQ(AddressesOf(*hashed, Web(*hashed)), "10.0.0.13=1 10.0.0.12=1 10.0.0.11=3 ");
}

TEST_F(SnapshotWeights, AWeightThatACheckAsksForHoldsUnlessTheOperatorSaysNone) {
  said_ = {{Ip("10.0.0.11"), {.weight = 9}}, {Ip("10.0.0.12"), {.weight = 0}}};
  auto s = Build(ModelOf(WebOf("{ address: 10.0.0.11 }, { address: 10.0.0.12 }")));
  EXPECT_EQ(AddressesOf(*s, Web(*s)), "10.0.0.12=0 10.0.0.11=9 ");
  EXPECT_TRUE(Real(*s, "10.0.0.12").templates_valid);
  s = Build(ModelOf(WebOf("{ address: 10.0.0.11, weight: 0 }, { address: 10.0.0.12 }")));
  EXPECT_EQ(AddressesOf(*s, Web(*s)), "10.0.0.12=0 10.0.0.11=0 ");
}

}  // namespace
}  // namespace fairlead::control::snapshot_weights_test
