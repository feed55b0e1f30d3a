#include "control/network_view.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "control/config/address_users.h"
#include "control/local_pools.h"

namespace fairlead::control {
namespace {

dataplane::PortRole RoleOf(PortRole role) {
  switch (role) {
    case PortRole::kOutside:
      return dataplane::PortRole::kOutside;
    case PortRole::kInside:
      return dataplane::PortRole::kInside;
    case PortRole::kBoth:
      break;
  }
  return dataplane::PortRole::kBoth;
}

PortId PortAt(size_t index) { return PortId{static_cast<uint8_t>(index)}; }

struct OnLink {
  PortId port;
  IpAddress source;
};

bool IsUp(const PortLinks* links, PortId port) { return links == nullptr || links->is_up(port); }

// The port whose network holds `address`: the longest prefix of all port addresses, and of equal
// ones the first whose port has a link.
std::optional<OnLink> FindOnLink(const NetworkInput& network, const IpAddress& address) {
  std::optional<OnLink> best;
  std::pair<int, bool> best_rank{-1, false};
  for (size_t i = 0; i < network.addresses.size(); ++i) {
    for (const Prefix& prefix : network.addresses[i]) {
      const std::pair<int, bool> rank{prefix.length, IsUp(network.links, PortAt(i))};
      if (rank <= best_rank || !prefix.Contains(address)) continue;
      best = {PortAt(i), prefix.address};
      best_rank = rank;
    }
  }
  return best;
}

// Our address on the port, towards a neighbour there: in its network, else the first of its family.
IpAddress SourceTowards(const std::vector<Prefix>& addresses, const IpAddress& neighbour) {
  IpAddress source = neighbour.is_v4() ? IpAddress{} : IpAddress{Ipv6Address{}};
  bool is_found = false;
  for (const Prefix& prefix : addresses) {
    if (prefix.address.family() != neighbour.family()) continue;
    if (prefix.Contains(neighbour)) return prefix.address;
    if (!std::exchange(is_found, true)) source = prefix.address;
  }
  return source;
}

struct WayTo {
  ListedRoute route;
  IpAddress source;
};

// Calls visit(way) for each, in the order in which they are preferred.
template <typename Visit>
void ForEachWay(const NetworkInput& network, Visit visit) {
  using Source = ListedRoute::Source;
  for (size_t i = 0; i < network.addresses.size(); ++i) {
    for (const Prefix& prefix : network.addresses[i]) {
      const IpAddress none = prefix.address.is_v4() ? IpAddress{} : IpAddress{Ipv6Address{}};
      visit(WayTo{{{prefix.network(), prefix.length}, none, PortAt(i), Source::kConnected},
                  prefix.address});
    }
  }
  for (const RouteConfig& route : network.model.routes) {
    const auto link = FindOnLink(network, route.via);
    WayTo way{{route.to, route.via, PortId{}, Source::kStatic}, {}};
    if (link) way.route.port = link->port;
    if (link) way.source = link->source;
    visit(way);
  }
  if (network.kernel == nullptr) return;
  for (const KernelRoute& route : network.kernel->routes) {
    if (route.port.index() >= network.addresses.size()) continue;
    visit(WayTo{{route.to, route.via, route.port, Source::kKernel},
                SourceTowards(network.addresses[route.port.index()], route.via)});
  }
}

// The ways to each network, of which one is taken.
class Ways {
 public:
  explicit Ways(const PortLinks* links) : links_(links) {}

  // False: it cannot be taken, or another one goes before.
  bool Add(const ListedRoute& route, size_t index) {
    if (route.port.is_none()) return false;
    const bool is_up = IsUp(links_, route.port);
    if (!is_up && !route.via.is_unspecified()) return false;
    const auto [found, is_new] =
        ways_.try_emplace({route.to.network(), route.to.length}, Way{index, is_up});
    if (is_new) return true;
    if (found->second.is_up || !is_up) return false;
    found->second = {index, is_up};
    return true;
  }

  template <typename Visit>
  void ForEachTaken(Visit visit) const {
    for (const auto& [to, way] : ways_) visit(way.index);
  }

 private:
  struct Way {
    size_t index;
    bool is_up;
  };

  const PortLinks* const links_;
  std::map<std::pair<IpAddress, int>, Way> ways_;
};

// Ten thousand routes have few gateways.
class GatewayIds {
 public:
  explicit GatewayIds(const InternNeighbour& intern) : intern_(intern) {}
  // None: on link.
  NeighbourId Of(const ListedRoute& route) {
    if (route.via.is_unspecified() || route.port.is_none()) return NeighbourId{};
    const auto [found, is_new] = known_.try_emplace({route.port, route.via}, NeighbourId{});
    if (is_new) in_order_.push_back(found->second = intern_(route.port, route.via));
    return found->second;
  }
  [[nodiscard]] std::vector<NeighbourId> Take() { return std::move(in_order_); }

