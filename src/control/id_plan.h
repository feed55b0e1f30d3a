// Which ids a model needs, worked out before anything is changed: what is refused leaves the ids
// alone, and what is only tried (a simulation) never asks for them.
//
//   Result<IdPlan> plan = PlanIds(model, ids);             // pure; none when the ids run short
//   const PlannedIds planned(ids, *plan);                  // the ids as they would be
//   builder.Build(input, planned);                         // reads them, whichever comes first
//   GiveOut(*plan, stats, now, &ids);
//
// Threads: the control core; values that outlive neither the map nor the model. Invariant: GiveOut
// gives the ids that the plan names, as long as nothing else has changed the map in between.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "control/config/model.h"
#include "control/id_map.h"
#include "control/time_point.h"

namespace fairlead::control {

struct IdPlan {
  struct NamedReal {
    RealId id;
    RealIdentity key;
    bool is_fresh = false;  // nobody had the id, or somebody else
  };
  // A service whose configuration is not the one that its reals were last named by.
  struct NamedService {
    ServiceId id;
    std::shared_ptr<const ServiceConfig> config;
    std::vector<NamedReal> reals{};  // in the file's order, the fallback last; each once
  };

  std::vector<ServiceId> places{};  // of all services, in the order of the model
  std::vector<NamedService> named{};
  std::vector<ServiceId> removed{};
};

// Fails when there are not ids for all reals of the model.
Result<IdPlan> PlanIds(const ConfigModel& model, const IdMap& ids);

// `stats` gives the baselines of fresh ids. Reals that are not named any more are ghosts then.
void GiveOut(const IdPlan& plan, const dataplane::StatsBoard& stats, TimePoint now, IdMap* ids);

// The ids as they are once the plan is given out, whether it is already or not.
class PlannedIds {
 public:
  PlannedIds(const IdMap& ids, const IdPlan& plan);

  // Of the model's services, in its order.
  [[nodiscard]] std::span<const ServiceId> places() const { return plan_.places; }
  [[nodiscard]] size_t service_count() const { return service_count_; }
  [[nodiscard]] size_t real_count() const { return real_count_; }
  [[nodiscard]] bool IsInUse(ServiceId id) const;
  // Precondition: the service is in use.
  [[nodiscard]] const ServiceIdentity& KeyOf(ServiceId id) const;
  // None: it has no id.
  [[nodiscard]] RealId FindReal(ServiceId service, const RealIdentity& key) const;
  // Ghosts too, by id.
  [[nodiscard]] std::vector<RealId> RealsOf(ServiceId service) const;
  // None: the id is free.
  [[nodiscard]] ServiceId ServiceOf(RealId id) const;
  // What the map knows of a ghost.
  [[nodiscard]] const IdMap::Real& Ghost(RealId id) const { return ids_.reals()[id.index()]; }
  [[nodiscard]] bool IsFresh(RealId id) const { return fresh_.contains(id); }
  [[nodiscard]] const std::set<RealId>& ghosts() const { return ghosts_; }

 private:
  void AddNamed(const IdPlan::NamedService& service);

  const IdMap& ids_;
  const IdPlan& plan_;
  std::map<ServiceId, ServiceIdentity> new_services_;
  std::map<ServiceId, std::map<RealIdentity, RealId>> new_reals_;
  std::map<RealId, ServiceId> fresh_;
  std::set<RealId> ghosts_;
  size_t service_count_ = 0;
  size_t real_count_ = 0;
};

}  // namespace fairlead::control
