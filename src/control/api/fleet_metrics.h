// Metrics of the fleet that a director belongs to; without one there are none.
//
//   AddFleetMetrics(*fleet.info(), &families);
//
// Threads: the API thread.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "control/fleet/fleet_info.h"

namespace fairlead::api {

void AddFleetMetrics(const control::FleetInfo& info,
                     std::vector<prometheus::MetricFamily>* families);

}  // namespace fairlead::api
