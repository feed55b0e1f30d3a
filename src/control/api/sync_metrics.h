// Metrics of the synchronisation with other directors.
//
//   AddSyncMetrics(fabric.stats, {view->sync.get(), view->stream.get()}, &families);
//
// Threads: the API thread.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "control/sync/stream/stream_info.h"
#include "control/sync/sync_info.h"
#include "dataplane/shard/counters.h"

namespace fairlead::api {

// Null: that way is off, and has no metrics.
struct SyncShown {
  const control::SyncInfo* ipvs = nullptr;
  const control::StreamInfo* stream = nullptr;
};

void AddSyncMetrics(const dataplane::StatsBoard& stats, const SyncShown& shown,
                    std::vector<prometheus::MetricFamily>* families);

}  // namespace fairlead::api
