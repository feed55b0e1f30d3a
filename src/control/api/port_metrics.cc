#include "control/api/port_metrics.h"

#include <utility>

#include "control/api/metric_family.h"
#include "control/control_api.h"
#include "dataplane/shard/fabric.h"

namespace fairlead::api {
namespace {

using dataplane::PortCounters;
using prometheus::MetricFamily;
using prometheus::MetricType;

struct PortColumn {
  const char* name;
  const char* help;
  uint64_t PortStats::*member;
};
constexpr PortColumn kPortColumns[] = {
    {"rx_packets_total", "Packets the port received", &PortStats::rx_packets},
    {"rx_bytes_total", "Bytes the port received", &PortStats::rx_bytes},
    {"rx_errors_total", "Packets the port received broken", &PortStats::rx_errors},
    {"rx_missed_total", "Packets that came faster than workers fetched them",
     &PortStats::rx_missed},
    {"tx_packets_total", "Packets the port sent", &PortStats::tx_packets},
    {"tx_bytes_total", "Bytes the port sent", &PortStats::tx_bytes},
    {"tx_errors_total", "Packets the port failed to send", &PortStats::tx_errors},
};

void AddTraffic(const Context& context, const control::ControlView& view,
                std::vector<MetricFamily>* families) {
  std::vector<std::pair<std::string, PortStats>> rows;
  for (const auto& port : view.ports) {
    if (!context.ports.stats) break;
    if (const auto stats = context.ports.stats(port.id)) rows.emplace_back(port.name, *stats);
  }
  for (const PortColumn& column : kPortColumns) {
    FamilyBuilder family(families, MetricType::Counter, "fairlead_port_" + std::string(column.name),
                         column.help);
    for (const auto& [name, stats] : rows) family.Add({{"port", name}}, stats.*column.member);
  }
}

// The driver does not see what its queue refuses; the workers do.
void AddWorkersCounters(const dataplane::StatsBoard& stats, const control::ControlView& view,
                        std::vector<MetricFamily>* families) {
  {
    FamilyBuilder missed(families, MetricType::Counter, "fairlead_port_tx_missed_total",
                         "Packets that a full transmit queue did not take");
    for (const auto& port : view.ports) {
      missed.Add({{"port", port.name}}, stats.SumPort(port.id, &PortCounters::tx_missed));
    }
  }
  FamilyBuilder exception(families, MetricType::Counter, "fairlead_exception_packets_total",
                          "Packets between a port and its kernel twin, by direction");
  for (const auto& port : view.ports) {
    exception.Add({{"port", port.name}, {"direction", "from_host"}},
                  stats.SumPort(port.id, &PortCounters::from_host));
    exception.Add({{"port", port.name}, {"direction", "to_host"}},
                  stats.SumPort(port.id, &PortCounters::to_host));
  }
}

void AddRoutes(const control::ControlView& view, std::vector<MetricFamily>* families) {
  FamilyBuilder(families, MetricType::Gauge, "fairlead_silent_virtual_addresses",
                "Virtual addresses that are not answered for")
      .Add({}, view.silent == nullptr ? 0 : view.silent->size());
  FamilyBuilder(families, MetricType::Gauge, "fairlead_kernel_routes",
                "Next hops of routes that were taken from the kernel")
      .Add({}, view.kernel_routes);
  FamilyBuilder(families, MetricType::Gauge, "fairlead_kernel_routes_refused",
                "Routes of the kernel that policy.kernel_routes leaves no room for")
      .Add({}, view.refused_kernel_routes);
}

void AddLinks(const control::ControlView& view, std::vector<MetricFamily>* families) {
  {
    FamilyBuilder up(families, MetricType::Gauge, "fairlead_port_up",
                     "1 while the port has a link");
    for (const auto& port : view.ports) up.Add({{"port", port.name}}, port.link.link.is_up ? 1 : 0);
  }
  {
    FamilyBuilder downs(families, MetricType::Counter, "fairlead_port_link_downs_total",
                        "How often the port has lost its link");
    for (const auto& port : view.ports) downs.Add({{"port", port.name}}, port.link.downs);
  }
  FamilyBuilder speed(families, MetricType::Gauge, "fairlead_port_speed_bytes_per_second",
                      "Speed of the link; absent while it is unknown");
  for (const auto& port : view.ports) {
    const uint64_t mbps = port.link.link.speed_mbps;
    if (mbps != 0) speed.Add({{"port", port.name}}, mbps * 125'000);
  }
}

void AddDriverCounters(const Context& context, const control::ControlView& view,
                       std::vector<MetricFamily>* families) {
  if (!context.ports.counters) return;
  FamilyBuilder family(families, MetricType::Counter, "fairlead_port_driver_total",
                       "What the driver of the port counts, by its own names");
  for (const auto& port : view.ports) {
    for (const DriverCounter& counter : context.ports.counters(port.id)) {
      family.Add({{"port", port.name}, {"counter", counter.name}}, counter.value);
    }
  }
}

}  // namespace

void AddPortMetrics(const Context& context, const control::ControlView& view,
                    std::vector<MetricFamily>* families) {
  AddTraffic(context, view, families);
  AddWorkersCounters(context.control.fabric().stats, view, families);
  AddLinks(view, families);
  AddRoutes(view, families);
  AddDriverCounters(context, view, families);
}

}  // namespace fairlead::api
