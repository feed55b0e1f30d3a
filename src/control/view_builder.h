// What the API thread is shown: model, ids, checkers and the snapshot in use, joined.
//
//   ControlView view = BuildView({.model = model, …});
//
// Fills services, rules, ports and health_checks; who runs the reloads fills the rest. Reals stand
// in list order, as in IPVS: newest first, then ghosts. Threads: the control core.
#pragma once

#include <span>

#include "control/config/model.h"
#include "control/health/monitor.h"
#include "control/id_map.h"
#include "control/overlay.h"
#include "control/port_runtime.h"
#include "control/time_point.h"
#include "control/traffic_ledger.h"
#include "control/view.h"
#include "dataplane/snapshot.h"

namespace fairlead::control {

struct ViewInput {
  const ConfigModel& model;
  std::span<const PortRuntime> ports;
  const IdMap& ids;
  const HealthMonitor& health;
  const dataplane::Snapshot& snapshot;  // built from these
  const Overlay& overlay;
  TimePoint now;
  const TrafficLedger* ledger = nullptr;  // follows `ids`; null: no zeroes, no rates
};

ControlView BuildView(const ViewInput& input);

}  // namespace fairlead::control
