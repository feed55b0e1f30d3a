// The director's own presence on its networks: ports, local addresses, routes, announcements.
//
//   std::vector<NeighbourId> gateways =
//       FillPorts(model, addresses, runtimes, links, intern, &snapshot);
//   FillLocalAddresses(model, addresses, &snapshot);
//   NextHop hop = FindNextHop(snapshot, address, intern);       // none: no route
//   announcer.Announce(AnnouncementsOf(model, addresses), now);
//
// Which addresses ports have, and which of all are answered for, says port_addresses.h. Pure
// functions but for `intern`.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "control/announcer.h"
#include "control/config/model.h"
#include "control/port_addresses.h"
#include "control/port_links.h"
#include "control/port_runtime.h"
#include "dataplane/snapshot/snapshot.h"

namespace fairlead::control {

// Gives the id of a neighbour that the snapshot under construction names.
using InternNeighbour = std::function<NeighbourId(PortId, const IpAddress&)>;

// Ports and routes; returns the gateways of the routes, in their order. Of several ways to one
// network the first whose port has a link is taken: the network of a port itself, then the routes
// as they are listed. Where none has, a port's own network stays where it is, so that packets for
// it leave nowhere else, and a route is left out, so that a shorter prefix decides. `links`: null,
// all are up. Precondition: as many addresses, runtimes and links as ports.
std::vector<NeighbourId> FillPorts(const ConfigModel& model, const PortAddresses& addresses,
                                   std::span<const PortRuntime> runtimes, const PortLinks* links,
                                   const InternNeighbour& intern, dataplane::Snapshot* snapshot);
// Virtual addresses and those of the ports. One that several ports have is the first one's, and
// before that the one's whose configuration names it.
void FillLocalAddresses(const ConfigModel& model, const PortAddresses& addresses,
                        dataplane::Snapshot* snapshot);

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

// Port addresses on their port, virtual addresses on every port that is not inside.
std::vector<Announcement> AnnouncementsOf(const ConfigModel& model, const PortAddresses& addresses);

}  // namespace fairlead::control
