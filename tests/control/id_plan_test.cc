#include "control/id_plan.h"

#include <algorithm>

#include "control/snapshot_builder.h"
#include "director_fixture.h"

namespace fairlead::control::id_plan_test {
namespace {

using namespace std::chrono_literals;

std::string WebOf(const std::string& reals) {
  return "services:\n  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, reals: [" +
         reals + "] }\n";
}

class IdPlanTest : public testing::Test {
 protected:
  void Take(const std::string& yaml, TimePoint now = At(0s)) {
    const Result<IdPlan> plan = PlanIds(ModelOf(yaml), ids_);
    ASSERT_TRUE(plan) << plan.error().ToString();
    GiveOut(*plan, fabric_.stats, now, &ids_);
  }
  // All there is to see of the map: "web 0: 0=10.0.0.11:80 1=10.0.0.12:80 (ghost) ".
  std::string TextOf() const {
    std::string text;
    for (size_t i = 0; i < ids_.services().size(); ++i) {
      const IdMap::Service& service = ids_.services()[i];
      text += service.key.address.ToString() + (service.is_configured ? "" : " removed") + ":";
      std::vector<RealId> reals = service.reals;
      std::ranges::sort(reals);
      for (const RealId id : reals) {
        const IdMap::Real& real = ids_.reals()[id.index()];
        text += " " + std::to_string(id.value()) + "=" + real.key.address.ToString();
        text += real.is_ghost ? "†" : "";
      }
      text += "\n";
    }
    return text + std::to_string(ids_.revision());
  }

