#include "control/config/reach.h"

#include <algorithm>

namespace fairlead::control {

Reach::Reach(const ConfigModel& model) {
  for (size_t i = 0; i < model.ports.size(); ++i) {
    for (const Prefix& own : model.ports[i].addresses) Add(own, i);
  }
  const Networks connected = networks_;
  for (const RouteConfig& route : model.routes) Add(route.to, Find(connected, route.via));
}

bool Reach::Contains(const IpAddress& address) const {
  return std::ranges::any_of(networks_, [&](const auto& entry) {
    const auto& [family, length] = entry.first;
    return family == address.family() && entry.second.contains(Prefix{address, length}.network());
  });
}

void Reach::Add(const Prefix& prefix, Port port) {
  networks_[{prefix.address.family(), prefix.length}].emplace(prefix.network(), port);
}

Reach::Port Reach::Find(const Networks& networks, const IpAddress& address) {
  for (auto entry = networks.rbegin(); entry != networks.rend(); ++entry) {
    const auto& [family, length] = entry->first;
    if (family != address.family()) continue;
    const auto found = entry->second.find(Prefix{address, length}.network());
    if (found != entry->second.end()) return found->second;
  }
  return std::nullopt;
}

}  // namespace fairlead::control
