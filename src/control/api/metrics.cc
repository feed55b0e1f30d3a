#include "control/api/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <sstream>
#include <utility>
#include <vector>

#include "base/faults.h"
#include "base/log_writer.h"
#include "control/api/busy_meter.h"
#include "control/api/context.h"
#include "control/api/events.h"
#include "control/api/figures.h"
#include "control/api/fleet_metrics.h"
#include "control/api/health_metrics.h"
#include "control/api/ipvs/dispatcher.h"
#include "control/api/metric_family.h"
#include "control/api/port_metrics.h"
#include "control/api/pulse.h"
#include "control/api/readiness_json.h"
#include "control/api/snat_metrics.h"
#include "control/api/sync_metrics.h"
#include "control/control_api.h"
#include "control/fleet/fleet_info.h"

namespace fairlead::api {

namespace {

using control::ControlView;
using prometheus::MetricFamily;
using prometheus::MetricType;

class Renderer {
 public:
  Renderer(const Context& context, const ControlView& view)
      : context_(context), view_(view), fabric_(context.control.fabric()) {}

  std::string Render() {
    Director();
    Restored();
    Traffic();
    Reals();
    RealStates();
    ConfiguredWeights();
    ServiceStates();
    RealHistories();
    Workers();
    Neighbours();
    Drops();
    AddPortMetrics(context_, view_, &families_);
    AddSnatMetrics(fabric_.stats, view_, &families_);
    AddHealthMetrics(view_, &families_);
    AddSyncMetrics(fabric_.stats, {view_.sync.get(), view_.stream.get()}, &families_);
    AddPeerMetrics(view_, &families_);
    if (context_.fleet != nullptr) AddFleetMetrics(*context_.fleet->info(), &families_);
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families_);
    return std::move(out).str();
  }

 private:
  FamilyBuilder Counter(std::string name, std::string help) {
    return {&families_, MetricType::Counter, std::move(name), std::move(help)};
  }
  FamilyBuilder Gauge(std::string name, std::string help) {
    return {&families_, MetricType::Gauge, std::move(name), std::move(help)};
  }

  static int64_t SecondsOf(std::chrono::system_clock::time_point when) {
    return std::chrono::duration_cast<std::chrono::seconds>(when.time_since_epoch()).count();
  }

  void Director() {
    Gauge("fairlead_build_info", "Version of the running director; always 1")
        .Add({{"version", FAIRLEAD_VERSION}}, 1);
    const bool stands_still = !context_.pulse.WhoStandsStill(Pulse::Clock::now()).empty();
    Gauge("fairlead_ready",
          "1 while the director forwards and has been in sync with its peers, as /readyz")
        .Add({}, view_.is_ready && !stands_still ? 1 : 0);
    Gauge("fairlead_start_time_seconds", "When this process was started, Unix time")
        .Add({}, SecondsOf(view_.started));
    Gauge("fairlead_config_generation", "Generation of the configuration in force")
        .Add({}, view_.generation);
    Gauge("fairlead_config_last_reload_success",
          "1 when the last reload was applied, 0 when refused")
        .Add({}, view_.last_reload_ok ? 1 : 0);
    Gauge("fairlead_config_last_reload_timestamp_seconds", "When the last reload ended, Unix time")
        .Add({}, SecondsOf(view_.last_reload));
    const control::ControlVitals vitals = context_.control.vitals();
    Counter("fairlead_control_turns_total", "Turns of the control core").Add({}, vitals.turns);
    Gauge("fairlead_control_longest_work_seconds",
          "CPU time of the control core's longest single piece of work since the first turn")
        .Add({}, static_cast<double>(vitals.longest_work_ns) / 1e9);
    Counter("fairlead_mail_sent_total", "Messages that the mail server has taken")
        .Add({}, vitals.mail.sent);
    Counter("fairlead_mail_failures_total", "Attempts to send one that have failed")
        .Add({}, vitals.mail.failed);
    Counter("fairlead_mail_lost_changes_total", "Changes that no message was sent about")
        .Add({}, vitals.mail.dropped);
    {
      auto faults = Counter("fairlead_faults_total", "Exceptions that a thread has survived");
      for (size_t i = 0; i < kThreadNames.size(); ++i) {
        faults.Add({{"thread", kThreadNames[i]}}, FaultCount(static_cast<Thread>(i)));
      }
    }
    if (context_.dispatcher != nullptr) {
      Counter("fairlead_ipvs_requests_total", "Messages of programs on the socket of IPVS")
          .Add({}, context_.dispatcher->requests());
      Counter("fairlead_ipvs_refused_total", "Those of them that were answered with an error")
          .Add({}, context_.dispatcher->refused());
    }
    if (context_.events != nullptr) {
      Counter("fairlead_api_followers_dropped_total", "Clients of /v1/events that were too slow")
          .Add({}, context_.events->dropped());
    }
    Counter("fairlead_log_lines_dropped_total", "Log lines that no reader has got")
        .Add({}, LogLinesDropped());
    {
      auto memory = Gauge("fairlead_memory_bytes", "Memory set aside at start, by use");
      for (const auto& use : view_.memory) memory.Add({{"use", use.use}}, use.bytes);
    }
    auto records = Gauge("fairlead_memory_records", "Records that this memory has room for");
    for (const auto& use : view_.memory) records.Add({{"use", use.use}}, use.records);
  }

