#include "control/local_pools.h"

#include <utility>

namespace fairlead::control {

using dataplane::LocalPoolId;

void LocalPools::Begin(const std::vector<PrefixSet>& sets) {
  if (sets_ == sets && known4_.size() + known6_.size() < 4 * kMaxLocalLists) return;
  sets_ = sets;
  known4_.clear();
  known6_.clear();
}

LocalPoolId LocalPools::Intern(const LocalAddresses& addresses, Family family) {
  Known& known = family == Family::kIpv4 ? known4_ : known6_;
  if (const auto asked = known.find(addresses); asked != known.end()) return asked->second;
  Addresses list = ExpandLocalAddresses(sets_, addresses);
  std::erase_if(list, [family](const IpAddress& each) { return each.family() != family; });
  const LocalPoolId id = list.empty() ? LocalPoolId{} : IdOf(std::move(list));
  if (!id.is_none()) known.emplace(addresses, id);
  return id;
}

LocalPoolId LocalPools::IdOf(Addresses list) {
  if (const auto known = ids_.find(list); known != ids_.end()) return known->second;
  if (free_.empty() && pools_.size() == kMostPools) return {};
  size_t place = pools_.size();
  if (free_.empty()) {
    pools_.push_back(list);
  } else {
    place = free_.back();
    free_.pop_back();
    pools_[place] = list;
  }
  has_changed_ = true;
  return ids_.emplace(std::move(list), static_cast<uint16_t>(place)).first->second;
}

bool LocalPools::Settle(dataplane::Snapshot* snapshot) {
  const bool is_new = snapshot->local_pools.empty() && !pools_.empty();
  if (!has_changed_ && !is_new) return false;
  std::vector<bool> is_used(pools_.size());
  for (const dataplane::RealView& real : snapshot->reals) {
    if (!real.local_pool.is_none()) is_used[real.local_pool.index()] = true;
  }
  bool has_freed = false;
  for (size_t i = 0; i < pools_.size(); ++i) {
    if (is_used[i] || pools_[i].empty()) continue;
    ids_.erase(pools_[i]);
    pools_[i].clear();
    has_freed = true;
  }
  while (!pools_.empty() && pools_.back().empty()) pools_.pop_back();
  if (has_freed) {
    known4_.clear();
    known6_.clear();
    free_.clear();
    for (size_t i = pools_.size(); i-- > 0;) {
      if (pools_[i].empty()) free_.push_back(i);
    }
  }
  snapshot->local_pools.clear();
  for (const Addresses& pool : pools_) snapshot->local_pools.push_back({.addresses = pool});
  has_changed_ = false;
  return true;
}

void AddLocalAddresses(const ConfigModel& model, std::span<const dataplane::LocalPool> pools,
                       std::vector<std::vector<IpAddress>>* of_ports) {
  for (size_t i = 0; i < of_ports->size(); ++i) {
    if (model.ports[i].role == PortRole::kOutside) continue;
    std::vector<IpAddress>& all = (*of_ports)[i];
    for (const dataplane::LocalPool& pool : pools) {
      all.insert(all.end(), pool.addresses.begin(), pool.addresses.end());
    }
  }
}

}  // namespace fairlead::control
