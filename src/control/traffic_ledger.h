// What of the counters, which only rise, a person is shown: how much since the last zero, and how
// much a second.
//
//   ledger.Follow(ids, stats);                  // after each change of the ids
//   ledger.Tick(ids, stats);                    // every kRateInterval
//   ledger.Zero(ids, stats, service);           // ipvsadm -Z
//   ledger.real(id).zero, ledger.real(id).rate()
//
// Rates are estimated as IPVS does (ipvs.md, statistics): every two seconds each counter's estimate
// goes a quarter of the way to what was counted meanwhile. A zero is a baseline to subtract, so the
// counters themselves, and what Prometheus reads, never fall. A service that is added again starts
// at zero with all its reals; a real that is added again to its service goes on where it was, as in
// IPVS. Threads: the control core.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "control/id_map.h"
#include "dataplane/shard/counters.h"

namespace fairlead::control {

inline constexpr std::chrono::seconds kRateInterval{2};

// One step of an estimate, in 1/1024 of a connection or packet a second, or 1/32 of a byte a
// second; `delta`: counted in the last kRateInterval. Shown rounded.
constexpr int64_t NextCountRate(int64_t rate, uint64_t delta) {
  return rate + ((static_cast<int64_t>(delta * 512) - rate) >> 2);
}
constexpr uint64_t ShownCountRate(int64_t rate) { return static_cast<uint64_t>(rate + 511) >> 10; }
constexpr int64_t NextByteRate(int64_t rate, uint64_t delta) {
  return rate + ((static_cast<int64_t>(delta * 16) - rate) >> 2);
}
constexpr uint64_t ShownByteRate(int64_t rate) { return static_cast<uint64_t>(rate + 15) >> 5; }

// The estimates of five counters.
class RateEstimate {
 public:
  // `total`: what the counters show now; they have risen from what they showed last.
  void Tick(const dataplane::TrafficSum& total);
  // Starts anew from there.
  void Reset(const dataplane::TrafficSum& total);
  [[nodiscard]] const dataplane::TrafficSum& last() const { return last_; }
  [[nodiscard]] dataplane::TrafficSum shown() const;  // a second

 private:
  dataplane::TrafficSum last_{};
  int64_t connections_ = 0, in_packets_ = 0, out_packets_ = 0, in_bytes_ = 0, out_bytes_ = 0;
};

class TrafficLedger {
 public:
  struct Account {
    dataplane::TrafficSum zero{};  // what to subtract
    RateEstimate rate{};
  };

  // Goes on with the zeroes of a director that was here before; rates begin anew. Preconditions:
  // this ledger has followed nothing yet; `ids` have just been restored from the same names. A zero
  // that is above what was counted is of counters that are gone: it is what was counted then.
  void Restore(const StoredNames& names, const IdMap& ids, const dataplane::StatsBoard& stats);
  // Writes the zeroes into names of the ids that it follows.
  void FillIn(StoredNames* names) const;
  // Rises with each Zero.
  [[nodiscard]] uint64_t zeroes() const { return zeroes_; }

  // Opens accounts for new ids, and anew for ids that are somebody else's now.
  void Follow(const IdMap& ids, const dataplane::StatsBoard& stats);
  // Precondition: Follow has seen these ids.
  void Tick(const IdMap& ids, const dataplane::StatsBoard& stats);
  // A service and its reals; none: everything.
  void Zero(const IdMap& ids, const dataplane::StatsBoard& stats, ServiceId service);

  [[nodiscard]] const Account& service(ServiceId id) const { return services_[id.index()].account; }
  [[nodiscard]] const Account& real(RealId id) const { return reals_[id.index()].account; }
  [[nodiscard]] const Account& total() const { return total_; }

 private:
  void ZeroServices(const IdMap& ids, const dataplane::StatsBoard& stats,
                    const std::vector<bool>& wanted);

  struct Service {
    Account account;
    ServiceIdentity key{};
    bool is_configured = false;
  };
  struct Real {
    Account account;
    ServiceId service{};
    RealIdentity key{};
    dataplane::TrafficSum baseline{};  // tells one life of an id from another
  };

  std::vector<Service> services_;
  std::vector<Real> reals_;
  Account total_;
  uint64_t followed_ = 0;  // revision of the ids
  uint64_t zeroes_ = 0;
};

// What the ids have counted: a real in this life, a service with all reals it ever had, all.
dataplane::TrafficSum TrafficOf(const IdMap& ids, const dataplane::StatsBoard& stats, RealId real);
std::vector<dataplane::TrafficSum> TrafficOfServices(const IdMap& ids,
                                                     const dataplane::StatsBoard& stats);
dataplane::TrafficSum TotalTraffic(size_t real_ids, const dataplane::StatsBoard& stats);

}  // namespace fairlead::control
