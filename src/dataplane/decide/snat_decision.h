// Which rule of source NAT a packet goes by that no service takes (docs/snat.md).
//
//   const SnatRule* rule = DecideSnat(snapshot, source, destination, input_port);   // null: none
//
// Threads: the worker's.
#pragma once

#include "dataplane/decide/decision.h"

namespace fairlead::dataplane {

// Null as well where the packet would not leave: for an address of ours, claimed, or without route.
// Precondition: snapshot.snat is not null.
inline const SnatRule* DecideSnat(const Snapshot& snapshot, const IpAddress& source,
                                  const IpAddress& destination, PortId input_port) noexcept {
  const SnatView& view = *snapshot.snat;
  if (!view.MayBeFrom(source) || snapshot.FindLocal(destination) != nullptr) return nullptr;
  if (ClaimOn(snapshot, destination, input_port) != Claim::kNone) return nullptr;
  const RouteView* route = snapshot.routes.Find(destination);
  if (route == nullptr) return nullptr;
  return view.Find(source, destination, route->output,
                   snapshot.ports[route->output.index()].role == PortRole::kInside);
}

}  // namespace fairlead::dataplane
