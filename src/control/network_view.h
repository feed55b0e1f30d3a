// The director's own presence on its networks: ports, local addresses, routes, announcements.
//
//   std::vector<NeighbourId> gateways = InternGateways(network, intern);
//   FillPorts(network, runtimes, intern, &snapshot);
//   FillLocalAddresses(model, addresses, presence, &snapshot);
//   NextHop hop = FindNextHop(snapshot, address, intern);       // none: no route
//   announcer.Announce(AnnouncementsOf(model, addresses, presence), now);
//
// Which addresses ports have, and which of all are answered for, says port_addresses.h. Pure
// functions but for `intern`.
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "control/announcer.h"
#include "control/config/model.h"
#include "control/port_addresses.h"
#include "control/port_links.h"
#include "control/port_runtime.h"
#include "control/presence.h"
#include "dataplane/snapshot/snapshot.h"

namespace fairlead::control {

// Gives the id of a neighbour that the snapshot under construction names.
using InternNeighbour = std::function<NeighbourId(PortId, const IpAddress&)>;

// What routes are made of.
struct NetworkInput {
  const ConfigModel& model;
  const PortAddresses& addresses;  // an entry for each port
  const KernelNetwork* kernel;     // null: no routes of the kernel
  const PortLinks* links;          // null: all are up
};

// The gateways of all routes, each once, in the order of the routes.
std::vector<NeighbourId> InternGateways(const NetworkInput& network, const InternNeighbour& intern);

// Ports and routes. Of several ways to one network the first whose port has a link is taken: the
// network of a port itself, then the routes as they are listed, then those of the kernel, the best
// first. Where none has, a port's own network stays where it is, so that packets for it leave
// nowhere else, and a route is left out, so that a shorter prefix decides. Precondition: as many
// runtimes, and links, as ports.
void FillPorts(const NetworkInput& network, std::span<const PortRuntime> runtimes,
               const InternNeighbour& intern, dataplane::Snapshot* snapshot);

// Every way, and which of them is taken.
struct ListedRoute {
  enum class Source : uint8_t { kConnected, kStatic, kKernel };
  Prefix to;
  IpAddress via;  // unspecified: on link
  PortId port;    // none: no port has a network with the gateway
  Source source = Source::kConnected;
  bool is_used = false;
};
std::string_view ToWord(ListedRoute::Source source);
std::vector<ListedRoute> ListRoutes(const NetworkInput& network);

// Virtual addresses and those of the ports. One that several ports have is the first one's, and
// before that the one's whose configuration names it.
void FillLocalAddresses(const ConfigModel& model, const PortAddresses& addresses,
                        const Presence& presence, dataplane::Snapshot* snapshot);

struct NextHop {
  NeighbourId neighbour;
  PortId output;
  uint16_t mtu_bytes = 1500;
  IpAddress address{};  // of the neighbour: the destination itself or a gateway
  IpAddress source{};   // ours, towards it
};
// Precondition: FillPorts has filled the routes.
NextHop FindNextHop(const dataplane::Snapshot& snapshot, const IpAddress& address,
                    const InternNeighbour& intern);

// Port addresses on their port, virtual addresses that are answered for now on every port that is
// not inside, local addresses of FULLNAT on every port that is not outside. In order, each once.
std::vector<Announcement> AnnouncementsOf(const ConfigModel& model, const PortAddresses& addresses,
                                          const Presence& presence,
                                          std::span<const dataplane::LocalPool> local_pools);

}  // namespace fairlead::control
