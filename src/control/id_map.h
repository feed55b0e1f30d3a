// Which number a service and a real server have, for as long as anything refers to them.
//
//   ServiceId shop = ids.BeginService(KeyOf(service));
//   RealId first = ids.InternReal(shop, {address, 80});      // none: the map is full
//   ids.EndService(shop, now);                               // reals not named are ghosts now
//   ids.RemoveService(old, now);                             // all its reals are
//   …for a whole model, planned first and then given out: id_plan.h…
//   RealId told = ids.AddUnknown(key, real, method, stats, now);   // of a peer's message: a ghost
//   …every few seconds…  ids.Collect(now, loads, stats);     // frees ghosts nobody refers to
//
// A removed real becomes a ghost: it keeps its id while a connection or template counts on it, and
// for kIdleBeforeReuse after that (ipvs.md, editing), unless ids run short. Adding it again before
// then revives the id, and with it the connections and templates that name it. A service lives
// while it is configured or has a ghost. An unknown real is a ghost from the start: no
// configuration has named it, but another director's connections go to it (docs/sync.md). Threads:
// the control core. Invariants: ids are dense and below the capacity; equal keys have equal ids; a
// freed real's traffic moves into its service's `retired`, so a service never shows less than
// before.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/forward_method.h"
#include "base/ids.h"
#include "control/identity.h"
#include "control/survival/stored_names.h"
#include "control/time_point.h"
#include "dataplane/shard/counters.h"

namespace fairlead::sched {
class LoadBoard;
}

namespace fairlead::control {

inline constexpr std::chrono::seconds kIdleBeforeReuse{120};
inline constexpr size_t kMostUnknown = 1024;  // unknown reals at once

class IdMap {
 public:
  struct Service {
    bool is_in_use = false;  // configured, or has ghosts
    bool is_configured = false;
    ServiceIdentity key{};
    dataplane::TrafficSum retired{};  // of its reals that were freed
    std::vector<RealId> reals{};      // ghosts too, in no order
    // What all its reals were last named by; null: it is removed, or just being named.
    std::shared_ptr<const ServiceConfig> named_by{};
  };
  struct Real {
    ServiceId service{};  // none: free
    RealIdentity key{};
    bool is_ghost = false;
    std::optional<ForwardMethod> told_method{};  // unknown reals: what the message said
    dataplane::TrafficSum baseline{};            // what the board showed when the id was given out
    TimePoint idle_since{};                      // ghosts: nothing has referred to it since
  };

  explicit IdMap(uint32_t real_capacity) : real_capacity_(real_capacity) {}

  // The names of a director that was here before (docs/survival.md). All its reals are ghosts until
  // a model names them. Preconditions: this map is empty; the names fit it. A baseline that `stats`
  // has not reached is of counters that are gone: it is none then.
  void Restore(const StoredNames& names, TimePoint now, const dataplane::StatsBoard& stats);
  // The names as they are; the zeroes and what is kept of reals are for others to fill in.
  [[nodiscard]] StoredNames Names() const;

  // The service is configured from now on.
  ServiceId BeginService(const ServiceIdentity& key);
  // How many fresh ids there are.
  [[nodiscard]] size_t room() const {
    return free_reals_.size() + (real_capacity_ - reals_.size());
  }
  [[nodiscard]] uint32_t real_capacity() const { return real_capacity_; }
  // The id that the n-th new service or real from now will have; n from 0. Precondition, reals:
  // below room().
  [[nodiscard]] ServiceId NextService(size_t n) const;
  [[nodiscard]] RealId NextReal(size_t n) const;
  // None when every id is taken. `stats` gives the baseline of a fresh id.
  RealId InternReal(ServiceId service, const RealIdentity& key, const dataplane::StatsBoard& stats);
  void EndService(ServiceId service, TimePoint now);
  // An id for a real that no configuration has named: the one that it has, or a fresh one. Either
  // is held. None when every id is taken, or kMostUnknown are. A service without a configuration
  // gets an id too.
  RealId AddUnknown(const ServiceIdentity& service, const RealIdentity& key, ForwardMethod method,
                    const dataplane::StatsBoard& stats, TimePoint now);
  // While a real is held it is not freed: messages that name it are on their way to workers.
  void ReleaseHeld() { held_.clear(); }
  [[nodiscard]] size_t unknown_count() const { return unknown_count_; }
  // What the reals were named by, and where a whole model has its services: so that the next plan
  // need not look again at what is the same object.
  void NoteNamed(ServiceId service, std::shared_ptr<const ServiceConfig> config) {
    services_[service.index()].named_by = std::move(config);
  }
  void NotePlaces(std::vector<ServiceId> places) { places_ = std::move(places); }
  [[nodiscard]] const std::vector<ServiceId>& places() const { return places_; }
  void RemoveService(ServiceId service, TimePoint now);

  // Frees ghosts that have had no connection and no template for kIdleBeforeReuse, and services
  // left without any. Returns how many reals were freed.
  size_t Collect(TimePoint now, const sched::LoadBoard& loads, const dataplane::StatsBoard& stats);
  // The same without the wait, for when ids run short. Precondition: every worker has adopted a
  // snapshot in which today's ghosts are ghosts, so that nothing can begin to refer to them.
  size_t Reclaim(const sched::LoadBoard& loads, const dataplane::StatsBoard& stats);

  [[nodiscard]] const std::vector<Service>& services() const { return services_; }
  [[nodiscard]] const std::vector<Real>& reals() const { return reals_; }
  [[nodiscard]] const std::set<RealId>& ghosts() const { return ghosts_; }
  // Rises when an id is given out or freed, when a service comes or goes, and when an unknown real
  // is configured.
  [[nodiscard]] uint64_t revision() const { return revision_; }
  [[nodiscard]] bool IsInUse(ServiceId id) const {
    return id.index() < services_.size() && services_[id.index()].is_in_use;
  }
  [[nodiscard]] ServiceId FindService(const ServiceIdentity& key) const;
  [[nodiscard]] RealId FindReal(ServiceId service, const RealIdentity& key) const;

 private:
  struct RealKey {
    ServiceId service;
    RealIdentity real;
    friend bool operator==(const RealKey&, const RealKey&) = default;
  };
  struct Hash {
    size_t operator()(const ServiceIdentity& key) const noexcept;
    size_t operator()(const RealKey& key) const noexcept;
  };

  ServiceId InternService(const ServiceIdentity& key);
  RealId NewReal(ServiceId service, const RealIdentity& key, const dataplane::StatsBoard& stats);
  void ForgetTold(Real* real);
  void MakeGhost(RealId id, TimePoint now);
  size_t FreeAll(const std::vector<RealId>& gone, const dataplane::StatsBoard& stats);
  void FreeReal(RealId id, const dataplane::StatsBoard& stats);

  uint32_t real_capacity_;
  std::vector<Service> services_;
  std::vector<Real> reals_;
  std::vector<bool> named_;  // [real] since its service was begun
  std::set<RealId> ghosts_;
  std::set<RealId> held_;
  size_t unknown_count_ = 0;
  uint64_t revision_ = 1;
  std::vector<ServiceId> places_;  // of the last model, by place
  std::vector<ServiceId> free_services_;
  std::vector<RealId> free_reals_;
  std::unordered_map<ServiceIdentity, ServiceId, Hash> service_ids_;
  std::unordered_map<RealKey, RealId, Hash> real_ids_;
};

}  // namespace fairlead::control
