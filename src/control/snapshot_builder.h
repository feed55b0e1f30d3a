// From what the operator wants and what the checkers know to what workers read.
//
//   SnapshotBuilder builder(fabric, &ids);
//   auto next = builder.Build({.model = model, .ports = runtimes, .overlay = overlay,
//                              .health = …, .intern_neighbour = …, .generation = 8}, now);
//   if (!next) …what runs is untouched: next.error()…
//   fabric.publisher.Publish(std::move(*next));
//
// With the snapshot built last at hand, the next one is a copy of it in which only what differs is
// made anew: services whose configuration is another (a pointer, model.h), whose overlay or health
// has changed, or that lack something. The result is the same as without.
//
// List order: as if the reals had been added in file order, so the last one is the head; a fallback
// in use is newer than all. It is derived from the file every time, hence the same after a reload
// as after a restart. A plan whose reals have not changed is taken over with its edit count, so
// that workers keep the state of its scheduler.
// Threads: the control core.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/result.h"
#include "control/config/model.h"
#include "control/id_map.h"
#include "control/network_view.h"
#include "control/overlay.h"
#include "control/path_mtus.h"
#include "control/persistence_builder.h"
#include "control/port_runtime.h"
#include "control/real_state.h"
#include "control/rules.h"
#include "control/time_point.h"
#include "control/virtual_ranges.h"
#include "dataplane/shard/fabric.h"
#include "dataplane/snapshot/snapshot.h"

namespace fairlead::control {

using HealthOf = std::function<HealthState(const ServiceConfig&, const RealConfig&)>;

struct BuildInput {
  const ConfigModel& model;
  std::span<const PortRuntime> ports;
  const Overlay& overlay;
  const HealthOf& health;
  const InternNeighbour& intern_neighbour;
  uint64_t generation = 1;
  // The model differs from the file by changes at run time: what is gone was removed by hand.
  bool is_by_hand = false;
  const PathMtus* path_mtus = nullptr;  // none: paths are as wide as their first link
  // What this builder built last, null: everything is made anew. With it come the services whose
  // reals have other health than then; all else is compared here.
  const dataplane::Snapshot* before = nullptr;
  std::set<ServiceIdentity> health_changed{};
};

class SnapshotBuilder {
 public:
  SnapshotBuilder(dataplane::Fabric& fabric, IdMap* ids) : fabric_(fabric), ids_(*ids) {}

  // Whether there are ids for all reals of the model.
  [[nodiscard]] Status CheckRoom(const ConfigModel& model) const;
  // Fails as CheckRoom does, and then nothing has changed, here or in the ids.
  Result<std::unique_ptr<dataplane::Snapshot>> Build(const BuildInput& input, TimePoint now);
  // After a Build that has thrown: the next one makes everything anew.
  void Forget() { last_generation_ = 0; }
  // Whether the last Build made local addresses that may differ from those before.
  [[nodiscard]] bool has_new_addresses() const { return has_new_addresses_; }

 private:
  // What a service's plan was last built from.
  struct PlanMemory {
    sched::Kind kind = sched::Kind::kRr;
    sched::Flags flags;
    std::vector<sched::RealInput> reals;
    uint32_t overlay_edits = 0;
    sched::Plan plan;
  };

  // What a service was last built from, by ServiceId.
  struct ServiceMemory {
    std::shared_ptr<const ServiceConfig> config;  // null: it is gone
    std::optional<OnRemove> on_remove;            // outlives it, for its ghosts
    std::optional<PlanMemory> plan;
    uint64_t seen = 0;             // newest generation whose model has it
    bool has_lists = false;        // of persistence: prefix sets or client groups
    bool lacks_neighbour = false;  // a next hop found no room: to be tried again
  };
  struct LastView {  // what a ghost keeps
    dataplane::RealView view;
    bool is_draining = false;               // when it was last configured
    bool is_drain_over = false;             // likewise
    std::optional<bool> removed_by_hand{};  // none: it is no ghost yet
  };
  // What services are built from besides themselves.
  struct Surroundings {
    PolicyConfig policy;
    std::vector<PortConfig> ports;
    std::vector<RouteConfig> routes;
    std::vector<NeighbourId> gateways;
    friend bool operator==(const Surroundings&, const Surroundings&) = default;
  };

  using ServiceItem = SharedList<ServiceConfig>::Item;

  // The id of the service at this place of the model, if it is the object that stood there last
  // time: a reload of one change must not look 10,000 others up. None: ask the map.
  [[nodiscard]] ServiceId KnownAt(size_t place, const ServiceItem& item) const;
  std::unique_ptr<dataplane::Snapshot> Begin(const BuildInput& input);
  void AddServices(const BuildInput& input, TimePoint now, dataplane::Snapshot* snapshot);
  ServiceId AddService(const BuildInput& input, const ServiceItem& item, TimePoint now,
                       dataplane::Snapshot* snapshot);
  void RemoveService(ServiceId id, TimePoint now, dataplane::Snapshot* snapshot);
  void AddReals(const BuildInput& input, const ServiceConfig& config, ServiceId service,
                dataplane::Snapshot* snapshot);
  RealId AddReal(const BuildInput& input, const RealConfig& config, ServiceId service,
                 const RealState& state, dataplane::Snapshot* snapshot);
  void UpdatePlan(const ServiceConfig& config, ServiceId service,
                  std::vector<sched::RealInput> newest_first, uint32_t overlay_edits);
  void AddGhosts(const BuildInput& input, dataplane::Snapshot* snapshot);
  dataplane::RealView GhostOf(const BuildInput& input, RealId id,
                              const dataplane::Snapshot& snapshot);
  void FillFreeServices(dataplane::Snapshot* snapshot);
  void IndexGroups(dataplane::Snapshot* snapshot) const;
  void IndexReplies(dataplane::Snapshot* snapshot) const;
  static void LimitToPaths(const BuildInput& input, dataplane::Snapshot* snapshot);

  dataplane::Fabric& fabric_;
  IdMap& ids_;
  PersistenceBuilder persistence_;
  ClassifierBuilder classifiers_;
  VirtualRanges ranges_;
  std::vector<ServiceMemory> services_;  // [ServiceId]
  std::vector<ServiceId> places_;        // of the last model
  std::vector<LastView> last_views_;     // [RealId]
  std::set<RealId> ghosts_;              // of the last snapshot
  Surroundings surroundings_;
  std::vector<ClassifierRule> rules_;  // which name virtual addresses
  Overlay overlay_;
  uint64_t last_generation_ = 0;
  bool has_new_addresses_ = false;
  bool has_lost_replies_ = false;  // a NAT real is gone or is none any more
};

// What the model says of a real, with the checker's opinion.
RealFacts FactsOf(const ServiceConfig& service, const RealConfig& real, const HealthOf& health);

}  // namespace fairlead::control
