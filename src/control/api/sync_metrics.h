// Metrics of the synchronisation with a kernel director.
//
//   AddSyncMetrics(fabric.stats, view->sync.get(), &families);
//
// Threads: the API thread.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "control/sync/sync_info.h"
#include "dataplane/shard/counters.h"

namespace fairlead::api {

// `sync`: null, it is off, and there are none.
void AddSyncMetrics(const dataplane::StatsBoard& stats, const control::SyncInfo* sync,
                    std::vector<prometheus::MetricFamily>* families);

}  // namespace fairlead::api
