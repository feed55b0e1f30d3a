// Snapshots of small configurations, built one after another as a director does.
//
//   class MyTest : public SnapshotBuilderTest {};
//   down_ = {Ip("10.0.0.12")};
//   const auto s = Build(ModelOf(WebOf(kThree)));
//   EXPECT_EQ(AddressesOf(*s, Web(*s)), "10.0.0.13=1 10.0.0.12=0 10.0.0.11=3 ");
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "control/snapshot_builder.h"
#include "director_fixture.h"

namespace fairlead::control {

class SnapshotBuilderTest : public testing::Test {
 protected:
  std::unique_ptr<dataplane::Snapshot> Build(const ConfigModel& model) {
    const InternNeighbour intern = [this](PortId port, const IpAddress& address) {
      return fabric_.neighbours.Intern(port, address);
    };
    const HealthOf health = [this](const ServiceConfig& service, const RealConfig& real) {
      RealHealth found{.state = HealthState::kUp};
      if (const auto said = said_.find(real.address); said != said_.end()) found = said->second;
      if (down_.contains(real.address)) found.state = HealthState::kDown;
      if (!service.health.empty()) found.on_fail = service.health[0].on_fail;
      return found;
    };
    const Result<IdPlan> plan = PlanIds(model, ids_);
    if (!plan) {
      ADD_FAILURE() << plan.error().ToString();
      return nullptr;
    }
    ++generation_;
    GiveOut(*plan, fabric_.stats, At(std::chrono::seconds(generation_)), &ids_);
    return builder_.Build({.model = model,
                           .ports = ports_,
                           .overlay = overlay_,
                           .health = health,
                           .intern_neighbour = intern,
                           .generation = generation_,
                           .is_by_hand = is_by_hand_,
                           .path_mtus = &path_mtus_,
                           .before = before_},
                          PlannedIds(ids_, *plan));
  }
  static std::string AddressesOf(const dataplane::Snapshot& s, const dataplane::ServiceView& v) {
    std::string text;
    for (const auto& real : v.plan.reals()) {
      text += s.reals[real.id.index()].address.ToString() + "=" + std::to_string(real.weight) + " ";
    }
    return text;
  }
  static const dataplane::ServiceView& Web(const dataplane::Snapshot& s) {
    return s.services[s.FindService(0, {Ip("192.0.2.80"), Be16::FromHost(80), 6}).index()];
  }
  const dataplane::RealView& Real(const dataplane::Snapshot& s, const char* address) {
    for (const auto& real : s.reals) {
      if (!real.service.is_none() && real.address == Ip(address)) return real;
    }
    ADD_FAILURE() << "no real " << address;
    return s.reals[0];
  }

  dataplane::Fabric fabric_{SmallFabric()};
  IdMap ids_{64};
  SnapshotBuilder builder_;
  std::vector<PortRuntime> ports_ = TwoPorts();
  Overlay overlay_;
  PathMtus path_mtus_;  // what routers have said
  bool is_by_hand_ = false;
  std::set<IpAddress> down_;
  std::map<IpAddress, RealHealth> said_;  // by checks, of those that are not merely up
  uint64_t generation_ = 0;
  const dataplane::Snapshot* before_ = nullptr;  // what of it is as it was is taken over
};

inline std::string WebOf(const std::string& reals, const std::string& more = "") {
  return "services:\n  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, " + more +
         " reals: [" + reals + "] }\n";
}
inline constexpr const char* kThree =
    "{ address: 10.0.0.11, weight: 3 }, { address: 10.0.0.12, weight: 2 }, "
    "{ address: 10.0.0.13 }";

}  // namespace fairlead::control
