#include "control/traffic_ledger.h"

#include <utility>

namespace fairlead::control {
namespace {

using dataplane::StatsBoard;
using dataplane::TrafficSum;

RealId RealAt(size_t index) { return RealId{static_cast<uint32_t>(index)}; }

bool IsSame(const TrafficSum& a, const TrafficSum& b) {
  return a.connections == b.connections && a.in_packets == b.in_packets &&
         a.out_packets == b.out_packets && a.in_bytes == b.in_bytes && a.out_bytes == b.out_bytes;
}

void ZeroAccount(TrafficLedger::Account* account, const TrafficSum& total) {
  account->zero = total;
  account->rate.Reset(total);
}

}  // namespace

void RateEstimate::Tick(const TrafficSum& total) {
  connections_ = NextCountRate(connections_, total.connections - last_.connections);
  in_packets_ = NextCountRate(in_packets_, total.in_packets - last_.in_packets);
  out_packets_ = NextCountRate(out_packets_, total.out_packets - last_.out_packets);
  in_bytes_ = NextByteRate(in_bytes_, total.in_bytes - last_.in_bytes);
  out_bytes_ = NextByteRate(out_bytes_, total.out_bytes - last_.out_bytes);
  last_ = total;
}

void RateEstimate::Reset(const TrafficSum& total) {
  *this = {};
  last_ = total;
}

TrafficSum RateEstimate::shown() const {
  return {.connections = ShownCountRate(connections_),
          .in_packets = ShownCountRate(in_packets_),
          .out_packets = ShownCountRate(out_packets_),
          .in_bytes = ShownByteRate(in_bytes_),
          .out_bytes = ShownByteRate(out_bytes_)};
}

TrafficSum TrafficOf(const IdMap& ids, const StatsBoard& stats, RealId real) {
  TrafficSum traffic = stats.SumTraffic(real);
  traffic -= ids.reals()[real.index()].baseline;
  return traffic;
}

std::vector<TrafficSum> TrafficOfServices(const IdMap& ids, const StatsBoard& stats) {
  std::vector<TrafficSum> sums;
  sums.reserve(ids.services().size());
  for (const IdMap::Service& service : ids.services()) sums.push_back(service.retired);
  for (size_t i = 0; i < ids.reals().size(); ++i) {
    const ServiceId service = ids.reals()[i].service;
    if (!service.is_none()) sums[service.index()] += TrafficOf(ids, stats, RealAt(i));
  }
  return sums;
}

TrafficSum TotalTraffic(size_t real_ids, const StatsBoard& stats) {
  TrafficSum sum;
  for (size_t i = 0; i < real_ids; ++i) sum += stats.SumTraffic(RealAt(i));
  return sum;
}

void TrafficLedger::Restore(const StoredNames& names, const IdMap& ids, const StatsBoard& stats) {
  const auto open = [](Account* account, const TrafficSum& zero, const TrafficSum& total) {
    account->zero = Covers(total, zero) ? zero : total;
    account->rate.Reset(total);
  };
  const std::vector<TrafficSum> sums = TrafficOfServices(ids, stats);
  services_.resize(ids.services().size());
  for (const StoredNames::Service& from : names.services) {
    Service& service = services_[from.id.index()];
    service.key = from.key;
    service.is_configured = from.is_configured;
    open(&service.account, from.zero, sums[from.id.index()]);
  }
  reals_.resize(ids.reals().size());
  for (const StoredNames::Real& from : names.reals) {
    Real& real = reals_[from.id.index()];
    real.service = from.service;
    real.key = from.key;
    real.baseline = ids.reals()[from.id.index()].baseline;
    open(&real.account, from.zero, TrafficOf(ids, stats, from.id));
  }
  open(&total_, names.total_zero, TotalTraffic(reals_.size(), stats));
}

void TrafficLedger::FillIn(StoredNames* names) const {
  for (StoredNames::Service& service : names->services) {
    service.zero = services_[service.id.index()].account.zero;
  }
  for (StoredNames::Real& real : names->reals) real.zero = reals_[real.id.index()].account.zero;
  names->total_zero = total_.zero;
}

void TrafficLedger::Follow(const IdMap& ids, const StatsBoard& stats) {
  if (std::exchange(followed_, ids.revision()) == ids.revision()) return;
  reals_.resize(ids.reals().size());
  for (size_t i = 0; i < reals_.size(); ++i) {
    const IdMap::Real& now = ids.reals()[i];
    Real& real = reals_[i];
    const bool is_same =
        real.service == now.service && real.key == now.key && IsSame(real.baseline, now.baseline);
    if (is_same) continue;
    real = {.account = {}, .service = now.service, .key = now.key, .baseline = now.baseline};
  }
  services_.resize(ids.services().size());
  std::vector<bool> starts_anew(services_.size(), false);
  bool is_any_new = false;
  for (size_t i = 0; i < services_.size(); ++i) {
    const IdMap::Service& now = ids.services()[i];
    Service& service = services_[i];
    const bool is_new = now.is_configured && (!service.is_configured || service.key != now.key);
    service.is_configured = now.is_configured;
    service.key = now.key;
    starts_anew[i] = is_new;
    is_any_new |= is_new;
  }
  if (is_any_new) ZeroServices(ids, stats, starts_anew);
}

void TrafficLedger::ZeroServices(const IdMap& ids, const StatsBoard& stats,
                                 const std::vector<bool>& wanted) {
  const std::vector<TrafficSum> sums = TrafficOfServices(ids, stats);
  for (size_t i = 0; i < services_.size(); ++i) {
    if (wanted[i]) ZeroAccount(&services_[i].account, sums[i]);
  }
  for (size_t i = 0; i < reals_.size(); ++i) {
    if (reals_[i].service.is_none() || !wanted[reals_[i].service.index()]) continue;
    ZeroAccount(&reals_[i].account, TrafficOf(ids, stats, RealAt(i)));
  }
}

void TrafficLedger::Tick(const IdMap& ids, const StatsBoard& stats) {
  // One walk over the board, which is large: for each real, for its service and for the total.
  std::vector<TrafficSum> sums;
  sums.reserve(services_.size());
  for (const IdMap::Service& service : ids.services()) sums.push_back(service.retired);
  TrafficSum total;
  for (size_t i = 0; i < reals_.size(); ++i) {
    TrafficSum traffic = stats.SumTraffic(RealAt(i));
    total += traffic;
    if (reals_[i].service.is_none()) continue;
    traffic -= reals_[i].baseline;
    reals_[i].account.rate.Tick(traffic);
    sums[reals_[i].service.index()] += traffic;
  }
  for (size_t i = 0; i < services_.size(); ++i) {
    // An id in nobody's hands: its sum is 0 again.
    if (ids.services()[i].is_in_use) services_[i].account.rate.Tick(sums[i]);
  }
  total_.rate.Tick(total);
}

void TrafficLedger::Zero(const IdMap& ids, const StatsBoard& stats, ServiceId wanted) {
  std::vector<bool> services(services_.size(), wanted.is_none());
  if (!wanted.is_none()) services[wanted.index()] = true;
  ZeroServices(ids, stats, services);
  if (wanted.is_none()) ZeroAccount(&total_, TotalTraffic(ids.reals().size(), stats));
  ++zeroes_;
}

}  // namespace fairlead::control
