#include "control/api/fleet_metrics.h"

#include "control/api/metric_family.h"

namespace fairlead::api {

using prometheus::MetricFamily;
using prometheus::MetricType;

void AddFleetMetrics(const control::FleetInfo& info, std::vector<MetricFamily>* families) {
  const auto add = [&](MetricType type, const char* name, const char* help, auto value) {
    FamilyBuilder(families, type, std::string("fairlead_fleet_") + name, help).Add({}, value);
  };
  add(MetricType::Gauge, "connected", "1 while the store of the fleet is watched, 0 when not",
      info.is_connected ? 1 : 0);
  add(MetricType::Gauge, "member", "1 while the other directors are told of this one",
      info.is_member ? 1 : 0);
  add(MetricType::Gauge, "members", "Directors that the store knows, this one among them",
      info.members.size());
  add(MetricType::Gauge, "revision", "Revision of the store's documents that are in force",
      info.revision);
  add(MetricType::Gauge, "heard_revision", "Revision of the documents that were heard last",
      info.heard_revision);
  add(MetricType::Gauge, "refused", "1 while the documents that were heard last are refused",
      info.refused.empty() ? 0 : 1);
  add(MetricType::Gauge, "from_disk",
      "1 while the configuration in force is one that was kept, since the store was away",
      info.is_from_disk ? 1 : 0);
  if (info.finds_peers) {
    add(MetricType::Gauge, "sync_peers", "Sync peers that the store has named (sync.peers: fleet)",
        info.sync_states.size());
    add(MetricType::Gauge, "sync_left_out",
        "Directors that synchronise and are no peers of this one, since there are too many",
        info.sync_left_out);
    add(MetricType::Gauge, "sync_problem",
        "1 while something keeps directors of the fleet from being sync peers",
        info.sync_problem.empty() ? 0 : 1);
  }
  add(MetricType::Counter, "connections_total", "Watches of the store that stood",
      info.connections);
  add(MetricType::Counter, "failures_total", "Attempts to ask the store that have failed",
      info.failures);
  add(MetricType::Counter, "applied_total", "Configurations of the store that came into force",
      info.applied);
  add(MetricType::Counter, "refused_total", "Configurations of the store that were refused",
      info.refusals);
}

}  // namespace fairlead::api
