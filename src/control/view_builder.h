// What the API thread is shown: model, ids, checkers and the snapshot in use, joined.
//
//   ViewBuilder builder;
//   ControlView view = builder.Build({.model = model, …});
//
// Fills services, rules, groups and ports; who runs the reloads fills the rest. Reals stand in list
// order, as in IPVS: newest first, then ghosts.
//
// The next view shares with the last one the services that nothing has happened to. What changes
// without an event (rates, what a check has last seen) is brought up to date with every view while
// that is little work, else kWorkAtOnce at a time, in turn, when the caller says it is time: a
// change must not wait for 100,000 names or 10,000 checks to be written. Threads: the control core.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "control/config/model.h"
#include "control/drain.h"
#include "control/health/monitor.h"
#include "control/health/quorum.h"
#include "control/id_map.h"
#include "control/kernel_network.h"
#include "control/multicast_groups.h"
#include "control/overlay.h"
#include "control/port_runtime.h"
#include "control/time_point.h"
#include "control/traffic_ledger.h"
#include "control/view.h"
#include "dataplane/snapshot/snapshot.h"

namespace fairlead::control {

struct ViewInput {
  const ConfigModel& model;
  std::span<const PortRuntime> ports;
  const IdMap& ids;
  const HealthMonitor& health;
  const QuorumBook& quorums;
  const dataplane::Snapshot& snapshot;  // built from these
  const Overlay& overlay;
  TimePoint now;
  const DrainBook* drains = nullptr;        // null: no counts
  const TrafficLedger* ledger = nullptr;    // follows `ids`; null: no zeroes, no rates
  const MulticastGroups* groups = nullptr;  // null: none is joined
  const PortLinks* links = nullptr;         // null: all are up
  const KernelNetwork* kernel = nullptr;    // null: nothing is known of the twins
  bool is_time = true;                      // for the next services in turn
};

class ViewBuilder {
 public:
  static constexpr size_t kWorkOfService = 4;  // that of a check is 1
  static constexpr size_t kWorkAtOnce = 256 * kWorkOfService;

  ControlView Build(const ViewInput& input);
  // The next view shows every service anew.
  void ForgetServices() { shown_.clear(); }
  // How many views it takes to show each service of the last one anew.
  [[nodiscard]] size_t rounds() const { return 1 + work_ / (kWorkAtOnce + 1); }

 private:
  struct Shown {
    std::shared_ptr<const ServiceConfig> config;
    std::shared_ptr<const ServiceInfo> info;
  };

  void AddServices(const ViewInput& input, ControlView* view);
  void AddRoutes(const ViewInput& input, ControlView* view);
  // Services that the snapshot, a drain or the id map may have made look different.
  [[nodiscard]] std::vector<bool> ChangedServices(const ViewInput& input) const;

  std::vector<Shown> shown_;       // [ServiceId]
  std::vector<ServiceId> places_;  // of configs_; none: not known
  SharedList<ServiceInfo> services_;
  SharedList<ServiceConfig> configs_;  // of which these are
  uint64_t generation_ = 0;            // likewise
  uint64_t revision_ = 0;              // of the ids
  size_t work_ = 0;                    // of all services
  size_t next_in_turn_ = 0;            // place in the model
  std::vector<ClassifierRule> rules_;
  SharedVector<ClassifierRuleInfo> rule_infos_;
  std::shared_ptr<const std::vector<RouteInfo>> routes_;
  uint64_t routes_generation_ = 0;  // of which these are
};

}  // namespace fairlead::control
