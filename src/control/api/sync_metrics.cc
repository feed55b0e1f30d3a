#include "control/api/sync_metrics.h"

#include <string>

#include "control/api/metric_family.h"

namespace fairlead::api {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

Labels LabelsOfDirection(const char* direction) {
  return {{"peer", "ipvs"}, {"direction", direction}};
}

void AddEntries(const control::SyncInfo& sync, std::vector<MetricFamily>* families) {
  {
    FamilyBuilder datagrams(families, MetricType::Counter, "fairlead_sync_datagrams_total",
                            "Datagrams of synchronisation");
    datagrams.Add(LabelsOfDirection("in"), sync.received.datagrams);
    datagrams.Add(LabelsOfDirection("out"), sync.sent.datagrams);
  }
  FamilyBuilder entries(families, MetricType::Counter, "fairlead_sync_entries_total",
                        "Connections and templates in them; in: that were taken in");
  entries.Add(LabelsOfDirection("in"), sync.received.connections + sync.received.templates);
  entries.Add(LabelsOfDirection("out"), sync.sent.entries);
}

void AddRefused(const control::SyncInfo& sync, std::vector<MetricFamily>* families) {
  FamilyBuilder refused(families, MetricType::Counter, "fairlead_sync_refused_total",
                        "Entries and datagrams left out, by reason");
  const control::IntakeCounts& in = sync.received;
  for (size_t i = 0; i < in.refused.size(); ++i) {
    refused.Add({{"reason", std::string(sync::kSyncRefusalNames[i])}}, in.refused[i]);
  }
  for (size_t i = 0; i < in.faults.size(); ++i) {
    refused.Add({{"reason", std::string(dataplane::kSyncFaultNames[i])}}, in.faults[i]);
  }
  refused.Add({{"reason", "not_a_peer"}}, sync.foreign);
}

}  // namespace

void AddSyncMetrics(const dataplane::StatsBoard& stats, const control::SyncInfo* sync,
                    std::vector<MetricFamily>* families) {
  if (sync == nullptr) return;
  FamilyBuilder(families, MetricType::Gauge, "fairlead_sync_open",
                "1 when the sockets of sync.ipvs are open, 0 when not")
      .Add({{"peer", "ipvs"}}, sync->is_open ? 1 : 0);
  AddEntries(*sync, families);
  AddRefused(*sync, families);
  uint64_t lost = sync->sent.unsent;
  for (size_t w = 0; w < stats.worker_count(); ++w) {
    lost += stats.worker(WorkerId{static_cast<uint8_t>(w)}).sync_news_lost.value();
  }
  FamilyBuilder(families, MetricType::Counter, "fairlead_sync_lost_total",
                "Entries that were not sent: a worker's ring was full, or the network took nothing")
      .Add({}, lost);
}

}  // namespace fairlead::api
