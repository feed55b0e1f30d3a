// The metrics of source NAT: a line for each rule.
//
//   AddSnatMetrics(fabric.stats, view, &families);
//
// Threads: the API's.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

namespace fairlead::control {
struct ControlView;
}
namespace fairlead::dataplane {
class StatsBoard;
}

namespace fairlead::api {

void AddSnatMetrics(const dataplane::StatsBoard& stats, const control::ControlView& view,
                    std::vector<prometheus::MetricFamily>* families);

}  // namespace fairlead::api
