#include "control/local_pools.h"

#include <algorithm>

#include "control/config/local_addresses.h"

namespace fairlead::control {

using dataplane::LocalPoolId;

LocalPoolId LocalPools::Intern(const std::vector<PrefixSet>& sets, const LocalAddresses& addresses,
                               Family family) {
  if (!last_id_.is_none() && last_family_ == family && last_addresses_ == addresses &&
      (addresses.sets.empty() || last_sets_ == sets)) {
    return last_id_;
  }
  Addresses list = ExpandLocalAddresses(sets, addresses);
  std::erase_if(list, [family](const IpAddress& each) { return each.family() != family; });
  if (list.empty()) return {};
  auto found = ids_.find(list);
  if (found == ids_.end()) {
    auto free = std::ranges::find_if(pools_, [](const Addresses& pool) { return pool.empty(); });
    if (free == pools_.end()) free = pools_.emplace(free);
    *free = list;
    const LocalPoolId id{static_cast<uint16_t>(free - pools_.begin())};
    found = ids_.emplace(std::move(list), id).first;
    has_changed_ = true;
  }
  last_sets_ = sets;
  last_addresses_ = addresses;
  last_family_ = family;
  return last_id_ = found->second;
}

bool LocalPools::Settle(dataplane::Snapshot* snapshot) {
  const bool is_new = snapshot->local_pools.empty() && !pools_.empty();
  if (!has_changed_ && !is_new) return false;
  std::vector<bool> is_used(pools_.size());
  for (const dataplane::RealView& real : snapshot->reals) {
    if (!real.local_pool.is_none()) is_used[real.local_pool.index()] = true;
  }
  for (size_t i = 0; i < pools_.size(); ++i) {
    if (is_used[i] || pools_[i].empty()) continue;
    ids_.erase(pools_[i]);
    pools_[i].clear();
    if (last_id_ == LocalPoolId{static_cast<uint16_t>(i)}) last_id_ = {};
  }
  while (!pools_.empty() && pools_.back().empty()) pools_.pop_back();
  snapshot->local_pools.clear();
  for (const Addresses& pool : pools_) snapshot->local_pools.push_back({.addresses = pool});
  has_changed_ = false;
  return true;
}

}  // namespace fairlead::control
