// fairlead service list|show, real list|set|enable|quiesce|disable
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/commands.h"
#include "cli/table.h"
#include "cli/text.h"

namespace fairlead::cli {

namespace json = boost::json;

namespace {

// "30m00s /24", or "-".
std::string Persistence(const json::object& service) {
  const json::object& persistence = Object(service, "persistence");
  if (persistence.empty()) return "-";
  return fmt::format("{} /{}", Span(Number(persistence, "timeout_seconds") * 1000),
                     Text(persistence, "netmask"));
}

std::string Scheduler(const json::object& service) {
  std::string text = Text(service, "scheduler");
  for (const json::value& flag : Array(service, "scheduler_flags")) {
    text += " " + std::string(flag.as_string());
  }
  return text;
}

// "quiesce (agent)"; empty: no check asks for a state.
std::string AskedFor(const json::object& real) {
  for (const json::value& check : Array(real, "checks")) {
    const std::string state = Text(check.as_object(), "asks_for");
    if (state != "-") return state + " (agent)";
  }
  return "";
}

// What an operator wants to know first of a real: "up", "drain, 9m12s", "removed, hold" …
std::string State(const json::object& real) {
  if (Flag(real, "removed")) {
    const std::string are = Text(real, "connections_are");
    return are.empty() || are == "-" ? "removed" : "removed, " + are;
  }
  const std::string admin = Text(real, "admin");
  if (admin != "up") {
    const json::object& drain = Object(real, "drain");
    if (Flag(drain, "is_over")) return admin + ", over";
    if (Text(drain, "remaining_seconds") == "-") return admin;
    return admin + ", " + Span(Number(drain, "remaining_seconds") * 1000);
  }
  if (Text(real, "health") == "down") return "DOWN";
  if (const std::string asked = AskedFor(real); !asked.empty()) return asked;
  if (Flag(real, "fallback")) return Number(real, "effective_weight") > 0 ? "IN USE" : "standby";
  return Flag(real, "overloaded") ? "overloaded" : "up";
}

// With what keeps this machine from looking, since what is shown then is old.
std::string Health(const json::object& real) {
  std::string text = Text(real, "health");
  const std::string detail = Text(real, "health_detail");
  if (detail != "-" && !detail.empty()) text += ": " + detail;
  for (const json::value& check : Array(real, "checks")) {
    const std::string problem = Text(check.as_object(), "problem");
    if (problem != "-") return text + "; NOT ASKED: " + problem;
  }
  return text;
}

std::string RealsUp(const json::object& service) {
  const std::string text =
      fmt::format("{}/{}", Text(service, "reals_up"), Text(service, "reals_total"));
  if (Flag(service, "on_fallback")) return text + " FALLBACK";
  return Flag(service, "has_quorum") ? text : text + " QUORUM LOST";
}

std::string Weight(const json::object& real) {
  const std::string weight = Text(real, "weight");
  const json::value* exact = real.if_contains("exact_weight");  // earlier directors have none
  const std::string effective = exact == nullptr || !exact->is_number()
                                    ? Text(real, "effective_weight")
                                    : fmt::format("{}", exact->to_number<double>());
  return weight == effective ? weight : effective + " (" + weight + ")";
}

// How many services are not announced, for each reason.
void PrintSilent(const json::object& document) {
  std::map<std::string, uint64_t> silent;
  for (const json::value& item : Array(document, "services")) {
    const std::string why = Text(item.as_object(), "not_announced");
    if (why != "-") ++silent[why];
  }
  for (const auto& [why, count] : silent) {
    fmt::print("not announced, {}: {}\n", Plural(count, "service"), why);
  }
}

}  // namespace

void PrintReals(const json::array& reals, bool with_service) {
  std::vector<std::string> titles = {"REAL",    "FORWARD?",   "WEIGHT>",     "STATE!",
                                     "ACTIVE>", "INACTIVE>?", "TEMPLATES>?", "CONNECTIONS>?",
                                     "IN>?",    "OUT>?",      "HEALTH"};
  if (with_service) titles.insert(titles.begin(), "SERVICE~");
  Table table(titles);
  for (const json::value& item : reals) {
    const json::object& r = item.as_object();
    const json::object& traffic = Object(r, "traffic");
    std::vector<std::string> cells = {Text(r, "name") + (Flag(r, "fallback") ? " (fallback)" : ""),
                                      Text(r, "forward"),
                                      Weight(r),
                                      State(r),
                                      Text(r, "active_connections"),
                                      Text(r, "inactive_connections"),
                                      Text(r, "templates"),
                                      Text(traffic, "connections"),
                                      Bytes(Number(traffic, "in_bytes")),
                                      Bytes(Number(traffic, "out_bytes")),
                                      Health(r)};
    if (with_service) cells.insert(cells.begin(), Text(r, "service"));
    table.Add(cells);
  }
  table.Print();
}

int RunServiceList(const Arguments& arguments) {
  Session session(arguments);
  const auto document = session.Ask("GET", "/v1/services");
  if (!document) return session.exit_code();
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(*document));
    return kOk;
  }
  Table table({"SERVICE~", "FOR", "SCHEDULER?", "PERSISTENCE?", "REALS UP>!", "ACTIVE>",
               "INACTIVE>?", "TEMPLATES>?", "CONNECTIONS>?", "IN>?", "OUT>?"});
  for (const json::value& item : Array(document->as_object(), "services")) {
    const json::object& s = item.as_object();
    const json::object& traffic = Object(s, "traffic");
    table.Add({Text(s, "name"), Text(s, "key"), Scheduler(s), Persistence(s), RealsUp(s),
               Text(s, "active_connections"), Text(s, "inactive_connections"), Text(s, "templates"),
               Text(traffic, "connections"), Bytes(Number(traffic, "in_bytes")),
               Bytes(Number(traffic, "out_bytes"))});
  }
  table.Print();
  PrintSilent(document->as_object());
  return kOk;
}

