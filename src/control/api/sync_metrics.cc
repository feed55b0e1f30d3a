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

Labels LabelsOf(const control::StreamPeerInfo& peer, const char* direction) {
  return {{"peer", peer.name}, {"direction", direction}};
}

void AddDatagrams(const control::SyncInfo& sync, std::vector<MetricFamily>* families) {
  FamilyBuilder(families, MetricType::Gauge, "fairlead_sync_open",
                "1 when the sockets of sync.ipvs are open, 0 when not")
      .Add({{"peer", "ipvs"}}, sync.is_open ? 1 : 0);
  FamilyBuilder(families, MetricType::Gauge, "fairlead_sync_unknown_reals",
                "Real servers that no configuration names and messages of kernel directors do")
      .Add({{"peer", "ipvs"}}, sync.unknown_reals == nullptr ? 0 : sync.unknown_reals->size());
  FamilyBuilder datagrams(families, MetricType::Counter, "fairlead_sync_datagrams_total",
                          "Datagrams of synchronisation");
  datagrams.Add(LabelsOfDirection("in"), sync.received.datagrams);
  datagrams.Add(LabelsOfDirection("out"), sync.sent.datagrams);
}

void AddEntries(const SyncShown& shown, std::vector<MetricFamily>* families) {
  FamilyBuilder entries(families, MetricType::Counter, "fairlead_sync_entries_total",
                        "Connections and templates that were taken in, and sent");
  if (shown.ipvs != nullptr) {
    const control::IntakeCounts& in = shown.ipvs->received;
    entries.Add(LabelsOfDirection("in"), in.connections + in.templates);
    entries.Add(LabelsOfDirection("out"), shown.ipvs->sent.entries);
  }
  if (shown.stream == nullptr) return;
  for (const control::StreamPeerInfo& peer : shown.stream->peers) {
    const control::PeerCounts& counts = peer.counts;
    entries.Add(LabelsOf(peer, "in"), counts.connections_in + counts.templates_in);
    entries.Add(LabelsOf(peer, "out"), counts.entries_out);
  }
}

void AddLags(const control::StreamInfo& stream, std::vector<MetricFamily>* families) {
  FamilyBuilder lag(families, MetricType::Gauge, "fairlead_sync_lag_seconds",
                    "Age of the oldest entry that the receiver has not taken in");
  for (const control::StreamPeerInfo& peer : stream.peers) {
    if (!peer.is_connected()) continue;  // nobody knows
    lag.Add(LabelsOf(peer, "in"), static_cast<double>(peer.lag_in.count()) / 1000);
    lag.Add(LabelsOf(peer, "out"), static_cast<double>(peer.lag_out.count()) / 1000);
  }
}

void AddPeers(const control::StreamInfo& stream, std::vector<MetricFamily>* families) {
  {
    FamilyBuilder connected(families, MetricType::Gauge, "fairlead_sync_connected",
                            "1 while there is a session with the peer");
    for (const control::StreamPeerInfo& peer : stream.peers) {
      connected.Add({{"peer", peer.name}}, peer.is_connected() ? 1 : 0);
    }
  }
  AddLags(stream, families);
  FamilyBuilder left(families, MetricType::Gauge, "fairlead_sync_ranges_left",
                     "Parts of the tables, of 4096, that are still to be sent");
  for (const control::StreamPeerInfo& peer : stream.peers) {
    if (peer.is_connected()) left.Add(LabelsOf(peer, "in"), peer.ranges_left_in);
    left.Add(LabelsOf(peer, "out"), peer.ranges_left_out);
  }
}

void AddRefusedOf(const control::StreamPeerInfo& peer, FamilyBuilder* refused) {
  const control::PeerCounts& counts = peer.counts;
  for (size_t i = 0; i < counts.refused.size(); ++i) {
    refused->Add({{"peer", peer.name}, {"reason", std::string(sync::kStreamRefusalNames[i])}},
                 counts.refused[i]);
  }
  for (size_t i = 0; i < counts.faults.size(); ++i) {
    refused->Add({{"peer", peer.name}, {"reason", std::string(dataplane::kSyncFaultNames[i])}},
                 counts.faults[i]);
  }
}

void AddRefused(const SyncShown& shown, std::vector<MetricFamily>* families) {
  FamilyBuilder refused(families, MetricType::Counter, "fairlead_sync_refused_total",
                        "Entries, datagrams and sessions left out, by reason");
  if (shown.stream != nullptr) {
    for (const control::StreamPeerInfo& peer : shown.stream->peers) AddRefusedOf(peer, &refused);
  }
  if (shown.ipvs == nullptr) return;
  const control::SyncInfo& sync = *shown.ipvs;
  const control::IntakeCounts& in = sync.received;
  for (size_t i = 0; i < in.refused.size(); ++i) {
    refused.Add({{"reason", std::string(sync::kSyncRefusalNames[i])}}, in.refused[i]);
  }
  for (size_t i = 0; i < in.faults.size(); ++i) {
    refused.Add({{"reason", std::string(dataplane::kSyncFaultNames[i])}}, in.faults[i]);
  }
  refused.Add({{"reason", "not_a_peer"}}, sync.foreign);
}

void AddNewsLost(const dataplane::StatsBoard& stats, const SyncShown& shown,
                 std::vector<MetricFamily>* families) {
  uint64_t ipvs = 0, stream = 0;
  for (size_t w = 0; w < stats.worker_count(); ++w) {
    const auto& counters = stats.worker(WorkerId{static_cast<uint8_t>(w)});
    ipvs += counters.sync_news_lost.value();
    stream += counters.stream_news_lost.value();
  }
  FamilyBuilder lost(families, MetricType::Counter, "fairlead_sync_news_lost_total",
                     "News of workers that found their ring full");
  if (shown.ipvs != nullptr) lost.Add({{"protocol", "ipvs"}}, ipvs);
  if (shown.stream != nullptr) lost.Add({{"protocol", "stream"}}, stream);
}

}  // namespace

void AddSyncMetrics(const dataplane::StatsBoard& stats, const SyncShown& shown,
                    std::vector<MetricFamily>* families) {
  if (shown.ipvs == nullptr && shown.stream == nullptr) return;
  if (shown.ipvs != nullptr) AddDatagrams(*shown.ipvs, families);
  AddEntries(shown, families);
  if (shown.stream != nullptr) AddPeers(*shown.stream, families);
  AddRefused(shown, families);
  AddNewsLost(stats, shown, families);
  if (shown.ipvs == nullptr) return;
  uint64_t lost = shown.ipvs->sent.unsent;
  for (size_t w = 0; w < stats.worker_count(); ++w) {
    lost += stats.worker(WorkerId{static_cast<uint8_t>(w)}).sync_news_lost.value();
  }
  FamilyBuilder(families, MetricType::Counter, "fairlead_sync_lost_total",
                "Entries that were not sent: a worker's ring was full, or the network took nothing")
      .Add({}, lost);
}

}  // namespace fairlead::api
