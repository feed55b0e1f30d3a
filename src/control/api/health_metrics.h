// Metrics of health checks: how many, what hinders them, how long they take, whose certificate
// ends.
//
//   AddHealthMetrics(*view, &families);
//
// Threads: the API thread.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "control/view.h"

namespace fairlead::api {

void AddHealthMetrics(const control::ControlView& view,
                      std::vector<prometheus::MetricFamily>* families);

}  // namespace fairlead::api