  void Restored() {
    Gauge("fairlead_state_kept", "1 when a restart would find everything again, 0 when not")
        .Add({}, view_.keep_problem.empty() ? 1 : 0);
    if (view_.restored == nullptr) return;
    const control::RestoredRecords& records = view_.restored->records;
    if (records.reason.empty()) return;
    Gauge("fairlead_start_info", "What the start found; the value is 1")
        .Add({{"found", records.reason}}, 1);
    for (const auto& count : records.kept) {
      Gauge("fairlead_restored_" + count.name, "Taken up at the start").Add({}, count.records);
    }
    auto dropped = Gauge("fairlead_restore_dropped_records", "Records that were not, by cause");
    for (const auto& count : records.dropped) dropped.Add({{"cause", count.name}}, count.records);
  }

  // A real can be there twice under one name: as fallback and in the list, or removed and added
  // again while the old one is still referred to. Prometheus wants one series: the sum.
  struct RealRow {
    const control::RealInfo* info;
    Figures figures;
  };
  using RealRows = std::map<std::pair<std::string, std::string>, RealRow>;

  RealRows CollectReals() const {
    RealRows rows;
    for (const auto& service : view_.services) {
      for (const auto& real : service.reals) {
        auto [it, is_new] = rows.try_emplace({service.name, real.name}, RealRow{&real, {}});
        if (!is_new && it->second.info->is_ghost) it->second.info = &real;
        it->second.figures += FiguresOf(fabric_, real);
      }
    }
    return rows;
  }

  struct TrafficColumn {
    const char* name;
    const char* help;
    uint64_t dataplane::TrafficSum::*member;
  };
  static constexpr TrafficColumn kTraffic[] = {
      {"connections_total", "Connections scheduled", &dataplane::TrafficSum::connections},
      {"in_packets_total", "Packets from clients", &dataplane::TrafficSum::in_packets},
      {"out_packets_total", "Packets to clients that passed the director",
       &dataplane::TrafficSum::out_packets},
      {"in_bytes_total", "Bytes of IP packets from clients", &dataplane::TrafficSum::in_bytes},
      {"out_bytes_total", "Bytes of IP packets to clients that passed the director",
       &dataplane::TrafficSum::out_bytes},
      {"no_local_port_total", "New connections refused because no local port was free (FULLNAT)",
       &dataplane::TrafficSum::no_local_port},
  };

