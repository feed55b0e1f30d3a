// Parts of the model as workers read them: one to one, nothing decided.
//
//   dataplane::ServiceView view = ViewOf(id, config, model.policy);   // without persistence, plan
//   SetNextHop(FindNextHop(snapshot, address, intern), &path_mtus, service.family, &real);
//
// Pure functions.
#pragma once

#include "control/config/model.h"
#include "control/network_view.h"
#include "control/path_mtus.h"
#include "dataplane/snapshot/snapshot.h"

namespace fairlead::control {

TickCount TicksFrom(Duration duration);
dataplane::Timeouts TimeoutsFrom(const TimeoutsConfig& config);
dataplane::PolicyView PolicyFrom(const ServicePolicy& policy, NoListener no_listener);
dataplane::ServiceView ViewOf(ServiceId id, const ServiceConfig& config,
                              const PolicyConfig& policy);
// The widest packet that passes the path to a real behind a tunnel. `clients`: what is inside. What
// one client's router says of a path holds for all clients of the real, of either family, and none
// is narrowed below what it has to be able to send (tunnel_mtu.h).
uint16_t PathMtuOf(const PathMtus& path_mtus, uint16_t link_mtu_bytes, Family clients,
                   const dataplane::RealView& view);
// `path_mtus` null: paths are as wide as their first link.
void SetNextHop(const NextHop& hop, const PathMtus* path_mtus, Family clients,
                dataplane::RealView* view);

}  // namespace fairlead::control
