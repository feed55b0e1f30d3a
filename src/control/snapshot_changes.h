// What of the last snapshot can be taken over, and what has to be made anew.
//
//   const SnapshotChanges::Scope scope = changes.Since(input, surroundings, places, other_lists);
//   if (scope.is_copy) …a copy of input.before, in which scope.services are made anew…
//   changes.NoteService(id, item);             // as it is built
//   changes.NoteBuilt(input, surroundings);    // at the end
//
// A service is made anew when its configuration is another object (model.h), when its overlay or
// health has changed, or when it lacks something. Ports, routes and the policy of the director
// concern all of them. Threads: the control core.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "base/ids.h"
#include "control/config/model.h"
#include "control/health/health_state.h"
#include "control/health/quorum.h"
#include "control/identity.h"
#include "control/network_view.h"
#include "control/overlay.h"
#include "control/path_mtus.h"
#include "control/port_links.h"
#include "control/port_runtime.h"
#include "control/presence.h"
#include "dataplane/snapshot/snapshot.h"

namespace fairlead::control {

using HealthOf = std::function<RealHealth(const ServiceConfig&, const RealConfig&)>;
// Whether the service has its quorum (health/quorum.h).
using QuorumOf = std::function<bool(const ServiceConfig&, const LivingWeight&)>;

struct BuildInput {
  const ConfigModel& model;
  std::span<const PortRuntime> ports;
  const Overlay& overlay;
  const HealthOf& health;
  const InternNeighbour& intern_neighbour;
  uint64_t generation = 1;
  // The model differs from the file by changes at run time: what is gone was removed by hand.
  bool is_by_hand = false;
  const PathMtus* path_mtus = nullptr;    // none: paths are as wide as their first link
  const PortLinks* links = nullptr;       // none: all are up
  const KernelNetwork* kernel = nullptr;  // none: twins have what the model names
  // What this builder built last, null: everything is made anew. With it come the services whose
  // reals have other health than then; all else is compared here.
  const dataplane::Snapshot* before = nullptr;
  std::set<ServiceIdentity> health_changed{};
  Presence presence{};
  QuorumOf quorum{};  // empty: by the weights alone, as if it had been there
};

// What services are built from besides themselves.
struct Surroundings {
  PolicyConfig policy;
  std::vector<PortConfig> ports;
  PortAddresses addresses;  // of these, and of their kernel twins
  std::vector<RouteConfig> routes;
  uint64_t kernel_routes = 0;  // their revision
  std::vector<NeighbourId> gateways;
  std::vector<bool> links;  // up or not, by PortId; empty: all are
  friend bool operator==(const Surroundings&, const Surroundings&) = default;
};

class SnapshotChanges {
 public:
  using ServiceItem = SharedList<ServiceConfig>::Item;

  struct Scope {
    bool is_copy = false;  // false: everything is made anew
    // Rules and source NAT name virtual addresses, and presence says which are announced; true when
    // all is made anew.
    bool has_other_addresses = false;
    std::vector<size_t> services{};    // their places in the model
    std::vector<ServiceId> removed{};  // the model has them no more
  };

  // `places`: the ids of the model's services. `has_other_lists`: prefix sets or client groups
  // differ from last time.
  [[nodiscard]] Scope Since(const BuildInput& input, const Surroundings& now,
                            std::span<const ServiceId> places, bool has_other_lists) const;

  // The configuration that the service was built from; null: it is gone.
  [[nodiscard]] const ServiceItem& config(ServiceId id) const;
  void NoteService(ServiceId id, ServiceItem config);
  void NoteRemoved(ServiceId id) { services_[id.index()] = {}; }
  // A next hop of the service found no room among the neighbours: it is to be tried again.
  void NoteLackOfNeighbour(ServiceId id) { services_[id.index()].lacks_neighbour = true; }
  void NoteBuilt(const BuildInput& input, Surroundings surroundings);
  // The next scope is all.
  void Forget() { generation_ = 0; }

 private:
  struct Service {  // as it was last built
    ServiceItem config;
    bool lacks_neighbour = false;
  };

  [[nodiscard]] bool IsUnchanged(ServiceId id, const ServiceItem& item, bool has_other_lists) const;

  std::vector<Service> services_;  // [ServiceId]
  Surroundings surroundings_;
  std::vector<ClassifierRule> rules_;
  std::vector<SnatConfig> snat_;
  Overlay overlay_;
  Presence presence_;
  uint64_t generation_ = 0;  // of the last snapshot; 0: there is none to go by
};

}  // namespace fairlead::control
