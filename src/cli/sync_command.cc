// fairlead sync status
#include <fmt/format.h>

#include <algorithm>

#include "cli/commands.h"
#include "cli/table.h"
#include "cli/text.h"

namespace fairlead::cli {

namespace json = boost::json;

namespace {

// They are forwarded to as the kernel director says.
void PrintUnknown(const json::object& ipvs) {
  const json::value* const unknown = ipvs.if_contains("unknown_reals");
  if (unknown == nullptr || !unknown->is_array() || unknown->as_array().empty()) return;
  Table table({"UNKNOWN HERE", "REAL", "FORWARD"});
  for (const json::value& item : unknown->as_array()) {
    const json::object& real = item.as_object();
    table.Add({Text(real, "service"), Text(real, "real"), Text(real, "forward")});
  }
  fmt::print("\n{}", table.ToString());
}

void PrintIpvs(const json::object& ipvs) {
  fmt::print("kernel directors: {} on {}, group {} port {}, syncid {}: {}\n", Text(ipvs, "role"),
             Text(ipvs, "interface"), Text(ipvs, "group"), Text(ipvs, "udp_port"),
             Text(ipvs, "syncid"), Flag(ipvs, "open") ? "open" : "NOT OPEN");
  if (const std::string problem = Text(ipvs, "problem"); problem != "-") {
    fmt::print("  {}\n", problem);
  }
  const json::object& in = Object(ipvs, "received");
  const json::object& out = Object(ipvs, "sent");
  if (Text(in, "last_sender") == "-") {
    fmt::print("nothing was received yet\n");
  } else {
    fmt::print("last heard: {}, from {}\n", Text(in, "last_datagram"), Text(in, "last_sender"));
  }
  Table table({"", "DATAGRAMS>", "ENTRIES>", "CONNECTIONS>", "TEMPLATES>"});
  table.Add({"received", Text(in, "datagrams"), Text(in, "entries"), Text(in, "connections"),
             Text(in, "templates")});
  table.Add({"sent", Text(out, "datagrams"), Text(out, "entries"), "-", "-"});
  fmt::print("\n{}", table.ToString());
  PrintUnknown(ipvs);
  const json::array& refused = Array(in, "refused");
  if (const uint64_t foreign = Number(in, "foreign_datagrams"); foreign > 0) {
    fmt::print("{} of senders that are not in sync.ipvs.peers\n", Plural(foreign, "datagram"));
  }
  if (refused.empty()) return;
  Table reasons({"REFUSED", "COUNT>", "MEANING"});
  for (const json::value& item : refused) {
    const json::object& reason = item.as_object();
    reasons.Add({Text(reason, "reason"), Text(reason, "count"), Text(reason, "meaning")});
  }
  fmt::print("\n{}", reasons.ToString());
}

std::string BulkText(const json::object& way, uint64_t ranges) {
  if (Flag(way, "bulk_done")) return "done";
  const uint64_t left = std::min(Number(way, "ranges_left"), ranges);
  return ranges == 0 ? "-" : std::to_string((ranges - left) * 100 / ranges) + " %";
}

bool IsUp(const json::object& peer) {
  const std::string state = Text(peer, "state");
  return state != "unreachable" && state != "awaited";
}

void PrintRefused(const json::object& peer) {
  for (const json::value& item : Array(peer, "refused")) {
    const json::object& reason = item.as_object();
    fmt::print("  {}: refused {} of {}: {}\n", Text(peer, "name"), Text(reason, "count"),
               Text(reason, "reason"), Text(reason, "meaning"));
  }
}

void PrintStream(const json::object& stream) {
  fmt::print("Fairlead directors: {} on {}, {}: {}\n", Text(stream, "name"), Text(stream, "listen"),
             Flag(stream, "encrypted") ? "encrypted" : "in the clear",
             Flag(stream, "listening") ? "listening" : "NOT LISTENING");
  if (const std::string problem = Text(stream, "problem"); problem != "-") {
    fmt::print("  {}\n", problem);
  }
  if (Flag(stream, "of_fleet") && Array(stream, "peers").empty()) {
    fmt::print("  no other director of the fleet synchronises\n");
    return;
  }
  Table table(
      {"PEER", "ADDRESS", "STATE", "LAG IN>", "LAG OUT>", "BULK IN>", "BULK OUT>", "IN>", "OUT>"});
  for (const json::value& item : Array(stream, "peers")) {
    const json::object& peer = item.as_object();
    const json::object& in = Object(peer, "in");
    const json::object& out = Object(peer, "out");
    const bool is_up = IsUp(peer);
    const uint64_t ranges = Number(peer, "ranges");
    table.Add({Text(peer, "name"), Text(peer, "address"), Text(peer, "state"),
               is_up ? Text(in, "lag_seconds") + " s" : "-",
               is_up ? Text(out, "lag_seconds") + " s" : "-", is_up ? BulkText(in, ranges) : "-",
               is_up ? BulkText(out, ranges) : "-", Text(in, "entries"), Text(out, "entries")});
  }
  fmt::print("\n{}", table.ToString());
  for (const json::value& item : Array(stream, "peers")) {
    const json::object& peer = item.as_object();
    if (const std::string error = Text(peer, "last_error"); error != "-") {
      fmt::print("  {}: {}\n", Text(peer, "name"), error);
    }
    PrintRefused(peer);
  }
}

bool IsInSync(const json::object& stream) {
  return std::ranges::all_of(Array(stream, "peers"), [](const json::value& peer) {
    return Text(peer.as_object(), "state") == "in-sync";
  });
}

}  // namespace

// Fails when what is configured does not work.
int RunSyncStatus(const Arguments& arguments) {
  Session session(arguments);
  const auto document = session.Ask("GET", "/v1/sync");
  if (!document) return session.exit_code();
  const json::value& ipvs = document->at("ipvs");
  const json::value* const stream = document->as_object().if_contains("stream");
  const bool has_stream = stream != nullptr && stream->is_object();
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(*document));
  } else if (!ipvs.is_object() && !has_stream) {
    fmt::print("off: neither sync.peers nor sync.ipvs is configured\n");
  } else {
    if (has_stream) PrintStream(stream->as_object());
    if (has_stream && ipvs.is_object()) fmt::print("\n");
    if (ipvs.is_object()) PrintIpvs(ipvs.as_object());
  }
  const bool is_good = (!ipvs.is_object() || Flag(ipvs.as_object(), "open")) &&
                       (!has_stream || IsInSync(stream->as_object()));
  return is_good ? kOk : kFailed;
}

}  // namespace fairlead::cli
