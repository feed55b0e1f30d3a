// Parts of the model as workers read them: one to one, nothing decided.
//
//   dataplane::ServiceView view = ViewOf(id, config, model.policy);   // without persistence, plan
//   SetNextHop(FindNextHop(snapshot, address, intern), &path_mtus, &real);
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
// `path_mtus` null: paths are as wide as their first link.
void SetNextHop(const NextHop& hop, const PathMtus* path_mtus, dataplane::RealView* view);

}  // namespace fairlead::control
