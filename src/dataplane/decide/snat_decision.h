// Which rule of source NAT a packet goes by (docs/snat.md).
//
//   // One that no service takes; null: none.
//   const SnatRule* rule = DecideSnat(snapshot, source, destination, input_port);
//   if (rule != nullptr && IsForgedHost(snapshot, source, input_port)) …bad_source…
//   // A client whose real server of NAT is in its own network; null: it keeps its address.
//   const SnatRule* rule = DecideHairpin(snapshot, client, real.address);
//
// Hairpin. Such a real server would answer its client past the director, from an address that the
// client has not asked. So it is to see an address of the client's rule: its answers then come
// back through the director. Their connection is one of FULLNAT, whose local endpoint is the
// rule's (decide/local_endpoint.h), and belongs to the owner of its client. Flows of source NAT
// have other owners, so no worker could see that both use one endpoint: where a rule translates
// what goes to the real server, there is no hairpin.
//
// Threads: the worker's.
#pragma once

#include "dataplane/decide/decision.h"

namespace fairlead::dataplane {

// A port of role outside brings what the world sends, be it the port by which the routes lead back
// or another such one. A host to which they lead elsewhere is not there: somebody out there has its
// address.
inline bool IsForgedHost(const Snapshot& snapshot, const IpAddress& source,
                         PortId input_port) noexcept {
  if (snapshot.ports[input_port.index()].role != PortRole::kOutside) return false;
  const RouteView* back = snapshot.routes.Find(source);
  return back == nullptr || snapshot.ports[back->output.index()].role != PortRole::kOutside;
}

// Null as well where the packet would not leave: for an address of ours, claimed, or without route.
// A rule for everybody is not about the world itself, on its way from one side of it to another.
// Precondition: snapshot.snat is not null.
inline const SnatRule* DecideSnat(const Snapshot& snapshot, const IpAddress& source,
                                  const IpAddress& destination, PortId input_port) noexcept {
  const SnatView& view = *snapshot.snat;
  if (!view.MayBeFrom(source) || snapshot.FindLocal(destination) != nullptr) return nullptr;
  if (ClaimOn(snapshot, destination, input_port) != Claim::kNone) return nullptr;
  const RouteView* route = snapshot.routes.Find(destination);
  if (route == nullptr) return nullptr;
  const bool is_inside = snapshot.ports[route->output.index()].role == PortRole::kInside;
  const SnatRule* rule = view.Find(source, destination, route->output, is_inside);
  if (rule == nullptr || rule->source.length > 0 || is_inside) return rule;
  const bool is_outside = snapshot.ports[input_port.index()].role == PortRole::kOutside;
  return is_outside && !IsForgedHost(snapshot, source, input_port) ? nullptr : rule;
}

// Whether what this real server sends to a rule's address can only be an answer in a hairpin.
// Precondition: as above.
inline bool MayHairpin(const Snapshot& snapshot, const IpAddress& real) noexcept {
  const RouteView* route = snapshot.routes.Find(real);
  return route != nullptr &&
         !snapshot.snat->MayTranslateTo(
             real, route->output, snapshot.ports[route->output.index()].role == PortRole::kInside);
}

// `real`: of NAT, and of the client's family. Snapshots without rules have none.
inline const SnatRule* DecideHairpin(const Snapshot& snapshot, const IpAddress& client,
                                     const IpAddress& real) noexcept {
  if (snapshot.snat == nullptr) return nullptr;
  const SnatRule* rule = snapshot.snat->Of(client);
  if (rule == nullptr || snapshot.routes.Find(client) != snapshot.routes.Find(real)) return nullptr;
  return MayHairpin(snapshot, real) ? rule : nullptr;
}

}  // namespace fairlead::dataplane