 private:
  const InternNeighbour& intern_;
  std::map<std::pair<PortId, IpAddress>, NeighbourId> known_;
  std::vector<NeighbourId> in_order_;
};

dataplane::PrefixMap<dataplane::RouteView> RoutesOf(const NetworkInput& network,
                                                    const InternNeighbour& intern) {
  Ways ways(network.links);
  std::vector<WayTo> all;
  ForEachWay(network, [&](const WayTo& way) {
    if (ways.Add(way.route, all.size())) all.push_back(way);
  });
  GatewayIds gateways(intern);
  std::vector<dataplane::PrefixMap<dataplane::RouteView>::Entry> entries;
  ways.ForEachTaken([&](size_t index) {
    const auto& [route, source] = all[index];
    const bool is_on_link = route.via.is_unspecified();
    entries.push_back({{route.to.network(), route.to.length},
                       {.output = route.port,
                        .length = static_cast<uint8_t>(route.to.length),
                        .gateway = gateways.Of(route),
                        .gateway_address = is_on_link ? IpAddress{} : route.via,
                        .source = source}});
  });
  return dataplane::PrefixMap<dataplane::RouteView>::Build(entries);
}

}  // namespace

std::vector<NeighbourId> InternGateways(const NetworkInput& network,
                                        const InternNeighbour& intern) {
  GatewayIds gateways(intern);
  ForEachWay(network, [&](const WayTo& way) { gateways.Of(way.route); });
  return gateways.Take();
}

std::string_view ToWord(ListedRoute::Source source) {
  switch (source) {
    case ListedRoute::Source::kConnected:
      return "connected";
    case ListedRoute::Source::kStatic:
      return "static";
    case ListedRoute::Source::kKernel:
      break;
  }
  return "kernel";
}

std::vector<ListedRoute> ListRoutes(const NetworkInput& network) {
  Ways ways(network.links);
  std::vector<ListedRoute> all;
  ForEachWay(network, [&](const WayTo& way) {
    ways.Add(way.route, all.size());
    all.push_back(way.route);
  });
  ways.ForEachTaken([&all](size_t index) { all[index].is_used = true; });
  return all;
}

namespace {

uint8_t BitsOf(const std::vector<TunnelType>& types) {
  uint8_t bits = 0;
  for (const TunnelType type : types) bits = static_cast<uint8_t>(bits | TunnelBit(type));
  return bits;
}

}  // namespace

void FillPorts(const NetworkInput& network, std::span<const PortRuntime> runtimes,
               const InternNeighbour& intern, dataplane::Snapshot* snapshot) {
  snapshot->ports.clear();
  snapshot->broadcasts.clear();
  for (size_t i = 0; i < network.model.ports.size(); ++i) {
    snapshot->ports.push_back({.mac = runtimes[i].mac,
                               .mtu_bytes = runtimes[i].mtu_bytes,
                               .role = RoleOf(network.model.ports[i].role),
                               .has_host = !runtimes[i].host_interface.empty(),
                               .has_vlans = runtimes[i].has_vlans,
                               .sums_ip_headers = runtimes[i].sums_ip_headers,
                               .decapsulates = BitsOf(network.model.ports[i].decapsulate)});
    for (const Prefix& prefix : network.addresses[i]) {
      if (HasBroadcast(prefix)) snapshot->broadcasts.push_back(BroadcastOfNetwork(prefix).v4());
    }
  }
  snapshot->routes = RoutesOf(network, intern);
}

void FillLocalAddresses(const ConfigModel& model, const PortAddresses& addresses,
                        const Presence& presence, dataplane::Snapshot* snapshot) {
  snapshot->local_addresses.clear();
  for (const AnsweredVip& vip : AnswersOf(model, addresses, presence)) {
    snapshot->local_addresses[vip.address] = {
        .is_vip = true,
        .port = {},
        .is_announced = vip.is_answered,
        .is_of_kernel = vip.announce == Announce::kFollowKernel};
  }
  for (size_t i = 0; i < model.ports.size(); ++i) {
    for (const Prefix& prefix : model.ports[i].addresses) {
      dataplane::LocalAddress& local = snapshot->local_addresses[prefix.address];
      local.port = PortAt(i);
      local.is_announced = true;
      local.is_of_kernel = false;
    }
  }
  for (size_t i = 0; i < addresses.size(); ++i) {
    for (const Prefix& prefix : addresses[i]) {
      dataplane::LocalAddress& local = snapshot->local_addresses[prefix.address];
      if (!local.port.is_none()) continue;
      local.port = PortAt(i);
      local.is_of_kernel |= !local.is_vip;
    }
  }
  dataplane::MarkLocalPorts(snapshot);
  dataplane::IndexOwnAddresses(snapshot);
}

NextHop FindNextHop(const dataplane::Snapshot& snapshot, const IpAddress& address,
                    const InternNeighbour& intern) {
  const dataplane::RouteView* route = snapshot.routes.Find(address);
  if (route == nullptr) return {};
  const bool is_on_link = route->gateway.is_none();
  return {.neighbour = is_on_link ? intern(route->output, address) : route->gateway,
          .output = route->output,
          .mtu_bytes = snapshot.ports[route->output.index()].mtu_bytes,
          .address = is_on_link ? address : route->gateway_address,
          .source = route->source};
}

std::vector<Announcement> AnnouncementsOf(const ConfigModel& model, const PortAddresses& addresses,
                                          const Presence& presence,
                                          std::span<const dataplane::LocalPool> local_pools) {
  auto answered = AnsweredOn(model, addresses, presence,
                             [](const PortConfig& port) { return port.role != PortRole::kInside; });
  AddLocalAddresses(model, local_pools, &answered);
  std::vector<Announcement> all;
  for (size_t i = 0; i < answered.size(); ++i) {
    for (const IpAddress& address : answered[i]) all.push_back({PortAt(i), address});
  }
  std::ranges::sort(all);  // pools may share addresses
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

}  // namespace fairlead::control
