// fairlead status, metrics
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/steering_text.h"
#include "cli/table.h"
#include "cli/text.h"

namespace fairlead::cli {

namespace json = boost::json;

namespace {

void PrintWorkers(const json::object& status) {
  Table table({"WORKER>", "BUSY>", "RECEIVED>", "SENT>", "DROPPED>", "HANDED OFF>?", "CONNECTIONS>",
               "ROOM>?", "TEMPLATES>?", "ROOM>?"});
  for (const json::value& item : Array(status, "workers")) {
    const json::object& w = item.as_object();
    table.Add({Text(w, "worker"), Text(w, "busy_percent") + "%", Text(w, "received_packets"),
               Text(w, "sent_packets"), Text(w, "dropped_packets"), Text(w, "handed_off_packets"),
               Text(w, "connections"), Text(w, "connection_capacity"), Text(w, "templates"),
               Text(w, "template_capacity")});
  }
  fmt::print("\n");
  table.Print();
}

void PrintPorts(const json::object& status) {
  Table table({"PORT", "ROLE?", "MAC?", "MTU>?", "ADDRESSES", "KERNEL TWIN?", "RECEIVED>", "SENT>",
               "MISSED>", "STEERING?"});
  for (const json::value& item : Array(status, "ports")) {
    const json::object& p = item.as_object();
    const json::object& traffic = Object(p, "traffic");
    std::string addresses;
    for (const json::value& address : Array(p, "addresses")) {
      addresses += (addresses.empty() ? "" : " ") + std::string(address.as_string());
    }
    table.Add({Text(p, "name"), Text(p, "role"), Text(p, "mac"), Text(p, "mtu_bytes"), addresses,
               Text(p, "host_interface"), Text(traffic, "rx_packets"), Text(traffic, "tx_packets"),
               Text(traffic, "rx_missed"), SteeringWord(p)});
  }
  fmt::print("\n");
  table.Print();
  PrintSteeringReasons(Array(status, "ports"));
  for (const json::value& item : Array(status, "ports")) {
    const std::string kernel = Text(item.as_object(), "kernel_ingress");
    if (kernel.starts_with("open")) {
      fmt::print("port {}: the kernel hears it too: {}\n", Text(item.as_object(), "name"), kernel);
    }
  }
}

void PrintReadiness(const json::object& status) {
  if (const std::string still = Text(status, "stands_still"); still != "-") {
    fmt::print("  {}\n", still);
  }
  for (const json::value& why : Array(status, "not_ready")) {
    fmt::print("  {}\n", Text(why.as_object(), "sentence"));
  }
  for (const json::value& item : Array(status, "peers")) {
    const json::object& peer = item.as_object();
    if (Flag(peer, "given_up")) {
      fmt::print("peer {} does not count, since it has been unreachable for sync.ready_timeout\n",
                 Text(peer, "name"));
    } else if (!Flag(peer, "in_sync") && Flag(status, "ready")) {
      fmt::print("peer {} is not in sync: fairlead sync status\n", Text(peer, "name"));
    }
  }
}

// Silent while nothing is on and nothing was done.
void PrintDefence(const json::object& status) {
  const json::object& defence = Object(status, "defence");
  bool is_on = false;
  std::string modes;
  for (const char* name : {"drop_entry", "drop_packet", "secure_tcp"}) {
    const std::string mode = Text(defence, name);
    is_on |= mode != "off";
    modes += (modes.empty() ? "" : ", ") + std::string(name) + " " + mode;
  }
  const uint64_t low = Number(defence, "low_workers");
  const uint64_t connections = Number(defence, "dropped_connections");
  const uint64_t templates = Number(defence, "dropped_templates");
  if (!is_on && connections + templates == 0) return;
  fmt::print("defence: {}; {} low on room, {} and {} dropped\n", modes, Plural(low, "worker"),
             Plural(connections, "connection"), Plural(templates, "template"));
}

// Silent while every check is made when it is due.
void PrintHealth(const json::object& status) {
  const json::object& health = Object(status, "health");
  std::string errors;
  // Of the last minutes: what is over is no news. A director of an earlier version counts all.
  const bool has_recent = health.contains("recent_local_errors");
  for (const auto& item : Object(health, has_recent ? "recent_local_errors" : "local_errors")) {
    const auto count = item.value().to_number<uint64_t>();
    if (count == 0) continue;
    errors += fmt::format("; {} could not be made{} ({})", count,
                          has_recent ? " in the last minutes" : "", item.key_c_str());
  }
  const auto number = [&](const char* key, double otherwise) {
    const json::value* value = health.if_contains(key);
    return value == nullptr ? otherwise : value->to_number<double>();
  };
  const double factor = number("interval_stretch", 1);
  if (const double scripts = number("script_interval_stretch", 1); scripts >= 1.1) {
    errors = fmt::format("; those of scripts by {:.1f}{}", scripts, errors);
  }
  if (const double stuck = number("stuck_scripts", 0); stuck > 0) {
    errors += fmt::format("; {:.0f} killed scripts have not ended", stuck);
  }
  if (factor < 1.1 && errors.empty()) return;
  fmt::print("health checks: {}, at most {} at once, intervals stretched by {:.1f}{}\n",
             Text(health, "checks"), Text(health, "allowed_at_once"), factor, errors);
}

// "3 connections, 1 template"; those of which there are none say nothing.
std::string Counts(const json::object& restored, const char* list, const char* name) {
  std::string text;
  for (const json::value& item : Array(restored, list)) {
    const json::object& count = item.as_object();
    const uint64_t records = Number(count, "records");
    if (records == 0) continue;
    std::string what = Text(count, name);
    if (records == 1 && name == std::string_view("table") && what.ends_with('s')) what.pop_back();
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", records, what);
  }
  return text.empty() ? "nothing" : text;
}

// Silent at a first start, while what is in force is kept.
void PrintRestored(const json::object& status) {
  if (const std::string problem = Text(status, "keep_problem"); problem != "-") {
    fmt::print("A RESTART NOW WOULD NOT FIND EVERYTHING AGAIN: {}\n", problem);
  }
  const json::value* const value = status.if_contains("restored");
  if (value == nullptr || !value->is_object()) return;
  const json::object& restored = value->as_object();
  // Of "new" nothing was there.
  if (const std::string reason = Text(restored, "reason"); reason != "-" && reason != "new") {
    fmt::print("taken over ({}, {} without a director): {}; dropped: {}\n", reason,
               Span(Number(restored, "down_milliseconds")), Counts(restored, "kept", "table"),
               Counts(restored, "dropped", "cause"));
  }
  if (const uint64_t edits = Number(restored, "edits"); edits > 0) {
    fmt::print("{} by hand before the start and still in force: fairlead diff\n",
               Plural(edits, "part was changed", "parts were changed"));
  }
  for (const json::value& edit : Array(restored, "dropped_edits")) {
    fmt::print("  changed by hand and dropped, the file wins: {}\n", edit.as_string().c_str());
  }
  for (const json::value& problem : Array(restored, "problems")) {
    fmt::print("  could not be taken over: {}\n", problem.as_string().c_str());
  }
}

void PrintMemory(const json::object& status) {
  Table table({"MEMORY", "BYTES>", "ROOM FOR>", "BYTES EACH>"});
  for (const json::value& item : Array(status, "memory")) {
    const json::object& use = item.as_object();
    table.Add({Text(use, "use"), Text(use, "bytes"), Text(use, "records"),
               Text(use, "bytes_per_record")});
  }
  fmt::print("\n");
  table.Print();
}

void PrintDrops(const json::object& status) {
  const json::array& drops = Array(status, "dropped");
  if (drops.empty()) return;
  Table table({"DROPPED", "PACKETS>", "MEANING"});
  for (const json::value& item : drops) {
    const json::object& d = item.as_object();
    table.Add({Text(d, "reason"), Text(d, "packets"), Text(d, "meaning")});
  }
  fmt::print("\n");
  table.Print();
}

}  // namespace

int RunStatus(const Arguments& arguments) {
  Session session(arguments);
  const auto document = session.Ask("GET", "/v1/status");
  if (!document) return session.exit_code();
  const json::object& status = document->as_object();
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(*document));
  } else {
    const json::object& config = Object(status, "config");
    fmt::print("{}: {}, up {}, version {}\n", Text(status, "director"),
               Flag(status, "ready") ? "ready" : "NOT READY",
               Span(Number(status, "uptime_seconds") * 1000), Text(status, "version"));
    PrintReadiness(status);
    fmt::print("configuration: generation {} of {}, {} at {}\n", Text(status, "generation"),
               Text(config, "path"),
               Flag(config, "last_reload_ok") ? "applied" : "last reload REFUSED",
               Text(config, "last_reload"));
    if (!Flag(config, "last_reload_ok")) {
      fmt::print("  {}\n", Text(config, "last_reload_error"));
    }
    fmt::print("{}, {} of {} up\n", Plural(Number(status, "services"), "service"),
               Text(status, "reals_up"), Plural(Number(status, "reals"), "real"));
    PrintDefence(status);
    PrintHealth(status);
    PrintRestored(status);
    PrintWorkers(status);
    PrintPorts(status);
    PrintMemory(status);
    PrintDrops(status);
  }
  return Flag(status, "ready") ? kOk : kFailed;
}

int RunMetrics(const Arguments& arguments) {
  Session session(arguments);
  const auto text = session.AskText("GET", "/metrics");
  if (!text) return session.exit_code();
  fmt::print("{}", *text);
  return kOk;
}

}  // namespace fairlead::cli
