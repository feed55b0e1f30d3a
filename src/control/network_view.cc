#include "control/network_view.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

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

// RFC 919; a network of one or two addresses has none (RFC 3021). Precondition: IPv4.
Ipv4Address BroadcastOf(const Prefix& prefix) {
  const uint32_t hosts = prefix.length == 0 ? ~0u : (1u << (32 - prefix.length)) - 1;
  return Ipv4Address::FromHost(prefix.address.v4().value.host() | hosts);
}

struct OnLink {
  PortId port;
  IpAddress source;
};

bool IsUp(const PortLinks* links, PortId port) { return links == nullptr || links->is_up(port); }

// The port whose network holds `address`: the longest prefix of all port addresses, and of equal
// ones the first whose port has a link.
std::optional<OnLink> FindOnLink(const PortAddresses& addresses, const PortLinks* links,
                                 const IpAddress& address) {
  std::optional<OnLink> best;
  std::pair<int, bool> best_rank{-1, false};
  for (size_t i = 0; i < addresses.size(); ++i) {
    for (const Prefix& prefix : addresses[i]) {
      const std::pair<int, bool> rank{prefix.length, IsUp(links, PortAt(i))};
      if (rank <= best_rank || !prefix.Contains(address)) continue;
      best = {PortAt(i), prefix.address};
      best_rank = rank;
    }
  }
  return best;
}

// The ways to each network, of which one is taken.
class Ways {
 public:
  explicit Ways(const PortLinks* links) : links_(links) {}

  void Add(const Prefix& to, const dataplane::RouteView& way) {
    const bool is_up = IsUp(links_, way.output);
    const bool is_on_link = way.gateway.is_none();
    if (!is_up && !is_on_link) return;
    const auto [found, is_new] = ways_.try_emplace({to.network(), to.length}, Way{way, is_up});
    if (!is_new && !found->second.is_up && is_up) found->second = {way, is_up};
  }

  [[nodiscard]] dataplane::PrefixMap<dataplane::RouteView> Build() const {
    std::vector<dataplane::PrefixMap<dataplane::RouteView>::Entry> entries;
    for (const auto& [to, way] : ways_) entries.push_back({{to.first, to.second}, way.view});
    return dataplane::PrefixMap<dataplane::RouteView>::Build(entries);
  }

 private:
  struct Way {
    dataplane::RouteView view;
    bool is_up;
  };

  const PortLinks* const links_;
  std::map<std::pair<IpAddress, int>, Way> ways_;
};

}  // namespace

std::vector<NeighbourId> FillPorts(const ConfigModel& model, const PortAddresses& addresses,
                                   std::span<const PortRuntime> runtimes, const PortLinks* links,
                                   const InternNeighbour& intern, dataplane::Snapshot* snapshot) {
  Ways ways(links);
  snapshot->ports.clear();
  snapshot->broadcasts.clear();
  for (size_t i = 0; i < model.ports.size(); ++i) {
    const PortConfig& port = model.ports[i];
    snapshot->ports.push_back({.mac = runtimes[i].mac,
                               .mtu_bytes = runtimes[i].mtu_bytes,
                               .role = RoleOf(port.role),
                               .has_host = !runtimes[i].host_interface.empty(),
                               .sums_ip_headers = runtimes[i].sums_ip_headers});
    for (const Prefix& prefix : addresses[i]) {
      ways.Add(prefix, {.output = PortAt(i),
                        .length = static_cast<uint8_t>(prefix.length),
                        .gateway = {},
                        .gateway_address = {},
                        .source = prefix.address});
      if (prefix.address.is_v4() && prefix.length < 31) {
        snapshot->broadcasts.push_back(BroadcastOf(prefix));
      }
    }
  }
  std::vector<NeighbourId> gateways;
  for (const RouteConfig& route : model.routes) {
    const auto link = FindOnLink(addresses, links, route.via);
    if (!link) continue;
    gateways.push_back(intern(link->port, route.via));
    ways.Add(route.to, {.output = link->port,
                        .length = static_cast<uint8_t>(route.to.length),
                        .gateway = gateways.back(),
                        .gateway_address = route.via,
                        .source = link->source});
  }
  snapshot->routes = ways.Build();
  return gateways;
}

void FillLocalAddresses(const ConfigModel& model, const PortAddresses& addresses,
                        dataplane::Snapshot* snapshot) {
  snapshot->local_addresses.clear();
  for (const AnsweredVip& vip : AnswersOf(model, addresses)) {
    snapshot->local_addresses[vip.address] = {
        .is_vip = true, .port = {}, .is_announced = vip.is_answered};
  }
  for (size_t i = 0; i < model.ports.size(); ++i) {
    for (const Prefix& prefix : model.ports[i].addresses) {
      dataplane::LocalAddress& local = snapshot->local_addresses[prefix.address];
      local.port = PortAt(i);
      local.is_announced = true;
    }
  }
  for (size_t i = 0; i < addresses.size(); ++i) {
    for (const Prefix& prefix : addresses[i]) {
      dataplane::LocalAddress& local = snapshot->local_addresses[prefix.address];
      if (local.port.is_none()) local.port = PortAt(i);
    }
  }
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

std::vector<Announcement> AnnouncementsOf(const ConfigModel& model,
                                          const PortAddresses& addresses) {
  const auto answered = AnsweredOn(
      model, addresses, [](const PortConfig& port) { return port.role != PortRole::kInside; });
  std::vector<Announcement> all;
  for (size_t i = 0; i < answered.size(); ++i) {
    for (const IpAddress& address : answered[i]) all.push_back({PortAt(i), address});
  }
  return all;
}

}  // namespace fairlead::control
