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

bool KernelFollower::Tick(TimePoint now) {
  if (watch_ == nullptr) return false;
  const bool is_settled = watch_->Turn(now);
  if (!IsTime(is_settled, now)) return false;
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

}  // namespace fairlead::control
