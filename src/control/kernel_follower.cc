#include "control/kernel_follower.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.h"

namespace fairlead::control {
namespace {

bool IsThere(const KernelNetwork& network, const KernelAddress& wanted) {
  return std::ranges::any_of(network.addresses, [&wanted](const KernelAddress& each) {
    return each.port == wanted.port && each.prefix == wanted.prefix;
  });
}

}  // namespace

void KernelFollower::FollowRoutes(size_t most) {
  if (watch_ == nullptr || std::exchange(most_routes_, most) == most) return;
  watch_->FollowRoutes(most);
}

void KernelFollower::NoteCost(std::chrono::nanoseconds cost, TimePoint now) {
  next_ = std::max(next_, now + kCostShare * cost);
}

bool KernelFollower::Tick(TimePoint now) {
  if (watch_ == nullptr) return false;
  now_ = now;
  const bool is_settled = watch_->Turn(now);
  const bool is_time = IsTime(is_settled, now);
  has_all_ = is_settled && (is_time || seen_ == taken_);
  if (!is_time) return false;
  taken_ = seen_;
  next_ = now + kInterval;
  Take(watch_->Read());
  return true;
}

bool KernelFollower::IsTime(bool is_settled, TimePoint now) {
  const uint64_t before = std::exchange(seen_, watch_->revision());
  if (!network_) return true;  // the start has nothing to wait for
  if (seen_ == taken_) return false;
  if (before == taken_) since_ = now;
  const bool is_quiet = is_settled && seen_ == before;
  return now >= next_ && (is_quiet || now - since_ >= kPatience);
}

void KernelFollower::Take(KernelNetwork next) {
  SayOfRoutes(next);
  SayOfAddresses(next);
  if (!network_) {
    network_ = std::move(next);
    return;
  }
  size_t lines = 0;
  const auto say = [&](const char* what, const KernelAddress& address) {
    if (++lines > kLines) return;
    LogInfo(what, {{"address", address.prefix.ToString()}, {"port", names_[address.port.index()]}});
  };
  std::set<std::pair<IpAddress, uint64_t>> before;
  for (const KernelAddress& each : network_->addresses) {
    before.emplace(each.prefix.address, each.arrival);
  }
  std::set<std::pair<IpAddress, uint64_t>> after;
  for (const KernelAddress& each : next.addresses) {
    after.emplace(each.prefix.address, each.arrival);
    if (before.contains({each.prefix.address, each.arrival})) continue;
    arrived_.push_back(each.prefix.address);
    say("an address has come to a kernel twin: it is one of the port now", each);
  }
  for (const KernelAddress& each : network_->addresses) {
    if (after.contains({each.prefix.address, each.arrival}) || IsThere(next, each)) continue;
    say("an address has gone from a kernel twin: it is none of the port any more", each);
  }
  if (lines > kLines) {
    LogInfo("more addresses have come to kernel twins, or gone", {{"addresses", lines - kLines}});
  }
  network_ = std::move(next);
}

void KernelFollower::SayOfAddresses(const KernelNetwork& next) const {
  const uint64_t refused_before = network_ ? network_->refused_addresses : 0;
  if (next.refused_addresses == 0 || refused_before > 0) return;
  LogWarning("kernel twins have more addresses than are taken: the rest is not answered for",
             {{"taken", next.addresses.size()},
              {"refused", next.refused_addresses},
              {"remedy",
               "take addresses from the twins, or give the director a network as a "
               "virtual address"}});
}

// Once a second, however often they change.
void KernelFollower::SayOfRoutes(const KernelNetwork& next) {
  const uint64_t refused_before = network_ ? network_->refused_routes : 0;
  if (next.refused_routes > 0 && refused_before == 0) {
    LogWarning("the kernel has more routes than are taken from it: the rest is not used",
               {{"taken", next.routes.size()},
                {"refused", next.refused_routes},
                {"remedy", "raise policy.kernel_routes, or let BIRD export less"}});
  }
  if (next.routes.size() == said_routes_ || now_ < next_saying_) return;
  said_routes_ = next.routes.size();
  next_saying_ = now_ + std::chrono::seconds{1};
  LogInfo("routes of the kernel are used for forwarding", {{"next_hops", said_routes_}});
}

}  // namespace fairlead::control
