#include "control/id_plan.h"

#include <algorithm>
#include <cassert>
#include <string>

namespace fairlead::control {
namespace {

// The id of the service at this place of the model, if it is the object that stood there last time:
// a reload of one change must not look 10,000 others up. None: ask the map.
ServiceId KnownAt(const IdMap& ids, size_t place, const SharedList<ServiceConfig>::Item& item) {
  if (place >= ids.places().size()) return {};
  const ServiceId id = ids.places()[place];
  return ids.services()[id.index()].named_by == item ? id : ServiceId{};
}

Error NoRoom(const IdMap& ids, const ServiceConfig& service) {
  return {ErrorCode::kUnavailable,
          "no identifier is left for a real server: there is room for " +
              std::to_string(ids.real_capacity()) +
              ", and removed ones count while connections refer to them; remove some, or "
              "wait until those have ended",
          "service " + service.name};
}

// Plans one model against the map, whose ids it takes in the order in which the map gives them.
class Planner {
 public:
  explicit Planner(const IdMap& ids) : ids_(ids) {}

  // False when the ids run short.
  bool Name(const SharedList<ServiceConfig>::Item& item, IdPlan::NamedService* named) {
    const ServiceConfig& config = *item;
    const ServiceId known = ids_.FindService(control::KeyOf(config));
    named->id = known.is_none() ? ids_.NextService(new_services_++) : known;
    named->config = item;
    for (const RealConfig& real : config.reals) {
      if (!AddReal(known, {real.address, real.port}, named)) return false;
    }
    if (!config.fallback) return true;
    const RealIdentity fallback{config.fallback->address, config.fallback->port};
    const bool is_listed =
        std::ranges::find(named->reals, fallback, &IdPlan::NamedReal::key) != named->reals.end();
    return is_listed || AddReal(known, fallback, named);
  }

 private:
  bool AddReal(ServiceId service, const RealIdentity& key, IdPlan::NamedService* named) {
    const RealId known = service.is_none() ? RealId{} : ids_.FindReal(service, key);
    if (!known.is_none()) {
      named->reals.push_back({known, key});
      return true;
    }
    if (new_reals_ == ids_.room()) return false;
    named->reals.push_back({ids_.NextReal(new_reals_++), key, true});
    return true;
  }

  const IdMap& ids_;
  size_t new_services_ = 0, new_reals_ = 0;
};

}  // namespace

Result<IdPlan> PlanIds(const ConfigModel& model, const IdMap& ids) {
  IdPlan plan;
  plan.places.reserve(model.services.size());
  Planner planner(ids);
  std::vector<bool> is_kept(ids.services().size());
  const auto add = [&](ServiceId id) {
    plan.places.push_back(id);
    if (id.index() < is_kept.size()) is_kept[id.index()] = true;
  };
  for (size_t i = 0; i < model.services.size(); ++i) {
    const auto& item = model.services.item(i);
    ServiceId id = KnownAt(ids, i, item);
    if (id.is_none()) {
      id = ids.FindService(KeyOf(*item));
      if (!id.is_none() && ids.services()[id.index()].named_by != item) id = {};
    }
    if (id.is_none()) {
      IdPlan::NamedService named;
      if (!planner.Name(item, &named)) return NoRoom(ids, *item);
      id = named.id;
      plan.named.push_back(std::move(named));
    }
    add(id);
  }
  for (size_t i = 0; i < is_kept.size(); ++i) {
    if (ids.services()[i].is_configured && !is_kept[i]) {
      plan.removed.push_back(ServiceId{static_cast<uint32_t>(i)});
    }
  }
  return plan;
}

void GiveOut(const IdPlan& plan, const dataplane::StatsBoard& stats, TimePoint now, IdMap* ids) {
  for (const IdPlan::NamedService& service : plan.named) {
    [[maybe_unused]] const ServiceId id = ids->BeginService(KeyOf(*service.config));
    assert(id == service.id);
    for (const IdPlan::NamedReal& real : service.reals) {
      [[maybe_unused]] const RealId given = ids->InternReal(service.id, real.key, stats);
      assert(given == real.id);
    }
    ids->EndService(service.id, now);
    ids->NoteNamed(service.id, service.config);
  }
  for (const ServiceId id : plan.removed) ids->RemoveService(id, now);
  ids->NotePlaces(plan.places);
}

PlannedIds::PlannedIds(const IdMap& ids, const IdPlan& plan)
    : ids_(ids),
      plan_(plan),
      ghosts_(ids.ghosts()),
      service_count_(ids.services().size()),
      real_count_(ids.reals().size()) {
  for (const IdPlan::NamedService& service : plan.named) AddNamed(service);
  for (const ServiceId id : plan.removed) {
    const std::vector<RealId>& reals = ids.services()[id.index()].reals;
    ghosts_.insert(reals.begin(), reals.end());
  }
}

void PlannedIds::AddNamed(const IdPlan::NamedService& service) {
  if (!ids_.IsInUse(service.id)) {
    new_services_.emplace(service.id, control::KeyOf(*service.config));
    service_count_ = std::max<size_t>(service_count_, service.id.index() + 1);
  } else {
    const std::vector<RealId>& reals = ids_.services()[service.id.index()].reals;
    ghosts_.insert(reals.begin(), reals.end());  // but for those that are named
  }
  for (const IdPlan::NamedReal& real : service.reals) {
    ghosts_.erase(real.id);
    if (!real.is_fresh) continue;
    fresh_.emplace(real.id, service.id);
    new_reals_[service.id].emplace(real.key, real.id);
    real_count_ = std::max<size_t>(real_count_, real.id.index() + 1);
  }
}

bool PlannedIds::IsInUse(ServiceId id) const {
  return new_services_.contains(id) || ids_.IsInUse(id);
}

const ServiceIdentity& PlannedIds::KeyOf(ServiceId id) const {
  const auto it = new_services_.find(id);
  return it == new_services_.end() ? ids_.services()[id.index()].key : it->second;
}

RealId PlannedIds::FindReal(ServiceId service, const RealIdentity& key) const {
  if (const auto own = new_reals_.find(service); own != new_reals_.end()) {
    if (const auto real = own->second.find(key); real != own->second.end()) return real->second;
  }
  return ids_.FindReal(service, key);
}

std::vector<RealId> PlannedIds::RealsOf(ServiceId service) const {
  std::vector<RealId> all;
  if (service.index() < ids_.services().size()) all = ids_.services()[service.index()].reals;
  if (const auto own = new_reals_.find(service); own != new_reals_.end()) {
    for (const auto& [key, id] : own->second) all.push_back(id);
  }
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());  // given out already
  return all;
}

ServiceId PlannedIds::ServiceOf(RealId id) const {
  const auto it = fresh_.find(id);
  if (it != fresh_.end()) return it->second;
  return id.index() < ids_.reals().size() ? ids_.reals()[id.index()].service : ServiceId{};
}

}  // namespace fairlead::control
