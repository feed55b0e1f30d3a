#include "control/id_map.h"

#include "director_fixture.h"

namespace fairlead::control::id_map_test {
namespace {

using namespace std::chrono_literals;

class IdMapTest : public testing::Test {
 protected:
  // One pass that names these reals of one service.
  std::vector<RealId> Pass(const std::vector<const char*>& addresses, TimePoint now) {
    service_ = ids_.BeginService(kShop);
    std::vector<RealId> result;
    for (const char* address : addresses) {
      result.push_back(ids_.InternReal(service_, {Ip(address), 80}, fabric_.stats));
    }
    ids_.EndService(service_, now);
    return result;
  }
  size_t Collect(TimePoint now) { return ids_.Collect(now, fabric_.loads, fabric_.stats); }

  inline static const ServiceIdentity kShop{.protocol = 6, .address = Ip("192.0.2.80"), .port = 80};
  dataplane::Fabric fabric_{SmallFabric(2)};
  IdMap ids_{4};
  ServiceId service_;
};

TEST_F(IdMapTest, IdsAreStableWhateverTheOrder) {
  const auto first = Pass({"10.0.0.1", "10.0.0.2"}, At(0s));
  const auto again = Pass({"10.0.0.2", "10.0.0.1"}, At(1s));
  EXPECT_EQ(first[0], again[1]);
  EXPECT_EQ(first[1], again[0]);
  EXPECT_NE(first[0], first[1]);
}

TEST_F(IdMapTest, RemovedRealIsGhostAndIsRevivedUnderItsId) {
  const auto first = Pass({"10.0.0.1", "10.0.0.2"}, At(0s));
  Pass({"10.0.0.1"}, At(1s));
  EXPECT_TRUE(ids_.reals()[first[1].index()].is_ghost);
  const auto again = Pass({"10.0.0.1", "10.0.0.2"}, At(2s));
  EXPECT_EQ(again[1], first[1]);
  EXPECT_FALSE(ids_.reals()[first[1].index()].is_ghost);
}

TEST_F(IdMapTest, GhostIsFreedAfterTwoIdleMinutesWithoutReferences) {
  const RealId gone = Pass({"10.0.0.1", "10.0.0.2"}, At(0s))[1];
  Pass({"10.0.0.1"}, At(0s));
  EXPECT_EQ(Collect(At(119s)), 0u);
  EXPECT_EQ(Collect(At(120s)), 1u);
  EXPECT_TRUE(ids_.reals()[gone.index()].service.is_none());
  EXPECT_EQ(Pass({"10.0.0.1", "10.0.0.3"}, At(121s))[1], gone);  // used again
}

TEST_F(IdMapTest, ReclaimTakesIdleGhostsAtOnceAndNoOthers) {
  const auto first = Pass({"10.0.0.1", "10.0.0.2", "10.0.0.3"}, At(0s));
  Pass({"10.0.0.1"}, At(0s));
  fabric_.loads.AddTemplates(WorkerId{1}, first[1], 1);
  EXPECT_EQ(ids_.Reclaim(fabric_.loads, fabric_.stats), 1u);
  EXPECT_EQ(ids_.Reclaim(fabric_.loads, fabric_.stats), 0u);
  EXPECT_TRUE(ids_.reals()[first[2].index()].service.is_none());
  EXPECT_TRUE(ids_.reals()[first[1].index()].is_ghost);
}

TEST_F(IdMapTest, EveryKindOfReferenceOnAnyWorkerKeepsAGhost) {
  const RealId gone = Pass({"10.0.0.1", "10.0.0.2"}, At(0s))[1];
  Pass({"10.0.0.1"}, At(0s));
  auto& loads = fabric_.loads;
  const WorkerId second{1};
  loads.AddActive(second, gone, 1);
  EXPECT_EQ(Collect(At(300s)), 0u);
  loads.AddActive(second, gone, -1);
  loads.AddInactive(second, gone, 1);
  EXPECT_EQ(Collect(At(600s)), 0u);
  loads.AddInactive(second, gone, -1);
  loads.AddTemplates(second, gone, 1);
  EXPECT_EQ(Collect(At(900s)), 0u);
  loads.AddTemplates(second, gone, -1);
  EXPECT_EQ(Collect(At(1019s)), 0u);  // idle since the look at 900 s
  EXPECT_EQ(Collect(At(1020s)), 1u);
}

TEST_F(IdMapTest, TrafficOfFreedRealsStaysWithTheServiceAndANewUserStartsAtZero) {
  const RealId gone = Pass({"10.0.0.1", "10.0.0.2"}, At(0s))[1];
  fabric_.stats.traffic(WorkerId{0}, gone).connections.Add(5);
  fabric_.stats.traffic(WorkerId{1}, gone).connections.Add(2);
  Pass({"10.0.0.1"}, At(0s));
  Collect(At(120s));
  EXPECT_EQ(ids_.services()[service_.index()].retired.connections, 7u);
  const RealId user = Pass({"10.0.0.1", "10.0.0.3"}, At(121s))[1];
  ASSERT_EQ(user, gone);
  EXPECT_EQ(ids_.reals()[user.index()].baseline.connections, 7u);
}

TEST_F(IdMapTest, ServiceLivesWhileItHasGhosts) {
  Pass({"10.0.0.1"}, At(0s));
  ids_.RemoveService(service_, At(1s));
  Collect(At(2s));
  EXPECT_FALSE(ids_.FindService(kShop).is_none());
  Collect(At(200s));
  EXPECT_TRUE(ids_.FindService(kShop).is_none());
}

// What only messages name is a ghost from the start, and itself once a configuration names it.
TEST_F(IdMapTest, AnUnknownRealIsAGhostUntilItIsConfigured) {
  const auto add = [this] {
    return ids_.AddUnknown(kShop, {Ip("10.0.0.1"), 80}, ForwardMethod::kDr, fabric_.stats, At(0s));
  };
  const RealId told = add();
  EXPECT_EQ(add(), told);
  EXPECT_EQ(ids_.unknown_count(), 1u);
  EXPECT_TRUE(ids_.reals()[told.index()].is_ghost);
  EXPECT_EQ(ids_.reals()[told.index()].told_method, ForwardMethod::kDr);
  EXPECT_FALSE(ids_.services()[ids_.FindService(kShop).index()].is_configured);
  const uint64_t revision = ids_.revision();
  EXPECT_EQ(Pass({"10.0.0.1"}, At(1s))[0], told);
  EXPECT_GT(ids_.revision(), revision);
  EXPECT_FALSE(ids_.reals()[told.index()].told_method);
  EXPECT_EQ(ids_.unknown_count(), 0u);
  Pass({}, At(2s));
  EXPECT_TRUE(ids_.reals()[told.index()].is_ghost);
  EXPECT_FALSE(ids_.reals()[told.index()].told_method) << "removed, as any other";
}

TEST_F(IdMapTest, AnUnknownRealThatMessagesOnTheirWayNameIsNotFreed) {
  const RealId told =
      ids_.AddUnknown(kShop, {Ip("10.0.0.1"), 80}, ForwardMethod::kNat, fabric_.stats, At(0s));
  EXPECT_EQ(Collect(At(300s)), 0u);
  EXPECT_EQ(ids_.Reclaim(fabric_.loads, fabric_.stats), 0u);
  ids_.ReleaseHeld();
  EXPECT_EQ(Collect(At(301s)), 1u);
  EXPECT_EQ(ids_.unknown_count(), 0u);
  EXPECT_TRUE(ids_.FindService(kShop).is_none());
  EXPECT_EQ(Pass({"10.0.0.9"}, At(302s))[0], told);  // used again
}

TEST_F(IdMapTest, AnUnknownRealTakesNoIdThatIsNotThere) {
  Pass({"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"}, At(0s));
  const ServiceIdentity other{.protocol = 6, .address = Ip("192.0.2.81"), .port = 80};
  EXPECT_TRUE(
      ids_.AddUnknown(other, {Ip("10.0.0.1"), 80}, ForwardMethod::kNat, fabric_.stats, At(0s))
          .is_none());
  EXPECT_TRUE(ids_.FindService(other).is_none());
}

TEST_F(IdMapTest, ThereAreNoMoreUnknownRealsThanSoMany) {
  dataplane::FabricConfig config = SmallFabric();
  config.reals = 2048;
  const dataplane::Fabric fabric{config};
  IdMap ids{2048};
  const auto add = [&](size_t i) {
    return ids.AddUnknown(kShop, {Ip("10.0.0.1"), static_cast<uint16_t>(i + 1)},
                          ForwardMethod::kNat, fabric.stats, At(0s));
  };
  for (size_t i = 0; i < kMostUnknown; ++i) ASSERT_FALSE(add(i).is_none());
  EXPECT_TRUE(add(kMostUnknown).is_none());
  EXPECT_FALSE(add(0).is_none()) << "it is one of them";
}

TEST_F(IdMapTest, AnUnknownRealIsOneAfterARestart) {
  const RealId told =
      ids_.AddUnknown(kShop, {Ip("10.0.0.1"), 80}, ForwardMethod::kTun, fabric_.stats, At(0s));
  IdMap next{4};
  next.Restore(ids_.Names(), At(9s), fabric_.stats);
  EXPECT_EQ(next.unknown_count(), 1u);
  EXPECT_EQ(next.reals()[told.index()].told_method, ForwardMethod::kTun);
}

TEST_F(IdMapTest, FullMapSaysSo) {
  const auto ids = Pass({"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"}, At(0s));
  EXPECT_FALSE(ids[3].is_none());
  EXPECT_TRUE(ids[4].is_none());
}

}  // namespace
}  // namespace fairlead::control::id_map_test
