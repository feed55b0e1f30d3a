#include "control/id_map.h"

namespace fairlead::control {

ServiceIdentity KeyOf(const ServiceConfig& service) {
  if (service.is_mark()) return {.mark = service.mark, .family = service.family};
  return {.family = service.family,
          .protocol = static_cast<uint8_t>(service.protocol),
          .address = service.address,
          .port = service.port};
}

void IdMap::BeginPass() {
  named_.assign(reals_.size(), false);
  for (Service& service : services_) service.is_configured = false;
}

ServiceId IdMap::InternService(const ServiceIdentity& key) {
  ServiceId id = FindService(key);
  if (id.is_none()) {
    if (free_services_.empty()) {
      id = ServiceId{static_cast<uint32_t>(services_.size())};
      services_.emplace_back();
    } else {
      id = free_services_.back();
      free_services_.pop_back();
    }
    services_[id.index()] = {.is_in_use = true, .key = key};
    service_ids_.emplace(key, id);
  }
  services_[id.index()].is_configured = true;
  return id;
}

RealId IdMap::InternReal(ServiceId service, const RealIdentity& key,
                         const dataplane::StatsBoard& stats) {
  RealId id = FindReal(service, key);
  if (id.is_none()) {
    if (!free_reals_.empty()) {
      id = free_reals_.back();
      free_reals_.pop_back();
    } else if (reals_.size() < real_capacity_) {
      id = RealId{static_cast<uint32_t>(reals_.size())};
      reals_.emplace_back();
      named_.push_back(false);
    } else {
      return RealId{};
    }
    reals_[id.index()] = {.service = service, .key = key, .baseline = stats.SumTraffic(id)};
    real_ids_.emplace(std::pair{service, key}, id);
  }
  reals_[id.index()].is_ghost = false;
  named_[id.index()] = true;
  return id;
}

void IdMap::EndPass(TimePoint now) {
  for (size_t i = 0; i < reals_.size(); ++i) {
    Real& real = reals_[i];
    if (real.service.is_none() || named_[i] || real.is_ghost) continue;
    real.is_ghost = true;
    real.idle_since = now;
  }
}

size_t IdMap::Collect(TimePoint now, const sched::LoadBoard& loads,
                      const dataplane::StatsBoard& stats) {
  size_t freed = 0;
  std::vector<bool> has_real(services_.size(), false);
  for (size_t i = 0; i < reals_.size(); ++i) {
    Real& real = reals_[i];
    if (real.service.is_none()) continue;
    const RealId id{static_cast<uint32_t>(i)};
    if (real.is_ghost) {
      if (loads.Sum(id) != sched::Load{}) {
        real.idle_since = now;
      } else if (now - real.idle_since >= kIdleBeforeReuse) {
        FreeReal(id, stats);
        ++freed;
        continue;
      }
    }
    has_real[real.service.index()] = true;
  }
  for (size_t i = 0; i < services_.size(); ++i) {
    Service& service = services_[i];
    if (!service.is_in_use || service.is_configured || has_real[i]) continue;
    service_ids_.erase(service.key);
    service = {};
    free_services_.push_back(ServiceId{static_cast<uint32_t>(i)});
  }
  return freed;
}

void IdMap::FreeReal(RealId id, const dataplane::StatsBoard& stats) {
  Real& real = reals_[id.index()];
  dataplane::TrafficSum traffic = stats.SumTraffic(id);
  traffic -= real.baseline;
  services_[real.service.index()].retired += traffic;
  real_ids_.erase(std::pair{real.service, real.key});
  real = {};
  free_reals_.push_back(id);
}

ServiceId IdMap::FindService(const ServiceIdentity& key) const {
  const auto it = service_ids_.find(key);
  return it == service_ids_.end() ? ServiceId{} : it->second;
}

RealId IdMap::FindReal(ServiceId service, const RealIdentity& key) const {
  const auto it = real_ids_.find({service, key});
  return it == real_ids_.end() ? RealId{} : it->second;
}

}  // namespace fairlead::control
