// From what the operator wants and what the checkers know to what workers read.
//
//   SnapshotBuilder builder(fabric, &ids);
//   auto next = builder.Build({.model = model, .ports = runtimes, .overlay = overlay,
//                              .health = …, .intern_neighbour = …, .generation = 8}, now);
//   if (!next) …what runs is untouched: next.error()…
//   fabric.publisher.Publish(std::move(*next));
//
// List order: as if the reals had been added in file order, so the last one is the head; a fallback
// in use is newer than all. It is derived from the file every time, hence the same after a reload
// as after a restart. A plan whose reals have not changed is taken over with its edit count, so
// that workers keep the state of its scheduler.
// Threads: the control core.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
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
#include "control/time_point.h"
#include "dataplane/fabric.h"
#include "dataplane/snapshot.h"

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
};

class SnapshotBuilder {
 public:
  SnapshotBuilder(dataplane::Fabric& fabric, IdMap* ids) : fabric_(fabric), ids_(*ids) {}

  // Whether there are ids for all reals of the model.
  [[nodiscard]] Status CheckRoom(const ConfigModel& model) const;
  // Fails as CheckRoom does, and then nothing has changed, here or in the ids.
  Result<std::unique_ptr<dataplane::Snapshot>> Build(const BuildInput& input, TimePoint now);

 private:
  // What a service's plan was last built from.
  struct PlanMemory {
    sched::Kind kind = sched::Kind::kRr;
    sched::Flags flags;
    std::vector<sched::RealInput> reals;
    uint32_t overlay_edits = 0;
    sched::Plan plan;
  };

  void AddService(const BuildInput& input, const ServiceConfig& config,
                  dataplane::Snapshot* snapshot);
  void AddReals(const BuildInput& input, const ServiceConfig& config, ServiceId service,
                dataplane::Snapshot* snapshot);
  RealId AddReal(const BuildInput& input, const RealConfig& config, ServiceId service,
                 const RealState& state, dataplane::Snapshot* snapshot);
  void UpdatePlan(const ServiceConfig& config, ServiceId service,
                  std::vector<sched::RealInput> newest_first, uint32_t overlay_edits);
  void AddGhosts(const BuildInput& input, dataplane::Snapshot* snapshot);
  dataplane::RealView GhostOf(const BuildInput& input, RealId id,
                              const dataplane::Snapshot& snapshot);
  void IndexReplies(dataplane::Snapshot* snapshot) const;
  const dataplane::Classifier& ClassifierOf(const ConfigModel& model);

  dataplane::Fabric& fabric_;
  IdMap& ids_;
  std::map<ServiceId, PlanMemory> plans_;
  PersistenceBuilder persistence_;
  struct LastView {  // what a ghost keeps
    dataplane::RealView view;
    bool is_draining = false;               // when it was last configured
    bool is_drain_over = false;             // likewise
    std::optional<bool> removed_by_hand{};  // none: it is no ghost yet
  };
  std::map<RealId, LastView> last_views_;
  std::map<ServiceId, std::optional<OnRemove>> on_remove_;  // outlives the service, for its ghosts
  // The classifier of the last build, with what it was made of: 100,000 prefixes are not sorted
  // again because a health check changed its mind.
  dataplane::Classifier classifier_;
  std::vector<ClassifierRule> classifier_rules_;
  std::vector<PrefixSet> classifier_sets_;
};

// What the model says of a real, with the checker's opinion.
RealFacts FactsOf(const ServiceConfig& service, const RealConfig& real, const HealthOf& health);

dataplane::ForwardMethod MethodOf(ForwardMethod method);

}  // namespace fairlead::control