  void Traffic() {
    const RealRows reals = CollectReals();
    for (const TrafficColumn& column : kTraffic) {
      auto family = Counter("fairlead_service_" + std::string(column.name), column.help);
      for (const auto& service : view_.services) {
        family.Add({{"service", service.name}}, FiguresOf(fabric_, service).traffic.*column.member);
      }
    }
    for (const TrafficColumn& column : kTraffic) {
      auto family = Counter("fairlead_real_" + std::string(column.name), column.help);
      for (const auto& [key, row] : reals) {
        family.Add({{"service", key.first}, {"real", key.second}},
                   row.figures.traffic.*column.member);
      }
    }
    auto templates = Gauge("fairlead_templates", "Persistence templates of the service");
    for (const auto& service : view_.services) {
      templates.Add({{"service", service.name}}, FiguresOf(fabric_, service).templates);
    }
  }

  void Reals() {
    auto active = Gauge("fairlead_real_active_connections",
                        "Connections in an active state, as ipvsadm's ActiveConn");
    auto inactive = Gauge("fairlead_real_inactive_connections",
                          "All other connections, as ipvsadm's InActConn");
    auto templates = Gauge("fairlead_real_templates", "Persistence templates that name the real");
    auto weight = Gauge("fairlead_real_weight", "Weight the scheduler sees now");
    for (const auto& [key, row] : CollectReals()) {
      const Labels labels{{"service", key.first}, {"real", key.second}};
      active.Add(labels, row.figures.active);
      inactive.Add(labels, row.figures.inactive);
      templates.Add(labels, row.figures.templates);
      weight.Add(labels, row.info->effective_weight * row.info->part);
    }
  }

  // A removed real is in no state, though connections may name it still.
  void RealStates() {
    const RealRows rows = CollectReals();
    const auto add_all = [&rows](FamilyBuilder family, auto add) {
      for (const auto& [key, row] : rows) {
        const Labels labels{{"service", key.first}, {"real", key.second}};
        if (!row.info->is_ghost) add(&family, labels, *row.info);
      }
    };
    const auto with_state = [](Labels labels, std::string_view state) {
      labels.push_back({"state", std::string(state)});
      return labels;
    };
    add_all(Gauge("fairlead_real_up", "0: the health check says down; planned work is no failure"),
            [](FamilyBuilder* family, const Labels& labels, const control::RealInfo& real) {
              family->Add(labels, real.health == control::HealthState::kDown ? 0 : 1);
            });
    add_all(Gauge("fairlead_real_state",
                  "Always 1; the state is up, quiesce, drain, disabled or failed"),
            [&](FamilyBuilder* family, const Labels& labels, const control::RealInfo& real) {
              family->Add(with_state(labels, StateWordOf(real)), 1);
            });
    add_all(Gauge("fairlead_real_admin_state",
                  "Always 1; what the operator has set: up, quiesce, drain or down"),
            [&](FamilyBuilder* family, const Labels& labels, const control::RealInfo& real) {
              family->Add(with_state(labels, control::ToWord(real.admin)), 1);
            });
  }

  // Apart from what the scheduler sees, which falls to 0 with every failure: who has 0 in the
  // configuration has been taken out on purpose.
  void ConfiguredWeights() {
    auto weight = Gauge("fairlead_real_configured_weight", "Weight as configured; 0: no new work");
    for (const auto& [key, row] : CollectReals()) {
      if (row.info->is_ghost || row.info->is_fallback) continue;
      weight.Add({{"service", key.first}, {"real", key.second}}, row.info->weight);
    }
  }

  void ServiceStates() {
    const auto add_all = [this](FamilyBuilder family, auto value) {
      for (const auto& service : view_.services) {
        family.Add({{"service", service.name}}, value(service));
      }
    };
    add_all(Gauge("fairlead_service_reals_up", "Configured real servers that are not down"),
            [](const control::ServiceInfo& service) {
              return std::ranges::count_if(service.reals, [](const control::RealInfo& real) {
                return !real.is_ghost && !real.is_fallback && IsUp(real);
              });
            });
    add_all(Gauge("fairlead_service_on_fallback", "1: the fallback takes new connections"),
            [](const control::ServiceInfo& service) { return service.is_on_fallback ? 1 : 0; });
    add_all(Gauge("fairlead_service_has_quorum", "0: less weight lives than the quorum asks for"),
            [](const control::ServiceInfo& service) { return service.has_quorum ? 1 : 0; });
    add_all(Gauge("fairlead_service_living_weight",
                  "Weight of the real servers that may take new connections"),
            [](const control::ServiceInfo& service) { return service.living_weight; });
  }

