// From what the operator wants and what the checkers know to what workers read.
//
//   SnapshotBuilder builder;
//   Result<IdPlan> plan = PlanIds(*model, ids);                 // id_plan.h
//   auto next = builder.Build({.model = *model, .ports = runtimes, .overlay = overlay,
//                              .health = …, .intern_neighbour = …, .generation = 8},
//                             PlannedIds(ids, *plan));
//   fabric.publisher.Publish(std::move(next));
//
// Ids are read and never given out, so a copy of a builder builds what is only tried and leaves no
// trace. With the snapshot built last at hand, the next one is a copy of it in which only what
// differs is made anew (snapshot_changes.h). The result is the same as without.
//
// List order: as if the reals had been added in file order, so the last one is the head; a fallback
// in use is newer than all. It is derived from the file every time, hence the same after a reload
// as after a restart. A plan whose reals have not changed is taken over with its edit count, so
// that workers keep the state of its scheduler.
// Threads: the control core.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "control/config/model.h"
#include "control/id_plan.h"
#include "control/local_pools.h"
#include "control/persistence_builder.h"
#include "control/real_state.h"
#include "control/rules.h"
#include "control/snapshot_changes.h"
#include "control/snat_rules.h"
#include "control/survival/stored_names.h"
#include "control/virtual_ranges.h"
#include "dataplane/snapshot/snapshot.h"

namespace fairlead::control {

// A real of the service that is being built, and what it may do.
struct Judged {
  const RealConfig& real;
  RealFacts facts;
  RealState state;
};

class SnapshotBuilder {
 public:
  // Precondition: `ids` are planned for the model of `input`.
  std::unique_ptr<dataplane::Snapshot> Build(const BuildInput& input, const PlannedIds& ids);
  // After a Build that has thrown: the next one makes everything anew.
  void Forget() { changes_.Forget(); }
  // What a director that was here before knew of its reals: a ghost's connections go on as they
  // did. Precondition: nothing was built yet.
  void Restore(const StoredNames& names);
  // Writes what is known of them into names of the ids that were built last.
  void FillIn(StoredNames* names) const;
  // Rises when what FillIn writes about a real or service that has its id already is another.
  [[nodiscard]] uint64_t kept_revision() const { return kept_revision_; }
  // Whether the last Build made local addresses that may differ from those before.
  [[nodiscard]] bool has_new_addresses() const { return has_new_addresses_; }

 private:
  // What a service's plan was last built from.
  struct PlanMemory {
    sched::Kind kind = sched::Kind::kRr;
    sched::Flags flags;
    std::vector<sched::RealInput> reals;
    uint32_t overlay_edits = 0;
    bool takes_new = false;  // some real has a weight
    sched::Plan plan;
  };
  struct ServiceMemory {
    std::optional<OnRemove> on_remove;  // outlives the service, for its ghosts
    std::optional<PlanMemory> plan;
  };
  struct LastView {  // what a ghost keeps
    dataplane::RealView view;
    KeptReal kept;
  };
  // One Build: what it reads and what it fills.
  struct Pass {
    const BuildInput& input;
    const PlannedIds& ids;
    dataplane::Snapshot& snapshot;
  };

  static void FillGlobals(const BuildInput& input, dataplane::Snapshot* snapshot);
  void AddServices(const Pass& pass, const SnapshotChanges::Scope& scope);
  void AddService(const Pass& pass, ServiceId id, const SnapshotChanges::ServiceItem& item);
  void RemoveService(ServiceId id, dataplane::Snapshot* snapshot);
  void AddReals(const Pass& pass, const ServiceConfig& config, ServiceId service);
  std::vector<sched::RealInput> AddJudged(const Pass& pass, const ServiceConfig& config,
                                          ServiceId service, std::span<const Judged> judged,
                                          bool may_take, bool is_anyone_up);
  RealId AddReal(const Pass& pass, const RealConfig& config, ServiceId service,
                 const RealState& state);
  void UpdatePlan(const ServiceConfig& config, ServiceId service,
                  std::vector<sched::RealInput> newest_first, uint32_t overlay_edits);
  void AddGhosts(const Pass& pass);
  dataplane::RealView GhostOf(const Pass& pass, RealId id);
  static LastView UnknownReal(const IdMap::Real& real);
  void FillFreeServices(const Pass& pass);
  static void IndexGroups(const Pass& pass);
  void IndexReplies(const Pass& pass) const;
  static void LimitToPaths(const BuildInput& input, dataplane::Snapshot* snapshot);

  SnapshotChanges changes_;
  PersistenceBuilder persistence_;
  ClassifierBuilder classifiers_;
  SnatRules snat_;
  VirtualRanges ranges_;
  LocalPools local_pools_;
  std::vector<ServiceMemory> services_;  // [ServiceId]
  std::vector<LastView> last_views_;     // [RealId]
  std::set<RealId> ghosts_;              // of the last snapshot
  uint64_t kept_revision_ = 0;
  bool has_new_addresses_ = false;
  bool has_lost_replies_ = false;  // a NAT real is gone or is none any more, or came as a ghost
};

// What the model says of a real, with the checker's opinion.
RealFacts FactsOf(const ServiceConfig& service, const RealConfig& real, const RealHealth& health);

}  // namespace fairlead::control
