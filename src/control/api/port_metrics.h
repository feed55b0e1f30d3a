// Metrics of ports: what they carried, whether their line is up, what their drivers count.
//
//   AddPortMetrics(context, *view, &families);
//
// Threads: the API thread.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "control/api/context.h"
#include "control/view.h"

namespace fairlead::api {

void AddPortMetrics(const Context& context, const control::ControlView& view,
                    std::vector<prometheus::MetricFamily>* families);

}  // namespace fairlead::api
