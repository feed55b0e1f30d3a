#include "control/id_map.h"

#include <utility>

#include "sched/load_board.h"

namespace fairlead::control {

size_t IdMap::Hash::operator()(const ServiceIdentity& key) const noexcept {
  const auto small = uint64_t{key.mark} << 32 | uint64_t{key.port} << 16 |
                     uint64_t{key.protocol} << 8 | static_cast<uint8_t>(key.family);
  return std::hash<IpAddress>{}(key.address) ^ (small * 0x9e3779b97f4a7c15u);
}

size_t IdMap::Hash::operator()(const RealKey& key) const noexcept {
  const auto small = uint64_t{key.service.value()} << 16 | key.real.port;
  return std::hash<IpAddress>{}(key.real.address) ^ (small * 0x9e3779b97f4a7c15u);
}

ServiceId IdMap::InternService(const ServiceIdentity& key) {
  ServiceId id = FindService(key);
  if (!id.is_none()) return id;
  if (free_services_.empty()) {
    id = ServiceId{static_cast<uint32_t>(services_.size())};
    services_.emplace_back();
  } else {
    id = free_services_.back();
    free_services_.pop_back();
  }
  services_[id.index()] = {.is_in_use = true, .key = key};
  service_ids_.emplace(key, id);
  ++revision_;
  return id;
}

ServiceId IdMap::BeginService(const ServiceIdentity& key) {
  const ServiceId id = InternService(key);
  if (!std::exchange(services_[id.index()].is_configured, true)) ++revision_;
  services_[id.index()].named_by = nullptr;  // who stops half way has it named again
  for (const RealId real : services_[id.index()].reals) named_[real.index()] = false;
  return id;
}

void IdMap::Restore(const StoredNames& names, TimePoint now, const dataplane::StatsBoard& stats) {
  services_.resize(names.services.size() + names.free_services.size());
  for (const StoredNames::Service& from : names.services) {
    services_[from.id.index()] = {.is_in_use = true, .key = from.key, .retired = from.retired};
    service_ids_.emplace(from.key, from.id);
  }
  reals_.resize(names.reals.size() + names.free_reals.size());
  named_.resize(reals_.size());
  for (const StoredNames::Real& from : names.reals) {
    const bool counts_on = Covers(stats.SumTraffic(from.id), from.baseline);
    reals_[from.id.index()] = {
        .service = from.service,
        .key = from.key,
        .is_ghost = true,
        .told_method = from.is_unknown ? std::optional(from.kept.method) : std::nullopt,
        .baseline = counts_on ? from.baseline : dataplane::TrafficSum{},
        .idle_since = now};
    services_[from.service.index()].reals.push_back(from.id);
    real_ids_.emplace(RealKey{from.service, from.key}, from.id);
    ghosts_.insert(from.id);
    unknown_count_ += from.is_unknown ? 1 : 0;
  }
  free_services_ = names.free_services;
  free_reals_ = names.free_reals;
  ++revision_;
}

StoredNames IdMap::Names() const {
  StoredNames names;
  names.free_services = free_services_;
  names.free_reals = free_reals_;
  for (uint32_t i = 0; i < services_.size(); ++i) {
    const Service& service = services_[i];
    if (!service.is_in_use) continue;
    names.services.push_back({.id = ServiceId{i},
                              .key = service.key,
                              .is_configured = service.is_configured,
                              .retired = service.retired});
  }
  names.reals.reserve(reals_.size() - free_reals_.size());
  for (uint32_t i = 0; i < reals_.size(); ++i) {
    const Real& real = reals_[i];
    if (real.service.is_none()) continue;
    names.reals.push_back({.id = RealId{i},
                           .service = real.service,
                           .key = real.key,
                           .is_unknown = real.told_method.has_value(),
                           .kept = {.method = real.told_method.value_or(ForwardMethod::kNat)},
                           .baseline = real.baseline});
  }
  return names;
}

ServiceId IdMap::NextService(size_t n) const {
  const size_t free = free_services_.size();
  if (n < free) return free_services_[free - 1 - n];
  return ServiceId{static_cast<uint32_t>(services_.size() + n - free)};
}

RealId IdMap::NextReal(size_t n) const {
  const size_t free = free_reals_.size();
  if (n < free) return free_reals_[free - 1 - n];
  return RealId{static_cast<uint32_t>(reals_.size() + n - free)};
}

RealId IdMap::InternReal(ServiceId service, const RealIdentity& key,
                         const dataplane::StatsBoard& stats) {
  RealId id = FindReal(service, key);
  if (id.is_none()) id = NewReal(service, key, stats);
  if (id.is_none()) return id;
  Real& real = reals_[id.index()];
  if (std::exchange(real.is_ghost, false)) ghosts_.erase(id);
  ForgetTold(&real);
  named_[id.index()] = true;
  return id;
}

RealId IdMap::NewReal(ServiceId service, const RealIdentity& key,
                      const dataplane::StatsBoard& stats) {
  RealId id;
  if (!free_reals_.empty()) {
    id = free_reals_.back();
    free_reals_.pop_back();
  } else if (reals_.size() < real_capacity_) {
    id = RealId{static_cast<uint32_t>(reals_.size())};
    reals_.emplace_back();
    named_.push_back(false);
  } else {
    return id;
  }
  reals_[id.index()] = {.service = service, .key = key, .baseline = stats.SumTraffic(id)};
  real_ids_.emplace(RealKey{service, key}, id);
  services_[service.index()].reals.push_back(id);
  ++revision_;
  return id;
}

RealId IdMap::AddUnknown(const ServiceIdentity& service, const RealIdentity& key,
                         ForwardMethod method, const dataplane::StatsBoard& stats, TimePoint now) {
  const ServiceId known = FindService(service);
  RealId id = known.is_none() ? RealId{} : FindReal(known, key);
  if (id.is_none()) {
    if (unknown_count_ >= kMostUnknown || room() == 0) return RealId{};
    id = NewReal(InternService(service), key, stats);
    reals_[id.index()].told_method = method;
    ++unknown_count_;
    named_[id.index()] = false;
    MakeGhost(id, now);
  }
  held_.insert(id);
  return id;
}

void IdMap::ForgetTold(Real* real) {
  if (!real->told_method) return;
  real->told_method.reset();
  --unknown_count_;
  ++revision_;
}

void IdMap::EndService(ServiceId service, TimePoint now) {
  for (const RealId real : services_[service.index()].reals) {
    if (!named_[real.index()]) MakeGhost(real, now);
  }
}

void IdMap::RemoveService(ServiceId service, TimePoint now) {
  services_[service.index()].is_configured = false;
  services_[service.index()].named_by = nullptr;
  ++revision_;
  for (const RealId real : services_[service.index()].reals) MakeGhost(real, now);
}

void IdMap::MakeGhost(RealId id, TimePoint now) {
  Real& real = reals_[id.index()];
  if (std::exchange(real.is_ghost, true)) return;
  real.idle_since = now;
  ghosts_.insert(id);
}

size_t IdMap::Collect(TimePoint now, const sched::LoadBoard& loads,
                      const dataplane::StatsBoard& stats) {
  std::vector<RealId> gone;
  for (const RealId id : ghosts_) {
    Real& real = reals_[id.index()];
    if (loads.Sum(id) != sched::Load{}) {
      real.idle_since = now;
    } else if (now - real.idle_since >= kIdleBeforeReuse && !held_.contains(id)) {
      gone.push_back(id);
    }
  }
  return FreeAll(gone, stats);
}

size_t IdMap::Reclaim(const sched::LoadBoard& loads, const dataplane::StatsBoard& stats) {
  std::vector<RealId> gone;
  for (const RealId id : ghosts_) {
    if (loads.Sum(id) == sched::Load{} && !held_.contains(id)) gone.push_back(id);
  }
  return FreeAll(gone, stats);
}

size_t IdMap::FreeAll(const std::vector<RealId>& gone, const dataplane::StatsBoard& stats) {
  for (const RealId id : gone) FreeReal(id, stats);
  for (size_t i = 0; i < services_.size(); ++i) {
    Service& service = services_[i];
    if (!service.is_in_use || service.is_configured || !service.reals.empty()) continue;
    service_ids_.erase(service.key);
    service = {};
    ++revision_;
    free_services_.push_back(ServiceId{static_cast<uint32_t>(i)});
  }
  return gone.size();
}

void IdMap::FreeReal(RealId id, const dataplane::StatsBoard& stats) {
  Real& real = reals_[id.index()];
  dataplane::TrafficSum traffic = stats.SumTraffic(id);
  traffic -= real.baseline;
  Service& service = services_[real.service.index()];
  service.retired += traffic;
  std::erase(service.reals, id);
  ForgetTold(&reals_[id.index()]);
  ++revision_;
  ghosts_.erase(id);
  real_ids_.erase(RealKey{real.service, real.key});
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