  // Only of reals that are checked.
  void RealHistories() {
    const RealRows rows = CollectReals();
    const auto now = std::chrono::steady_clock::now();
    const auto add_all = [&rows](FamilyBuilder family, auto value) {
      for (const auto& [key, row] : rows) {
        const Labels labels{{"service", key.first}, {"real", key.second}};
        if (!row.info->checks.empty()) family.Add(labels, value(*row.info));
      }
    };
    add_all(Counter("fairlead_real_downs_total", "How often its checks took it down"),
            [](const control::RealInfo& real) { return HistoryOf(real, {}).downs; });
    add_all(Counter("fairlead_real_downtime_seconds_total", "How long it was down, by its checks"),
            [&](const control::RealInfo& real) {
              return std::chrono::duration<double>(HistoryOf(real, now).downtime).count();
            });
  }

  struct WorkerColumn {
    const char* name;
    const char* help;
    dataplane::Counter dataplane::WorkerCounters::*member;
    bool is_gauge;
  };
  static constexpr WorkerColumn kWorker[] = {
      {"packets_total", "Packets received from ports", &dataplane::WorkerCounters::received, false},
      {"handed_in_total", "Packets received from other workers",
       &dataplane::WorkerCounters::handed_in, false},
      {"originated_total", "Packets made here: RST, ICMP, ARP and the kernel twin's",
       &dataplane::WorkerCounters::originated, false},
      {"sent_total", "Packets taken by a port", &dataplane::WorkerCounters::sent, false},
      {"handed_off_total", "Packets given to other workers", &dataplane::WorkerCounters::handed_off,
       false},
      {"delivered_to_host_total", "Packets given to the kernel twin",
       &dataplane::WorkerCounters::delivered_to_host, false},
      {"polls_total", "Turns of the worker's loop", &dataplane::WorkerCounters::polls, false},
      {"held_packets", "Packets that wait for a neighbour or for their first fragment",
       &dataplane::WorkerCounters::held, true},
      {"connections", "Live connection records", &dataplane::WorkerCounters::connections, true},
      {"connection_capacity", "Connection records there is room for",
       &dataplane::WorkerCounters::connection_capacity, true},
      {"templates", "Live template records", &dataplane::WorkerCounters::templates, true},
      {"template_capacity", "Template records there is room for",
       &dataplane::WorkerCounters::template_capacity, true},
      {"side_records", "Side records in use", &dataplane::WorkerCounters::side_records, true},
      {"side_record_capacity", "Side records there is room for",
       &dataplane::WorkerCounters::side_record_capacity, true},
      {"snat_flows", "Flows of source NAT", &dataplane::WorkerCounters::snat_flows, true},
      {"snat_flow_capacity", "Flows of source NAT there is room for; 0 before the first rule",
       &dataplane::WorkerCounters::snat_capacity, true},
      {"fragmented_datagrams", "Datagrams in fragments that are remembered",
       &dataplane::WorkerCounters::fragmented, true},
      {"fragmented_datagram_capacity", "Datagrams in fragments there is room for",
       &dataplane::WorkerCounters::fragmented_capacity, true},
      {"fragmented_datagrams_displaced_total",
       "Datagrams in fragments that were forgotten before their time, for want of room",
       &dataplane::WorkerCounters::fragmented_displaced, false},
      {"defence_active", "1 while automatic defences act: few records or no local port free",
       &dataplane::WorkerCounters::defence_low, true},
      {"defence_connections_total", "Connections that drop_entry ended",
       &dataplane::WorkerCounters::defence_connections, false},
      {"defence_templates_total", "Templates that drop_entry ended",
       &dataplane::WorkerCounters::defence_templates, false},
      {"neighbours_limited_total", "Unknown neighbours not asked for: over a limit",
       &dataplane::WorkerCounters::neighbour_limited, false},
      {"neighbour_events_lost_total", "News of neighbours that found no place to be told",
       &dataplane::WorkerCounters::neighbour_events_lost, false},
      {"toa_left_out_total",
       "Segments to a FULLNAT real server that had no room for TOA, or were in fragments",
       &dataplane::WorkerCounters::toa_left_out, false},
  };

