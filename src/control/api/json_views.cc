#include "control/api/json_views.h"

#include <algorithm>
#include <bit>
#include <boost/json/array.hpp>
#include <boost/json/value_from.hpp>
#include <cmath>
#include <ctime>

#include "control/api/busy_meter.h"
#include "control/api/context.h"
#include "control/api/exact_weight.h"
#include "control/api/figures.h"
#include "control/api/port_json.h"
#include "control/api/pulse.h"
#include "control/api/readiness_json.h"
#include "control/api/service_health_json.h"
#include "control/config/names.h"
#include "control/control_api.h"

namespace fairlead::api {

namespace json = boost::json;
using control::HealthState;

std::string_view WordOf(HealthState state) {
  switch (state) {
    case HealthState::kUnchecked:
      return "unchecked";
    case HealthState::kUp:
      return "up";
    case HealthState::kDown:
      return "down";
  }
  return "?";
}

std::string WordOfProtocol(uint8_t protocol) {
  const std::string_view word = TraitsOf(static_cast<Transport>(protocol)).word;
  return word.empty() ? std::to_string(protocol) : std::string(word);
}

std::string Timestamp(std::chrono::system_clock::time_point at) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(at);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

json::object TrafficToJson(const dataplane::TrafficSum& t) {
  return {{"connections", t.connections},
          {"in_packets", t.in_packets},
          {"out_packets", t.out_packets},
          {"in_bytes", t.in_bytes},
          {"out_bytes", t.out_bytes}};
}

namespace {

template <typename Info>  // RealInfo or ServiceInfo
void AddFigures(json::object* into, const Figures& figures, const Info& info) {
  (*into)["active_connections"] = figures.active;
  (*into)["inactive_connections"] = figures.inactive;
  (*into)["templates"] = figures.templates;
  (*into)["traffic"] = TrafficToJson(figures.traffic);
  (*into)["since_zero"] = TrafficToJson(SinceZero(figures, info));
  (*into)["rate"] = TrafficToJson(info.rate);
}

json::object WorkerToJson(const Context& context, WorkerId id) {
  const auto& c = context.control.fabric().stats.worker(id);
  return {{"worker", id.value()},
          {"busy_percent", static_cast<int>(context.busy.ratio(id) * 100 + 0.5)},
          {"received_packets", c.received.value()},
          {"handed_in_packets", c.handed_in.value()},
          {"originated_packets", c.originated.value()},
          {"sent_packets", c.sent.value()},
          {"handed_off_packets", c.handed_off.value()},
          {"delivered_to_host_packets", c.delivered_to_host.value()},
          {"dropped_packets", c.dropped_total()},
          {"held_packets", c.held.value()},
          {"longest_turn_us", c.longest_turn_ns.value() / 1000},
          {"connections", c.connections.value()},
          {"connection_capacity", c.connection_capacity.value()},
          {"templates", c.templates.value()},
          {"template_capacity", c.template_capacity.value()},
          {"side_records", c.side_records.value()},
          {"side_record_capacity", c.side_record_capacity.value()},
          {"toa_left_out_packets", c.toa_left_out.value()}};
}

json::array DropsToJson(const dataplane::StatsBoard& stats) {
  json::array drops;
  for (size_t reason = 0; reason < dataplane::kDropReasonCount; ++reason) {
    uint64_t packets = 0;
    for (size_t w = 0; w < stats.worker_count(); ++w) {
      packets += stats.worker(WorkerId{static_cast<uint8_t>(w)}).dropped[reason].value();
    }
    if (packets == 0) continue;
    const auto& text = dataplane::kDropReasonText[reason];
    drops.push_back({{"reason", text.label}, {"packets", packets}, {"meaning", text.sentence}});
  }
  return drops;
}

// Of a time of the control core.
std::string WallTimestamp(control::TimePoint at) {
  using System = std::chrono::system_clock;
  const auto ago = std::chrono::steady_clock::now() - at;
  return Timestamp(System::now() - std::chrono::duration_cast<System::duration>(ago));
}

int64_t DowntimeSeconds(const control::RealInfo& real) {
  const auto downtime = HistoryOf(real, std::chrono::steady_clock::now()).downtime;
  return std::chrono::duration_cast<std::chrono::seconds>(downtime).count();
}

json::array ChecksToJson(const control::RealInfo& real) {
  json::array checks;
  for (const control::CheckInfo& check : real.checks) {
    const control::CheckFacts& facts = check.facts;
    const bool is_answered = facts.last_answer != control::TimePoint{};
    checks.push_back(
        {{"type", check.type},
         {"question", check.question},
         {"state", WordOf(facts.state)},
         {"since", WallTimestamp(facts.since)},
         {"detail", facts.detail},
         {"problem", OrNull(!facts.problem.empty(), facts.problem)},
         {"asks_for", OrNull(facts.wanted != control::AdminState::kUp,
                             std::string(control::ToWord(facts.wanted)))},
         {"last_answer", is_answered ? json::value(WallTimestamp(facts.last_answer)) : nullptr},
         {"downs", facts.downs},
         {"weight", OrNull(facts.weight.has_value(), facts.weight.value_or(0))},
         {"percent", OrNull(facts.percent.has_value(), facts.percent.value_or(0))},
         {"certificate_expires", facts.certificate_expires
                                     ? json::value(Timestamp(*facts.certificate_expires))
                                     : nullptr}});
  }
  return checks;
}

json::value TunnelToJson(const control::RealInfo& real) {
  const auto method = ForwardMethodOf(real.forward);
  if (!method || !IsTunnel(*method)) return nullptr;
  const Tunnel& tunnel = real.tunnel;
  return json::object{{"type", ToWord(tunnel.type)},
                      {"port", tunnel.port == 0 ? json::value(nullptr) : json::value(tunnel.port)},
                      {"checksum", ToWord(tunnel.checksum)}};
}

json::value FullnatToJson(const control::RealInfo& real) {
  if (real.local_addresses.empty()) return nullptr;
  json::array addresses;
  for (const Prefix& prefix : real.local_addresses.prefixes) {
    addresses.emplace_back(prefix.ToString());
  }
  for (const std::string& set : real.local_addresses.sets) addresses.emplace_back("@" + set);
  return json::object{{"local_addresses", std::move(addresses)},
                      {"client_address", ToWord(real.client_address)}};
}

}  // namespace

json::value HealthSince(const control::RealInfo& real) {
  if (real.checks.empty()) return nullptr;
  return json::value(WallTimestamp(HistoryOf(real, {}).since));
}

json::object RealToJson(const dataplane::Fabric& fabric, const control::ServiceInfo& service,
                        const control::RealInfo& real) {
  json::object object{{"name", real.name},
                      {"service", service.name},
                      {"address", real.endpoint.address.ToString()},
                      {"port", real.endpoint.port.host()},
                      {"forward", real.forward},
                      {"tunnel", TunnelToJson(real)},
                      {"fullnat", FullnatToJson(real)},
                      {"weight", real.weight},
                      {"effective_weight", real.effective_weight},
                      {"exact_weight", WeightNumber(ExactWeight(real))},
                      {"upper_threshold", real.upper_threshold},
                      {"lower_threshold", real.lower_threshold},
                      {"admin", control::ToWord(real.admin)},
                      {"health", WordOf(real.health)},
                      {"health_detail", real.health_detail},
                      {"health_since", HealthSince(real)},
                      {"downs", HistoryOf(real, {}).downs},
                      {"downtime_seconds", DowntimeSeconds(real)},
                      {"checks", ChecksToJson(real)},
                      {"up", IsUp(real)},
                      {"overloaded", fabric.loads.overloaded(real.id)},
                      {"fallback", real.is_fallback},
                      {"removed", real.is_ghost},
                      {"connections_are", real.connections_are}};
  const Figures figures = FiguresOf(fabric, real);
  object["drain"] = nullptr;
  if (real.drain) {
    object["drain"] = {{"remaining_seconds", OrNull(real.drain->remaining_seconds.has_value(),
                                                    real.drain->remaining_seconds.value_or(0))},
                       {"then_remove", real.drain->then_remove},
                       {"all", real.drain->waits_for_all},
                       {"is_over", real.drain->is_over},
                       {"is_ended", real.drain->is_ended}};
  }
  object["connections_left"] = uint64_t{figures.active} + figures.inactive;
  AddFigures(&object, figures, real);
  return object;
}

namespace {

void AddNetmask(const control::ServiceInfo& service, json::object* object) {
  (*object)["netmask"] = service.prefix_length;
  const int length = std::countl_one(service.mask);
  if (service.family == Family::kIpv4 && length != std::popcount(service.mask)) {
    // No prefix length says it; `netmask` is then the number of its ones.
    (*object)["mask"] = IpAddress(Ipv4Address::FromHost(service.mask)).ToString();
  }
}

bool HasNetmaskFlag(const control::ServiceInfo& service) {
  return std::ranges::any_of(service.scheduler_flags,
                             [](const std::string& flag) { return flag.ends_with("-netmask"); });
}

}  // namespace

json::object ServiceToJson(const dataplane::Fabric& fabric, const control::ControlView& view,
                           const control::ServiceInfo& service, bool with_reals) {
  const bool is_mark = service.mark != 0;
  const std::string family = service.family == Family::kIpv4 ? "ipv4" : "ipv6";
  const std::string key = is_mark ? "mark " + std::to_string(service.mark) + " " + family
                                  : WordOfProtocol(service.protocol) + " " +
                                        Endpoint{service.address, service.port}.ToString();
  json::value persistence = nullptr;
  if (service.is_persistent) {
    persistence = {{"timeout_seconds", service.persistence_seconds}};
    AddNetmask(service, &persistence.as_object());
  }
  size_t total = 0, up = 0;
  for (const auto& real : service.reals) {
    if (real.is_ghost || real.is_fallback) continue;
    ++total;
    up += IsUp(real) ? 1u : 0u;
  }
  json::object object{
      {"name", service.name},
      {"key", key},
      {"family", family},
      {"protocol", OrNull(!is_mark, json::string(WordOfProtocol(service.protocol)))},
      {"address", OrNull(!is_mark, json::string(service.address.ToString()))},
      {"port", OrNull(!is_mark, service.port.host())},
      {"mark", OrNull(is_mark, service.mark)},
      {"scheduler", service.scheduler},
      {"scheduler_flags",
       json::array(service.scheduler_flags.begin(), service.scheduler_flags.end())},
      {"persistence", std::move(persistence)},
      {"engine", OrNull(!service.engine.empty(), service.engine)},
      {"one_packet", service.is_one_packet},
      {"on_fallback", service.is_on_fallback},
      {"quorum", service.quorum},
      {"hysteresis", service.hysteresis},
      {"living_weight", service.living_weight},
      {"has_quorum", service.has_quorum},
      {"reals_total", total},
      {"reals_up", up}};
  if (!service.is_persistent && HasNetmaskFlag(service)) AddNetmask(service, &object);
  AddAnnouncement(view, service, &object);
  AddFigures(&object, FiguresOf(fabric, service), service);
  if (with_reals) {
    json::array reals;
    for (const auto& real : service.reals) reals.push_back(RealToJson(fabric, service, real));
    object["reals"] = std::move(reals);
  }
  return object;
}

namespace {

json::object DefenceToJson(const dataplane::StatsBoard& stats, const control::DefenceInfo& info) {
  const auto total = [&stats](dataplane::Counter dataplane::WorkerCounters::*member) {
    uint64_t sum = 0;
    for (size_t w = 0; w < stats.worker_count(); ++w) {
      sum += (stats.worker(WorkerId{static_cast<uint8_t>(w)}).*member).value();
    }
    return sum;
  };
  return {{"drop_entry", control::ToWord(info.drop_entry)},
          {"drop_packet", control::ToWord(info.drop_packet)},
          {"secure_tcp", control::ToWord(info.secure_tcp)},
          {"amemthresh", info.amemthresh},
          {"low_workers", total(&dataplane::WorkerCounters::defence_low)},
          {"dropped_connections", total(&dataplane::WorkerCounters::defence_connections)},
          {"dropped_templates", total(&dataplane::WorkerCounters::defence_templates)}};
}

json::object HealthToJson(const control::HealthSummary& health) {
  json::object errors, recent;
  for (const auto& [reason, count] : health.local_errors) errors[reason] = count;
  for (const auto& [reason, count] : health.recent_local_errors) recent[reason] = count;
  return {{"checks", health.checks},
          {"allowed_at_once", health.allowed_at_once},
          {"interval_stretch", std::round(health.interval_stretch * 100) / 100},
          {"script_interval_stretch", std::round(health.script_interval_stretch * 100) / 100},
          {"stuck_scripts", health.stuck_scripts},
          {"local_errors", std::move(errors)},
          {"recent_local_errors", std::move(recent)}};
}

json::array CountsToJson(const std::vector<control::RestoredRecords::Count>& counts,
                         const char* name) {
  json::array all;
  for (const auto& count : counts) {
    all.push_back({{name, count.name}, {"records", count.records}});
  }
  return all;
}

json::value RestoredToJson(const control::Restored* restored) {
  if (restored == nullptr) return nullptr;
  const control::RestoredRecords& records = restored->records;
  const bool is_taken_up = !records.reason.empty();
  return {{"when", OrNull(is_taken_up, Timestamp(records.when))},
          {"reason", OrNull(is_taken_up, records.reason)},
          {"down_milliseconds", records.down_milliseconds},
          {"kept", CountsToJson(records.kept, "table")},
          {"dropped", CountsToJson(records.dropped, "cause")},
          {"edits", restored->edits},
          {"dropped_edits", json::value_from(restored->dropped_edits)},
          {"problems", json::value_from(restored->problems)}};
}

}  // namespace

json::object StatusToJson(const Context& context, const control::ControlView& view) {
  const dataplane::Fabric& fabric = context.control.fabric();
  using Seconds = std::chrono::seconds;
  const auto uptime = std::chrono::system_clock::now() - view.started;
  const std::string still = context.pulse.WhoStandsStill(Pulse::Clock::now());
  json::object object{
      {"director", view.director_name},
      {"version", FAIRLEAD_VERSION},
      {"ready", view.is_ready && still.empty()},
      {"stands_still", OrNull(!still.empty(), still)},
      {"generation", view.generation},
      {"started", Timestamp(view.started)},
      {"uptime_seconds", std::chrono::duration_cast<Seconds>(uptime).count()},
      {"config",
       {{"path", view.config_path},
        {"last_reload", Timestamp(view.last_reload)},
        {"last_reload_ok", view.last_reload_ok},
        {"last_reload_error", OrNull(!view.last_reload_ok, view.last_reload_error)}}}};
  json::array workers, ports, memory;
  for (size_t w = 0; w < fabric.stats.worker_count(); ++w) {
    workers.push_back(WorkerToJson(context, WorkerId{static_cast<uint8_t>(w)}));
  }
  for (const auto& port : view.ports) ports.push_back(PortToJson(context, port));
  for (const auto& use : view.memory) {
    memory.push_back({{"use", use.use},
                      {"bytes", use.bytes},
                      {"records", use.records},
                      {"bytes_per_record", use.bytes / std::max<uint64_t>(use.records, 1)}});
  }
  AddServiceHealth(view, &object);
  json::array faults;
  if (context.api_faults != nullptr) {
    for (const std::string& fault : *context.api_faults) faults.emplace_back(fault);
  }
  object["api_faults"] = std::move(faults);
  object["workers"] = std::move(workers);
  object["ports"] = std::move(ports);
  object["defence"] = DefenceToJson(fabric.stats, view.defence);
  object["health"] = HealthToJson(view.health);
  object["dropped"] = DropsToJson(fabric.stats);
  object["memory"] = std::move(memory);
  object["restored"] = RestoredToJson(view.restored.get());
  AddReadiness(view, &object);
  object["keep_problem"] = OrNull(!view.keep_problem.empty(), view.keep_problem);
  return object;
}

}  // namespace fairlead::api