  dataplane::Fabric fabric_{SmallFabric()};
  IdMap ids_{4};
};

TEST_F(IdPlanTest, ASnapshotIsBuiltOfIdsThatNobodyHasBeenGiven) {
  Take(WebOf("{ address: 10.0.0.11 }, { address: 10.0.0.12 }"));
  const std::string before = TextOf();
  const IdMap& ids = ids_;
  const ConfigModel next = ModelOf(
      WebOf("{ address: 10.0.0.12 }, { address: 10.0.0.13 }") +
      "  - { address: 192.0.2.81, protocol: udp, port: 53, reals: [{ address: 10.0.0.11 }] }\n");
  const Result<IdPlan> plan = PlanIds(next, ids);
  ASSERT_TRUE(plan);
  const std::vector<PortRuntime> ports = TwoPorts();
  const Overlay overlay;
  const HealthOf health = [](const auto&, const auto&) { return RealHealth{}; };
  const InternNeighbour find = [this](PortId port, const IpAddress& address) {
    return fabric_.neighbours.Find(port, address);
  };
  const PlannedIds planned(ids, *plan);
  const auto snapshot = SnapshotBuilder().Build({.model = next,
                                                 .ports = ports,
                                                 .overlay = overlay,
                                                 .health = health,
                                                 .intern_neighbour = find},
                                                planned);
  EXPECT_EQ(TextOf(), before);
  EXPECT_EQ(snapshot->reals[1].address, Ip("10.0.0.12"));
  EXPECT_EQ(snapshot->reals[2].address, Ip("10.0.0.13"));
  EXPECT_EQ(snapshot->reals[3].address, Ip("10.0.0.11"));
  EXPECT_EQ(snapshot->reals[3].service, ServiceId{1});
  EXPECT_EQ(planned.ghosts(), std::set<RealId>{RealId{0}});

  GiveOut(*plan, fabric_.stats, At(1s), &ids_);
  EXPECT_EQ(ids_.FindReal(ServiceId{0}, {Ip("10.0.0.13"), 80}), RealId{2});
  EXPECT_EQ(ids_.FindReal(ServiceId{1}, {Ip("10.0.0.11"), 53}), RealId{3});
  EXPECT_EQ(ids_.ghosts(), planned.ghosts());
}

TEST_F(IdPlanTest, ARefusedModelIsGivenNothing) {
  Take(WebOf("{ address: 10.0.0.11 }"));
  const std::string before = TextOf();
  const Result<IdPlan> plan = PlanIds(
      ModelOf("services:\n  - { mark: 1, reals: [{ address: 10.0.0.20 }] }\n" +
              WebOf("{ address: 10.0.0.12 }, { address: 10.0.0.13 }, { address: 10.0.0.14 }")
                  .substr(10)),
      ids_);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(plan.error().place, "service web");
  EXPECT_EQ(TextOf(), before);
}

TEST_F(IdPlanTest, IdsComeBackInTheOrderInWhichTheMapGivesThem) {
  Take(WebOf("{ address: 10.0.0.11 }, { address: 10.0.0.12 }, { address: 10.0.0.13 }"));
  Take(WebOf("{ address: 10.0.0.12 }"), At(0s));
  ASSERT_EQ(ids_.Collect(At(121s), fabric_.loads, fabric_.stats), 2u);
  const ConfigModel next =
      ModelOf(WebOf("{ address: 10.0.0.12 }, { address: 10.0.0.14 }, { address: 10.0.0.15 }, "
                    "{ address: 10.0.0.16 }"));
  const Result<IdPlan> plan = PlanIds(next, ids_);
  ASSERT_TRUE(plan);
  const PlannedIds planned(ids_, *plan);
  std::vector<RealId> wanted;
  for (const RealConfig& real : next.services[0].reals) {
    wanted.push_back(planned.FindReal(ServiceId{0}, {real.address, real.port}));
  }
  GiveOut(*plan, fabric_.stats, At(122s), &ids_);
  for (size_t i = 0; i < wanted.size(); ++i) {
    const RealConfig& real = next.services[0].reals[i];
    EXPECT_EQ(ids_.FindReal(ServiceId{0}, {real.address, real.port}), wanted[i]) << i;
    EXPECT_EQ(planned.IsFresh(wanted[i]), i != 0);
  }
}

// What has not been edited is known by its place or by being the same object, and not named again.
TEST_F(IdPlanTest, OnlyWhatIsAnotherObjectIsNamed) {
  ConfigModel model =
      ModelOf("services:\n  - { mark: 1 }\n  - { mark: 2, reals: [{ address: 10.0.0.11 }] }\n");
  const auto named = [&] {
    const Result<IdPlan> plan = PlanIds(model, ids_);
    GiveOut(*plan, fabric_.stats, At(0s), &ids_);
    return plan->named.size();
  };
  EXPECT_EQ(named(), 2u);
  EXPECT_EQ(named(), 0u);
  model.services.Edit(1).reals[0].weight = 7;
  EXPECT_EQ(named(), 1u);
  model.services.Remove(0);
  const Result<IdPlan> plan = PlanIds(model, ids_);
  EXPECT_EQ(plan->named.size(), 0u) << "it has moved to another place";
  EXPECT_EQ(plan->removed, std::vector{ServiceId{0}});
}

// As when memory has run out in the middle of it.
TEST_F(IdPlanTest, WhatWasBegunAndNotEndedIsNamedAgain) {
  const ConfigModel model = ModelOf(WebOf("{ address: 10.0.0.11 }"));
  const auto take = [&](TimePoint now) {
    const Result<IdPlan> plan = PlanIds(model, ids_);
    GiveOut(*plan, fabric_.stats, now, &ids_);
  };
  take(At(0s));
  const ServiceId web = ids_.BeginService(KeyOf(model.services[0]));
  const RealId stray = ids_.InternReal(web, {Ip("10.0.0.12"), 80}, fabric_.stats);
  EXPECT_FALSE(ids_.reals()[stray.index()].is_ghost);
  take(At(1s));
  EXPECT_TRUE(ids_.reals()[stray.index()].is_ghost);
  EXPECT_EQ(ids_.ghosts().size(), 1u);
}

}  // namespace
}  // namespace fairlead::control::id_plan_test
