// fairlead sync status
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/table.h"
#include "cli/text.h"

namespace fairlead::cli {

namespace json = boost::json;

namespace {

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

}  // namespace

// Fails when what is configured does not work.
int RunSyncStatus(const Arguments& arguments) {
  Session session(arguments);
  const auto document = session.Ask("GET", "/v1/sync");
  if (!document) return session.exit_code();
  const json::value& ipvs = document->at("ipvs");
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(*document));
  } else if (!ipvs.is_object()) {
    fmt::print("off: sync.ipvs is not configured\n");
  } else {
    PrintIpvs(ipvs.as_object());
  }
  return !ipvs.is_object() || Flag(ipvs.as_object(), "open") ? kOk : kFailed;
}

}  // namespace fairlead::cli