int RunServiceShow(const Arguments& arguments) {
  Session session(arguments);
  const auto document = session.Ask("GET", ServicePath(arguments.service));
  if (!document) return session.exit_code();
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(*document));
    return kOk;
  }
  const json::object& s = document->as_object();
  const json::object& traffic = Object(s, "traffic");
  fmt::print("{}: {}\n", Text(s, "name"), Text(s, "key"));
  fmt::print("  scheduler    {}{}\n", Scheduler(s), Flag(s, "one_packet") ? ", one packet" : "");
  const bool is_persistent = !Object(s, "persistence").empty();
  fmt::print(
      "  persistence  {}\n",
      is_persistent ? Persistence(s) + ", " + Plural(Number(s, "templates"), "template") : "none");
  fmt::print("  connections  {} active, {} inactive, {} so far\n", Text(s, "active_connections"),
             Text(s, "inactive_connections"), Text(traffic, "connections"));
  fmt::print("  traffic      in {} ({}), out {} ({})\n", Bytes(Number(traffic, "in_bytes")),
             Plural(Number(traffic, "in_packets"), "packet"), Bytes(Number(traffic, "out_bytes")),
             Plural(Number(traffic, "out_packets"), "packet"));
  if (const std::string why = Text(s, "not_announced"); why != "-") {
    fmt::print("  not announced: {}\n", why);
  }
  const bool is_refused = Number(s, "living_weight") == 0 && !Flag(s, "on_fallback");
  if (!Flag(s, "has_quorum") && (Number(s, "living_weight") > 0 || is_refused)) {
    fmt::print("  QUORUM LOST: a weight of {} is up, of a quorum of {}{}\n",
               Text(s, "living_weight"), Text(s, "quorum"),
               Flag(s, "on_fallback") ? "; the fallback answers"
               : is_refused           ? "; new connections are refused"
                                      : "");
  } else if (Flag(s, "on_fallback")) {
    fmt::print("  NO REAL IS UP: the fallback answers\n");
  }
  fmt::print("\n");
  PrintReals(Array(s, "reals"), false);
  return kOk;
}

int RunRealList(const Arguments& arguments) {
  Session session(arguments);
  json::array reals;
  std::vector<std::string> services{arguments.service};
  if (arguments.service.empty()) {
    services.clear();
    const auto document = session.Ask("GET", "/v1/services");
    if (!document) return session.exit_code();
    for (const json::value& item : Array(document->as_object(), "services")) {
      services.push_back(Text(item.as_object(), "name"));
    }
  }
  for (const std::string& service : services) {
    const auto document = session.Ask("GET", ServicePath(service) + "/reals");
    if (!document) return session.exit_code();
    for (const json::value& real : Array(document->as_object(), "reals")) reals.push_back(real);
  }
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(json::object{{"reals", std::move(reals)}}));
  } else {
    PrintReals(reals, arguments.service.empty());
  }
  return kOk;
}

namespace {

int SetReal(const Arguments& arguments) {
  std::string change = arguments.body;
  if (arguments.weight) change += fmt::format("weight: {}\n", *arguments.weight);
  if (!arguments.admin.empty()) change += "state: " + arguments.admin + "\n";
  Session session(arguments);
  const auto document = session.Ask(
      "PATCH", ServicePath(arguments.service) + "/reals/" + Encode(arguments.real), change);
  if (!document) return session.exit_code();
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(*document));
    return kOk;
  }
  const json::object& real = document->as_object();
  fmt::print("{} of {}: {}, weight {}, {} active and {} inactive connections, {}\n",
             Text(real, "name"), Text(real, "service"), State(real), Weight(real),
             Text(real, "active_connections"), Text(real, "inactive_connections"),
             Plural(Number(real, "templates"), "template"));
  return kOk;
}

}  // namespace

int RunRealSet(const Arguments& arguments) {
  if (!arguments.is_everywhere) return SetReal(arguments);
  Session session(arguments);
  const auto reals = RealsAt(&session, arguments);
  if (!reals) return session.exit_code();
  int worst = kOk;
  for (const json::value& real : *reals) {
    Arguments one = arguments;
    one.service = Text(real.as_object(), "service");
    one.real = Text(real.as_object(), "name");
    worst = std::max(worst, SetReal(one));
  }
  return worst;
}

}  // namespace fairlead::cli