  [[nodiscard]] WorkerId Worker(size_t index) const {
    return WorkerId{static_cast<uint8_t>(index)};
  }

  void Workers() {
    const size_t count = fabric_.stats.worker_count();
    for (const WorkerColumn& column : kWorker) {
      const std::string name = "fairlead_worker_" + std::string(column.name);
      auto family = column.is_gauge ? Gauge(name, column.help) : Counter(name, column.help);
      for (size_t w = 0; w < count; ++w) {
        family.Add({{"worker", std::to_string(w)}},
                   (fabric_.stats.worker(Worker(w)).*column.member).value());
      }
    }
    auto busy = Gauge("fairlead_worker_busy_ratio",
                      "Share of the turns in the last second that found work, 0 to 1");
    auto longest = Gauge("fairlead_worker_longest_turn_seconds",
                         "CPU time of the longest turn since the start");
    for (size_t w = 0; w < count; ++w) {
      busy.Add({{"worker", std::to_string(w)}}, context_.busy.ratio(Worker(w)));
      longest.Add(
          {{"worker", std::to_string(w)}},
          static_cast<double>(fabric_.stats.worker(Worker(w)).longest_turn_ns.value()) / 1e9);
    }
  }

  struct NeighbourColumn {
    const char* name;
    const char* help;
    dataplane::Counter dataplane::NeighbourCounters::*member;
    bool is_gauge;
  };
  static constexpr NeighbourColumn kNeighbour[] = {
      {"neighbours_pinned", "Next hops of the configuration", &dataplane::NeighbourCounters::pinned,
       true},
      {"neighbours_learned", "Other neighbours that are known",
       &dataplane::NeighbourCounters::learned, true},
      {"neighbours_limited_total", "Neighbours not learned: over the limit of their port",
       &dataplane::NeighbourCounters::limited, false},
      {"neighbours_evicted_total", "Learned neighbours that made room for others",
       &dataplane::NeighbourCounters::evicted, false},
      {"neighbour_moves_total", "Changes of the MAC of a next hop of the configuration",
       &dataplane::NeighbourCounters::moves, false},
      {"neighbour_probes_deferred_total", "Probes that had to wait for a free frame",
       &dataplane::NeighbourCounters::deferred_frames, false},
      {"announcements_waiting", "Addresses that have not been announced yet",
       &dataplane::NeighbourCounters::announcements_waiting, true},
      {"announcements_sent_total", "Gratuitous ARP requests and unsolicited advertisements",
       &dataplane::NeighbourCounters::announcements_sent, false},
  };

  void Neighbours() {
    for (const NeighbourColumn& column : kNeighbour) {
      const std::string name = "fairlead_" + std::string(column.name);
      auto family = column.is_gauge ? Gauge(name, column.help) : Counter(name, column.help);
      family.Add({}, (fabric_.stats.neighbours().*column.member).value());
    }
  }

  void Drops() {
    auto dropped = Counter("fairlead_dropped_packets_total",
                           "Packets dropped, by reason; docs/counters.md has a remedy for each");
    for (size_t reason = 0; reason < dataplane::kDropReasonCount; ++reason) {
      uint64_t packets = 0;
      for (size_t w = 0; w < fabric_.stats.worker_count(); ++w) {
        packets += fabric_.stats.worker(Worker(w)).dropped[reason].value();
      }
      dropped.Add({{"reason", std::string(dataplane::kDropReasonText[reason].label)}}, packets);
    }
  }

  const Context& context_;
  const ControlView& view_;
  dataplane::Fabric& fabric_;
  std::vector<MetricFamily> families_;
};

}  // namespace

std::string RenderMetrics(const Context& context, const ControlView& view) {
  return Renderer(context, view).Render();
}

}  // namespace fairlead::api
