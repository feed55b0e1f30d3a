// fairlead real show, config show, config schema, route list, snat list, neighbour list
#include <fmt/format.h>

#include "base/ip_address.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "cli/text.h"
#include "control/config/json_schema.h"

namespace fairlead::cli {

namespace json = boost::json;

namespace {

// Whether `name`, "10.0.0.11:80", is that address, or that address and port.
bool IsAt(const std::string& name, const std::string& wanted) {
  const auto endpoint = Endpoint::Parse(name);
  if (!endpoint) return false;
  if (const auto address = IpAddress::Parse(wanted)) return endpoint->address == *address;
  const auto other = Endpoint::Parse(wanted);
  return other && *endpoint == *other;
}

bool IsConfigured(const json::object& real) {
  return !Flag(real, "removed") && !Flag(real, "fallback");
}

}  // namespace

std::optional<json::array> RealsAt(Session* session, const Arguments& arguments) {
  const std::string& wanted = arguments.real;
  if (!IpAddress::Parse(wanted) && !Endpoint::Parse(wanted)) {
    session->Fail("invalid-address", "An address is wrong",
                  "\"" + wanted + "\" is no real server; give ADDRESS:PORT, or ADDRESS alone");
    return std::nullopt;
  }
  const auto services = session->Ask("GET", "/v1/services");
  if (!services) return std::nullopt;
  json::array found;
  for (const json::value& service : Array(services->as_object(), "services")) {
    const auto reals =
        session->Ask("GET", ServicePath(Text(service.as_object(), "name")) + "/reals");
    if (!reals) return std::nullopt;
    for (const json::value& item : Array(reals->as_object(), "reals")) {
      const json::object& real = item.as_object();
      if (IsConfigured(real) && IsAt(Text(real, "name"), wanted)) found.push_back(item);
    }
  }
  if (!found.empty()) return found;
  session->Fail("unknown-real", "No such real server",
                "no service has a real server " + wanted + "; fairlead real list names all");
  return std::nullopt;
}

int RunRealShow(const Arguments& arguments) {
  Session session(arguments);
  auto reals = RealsAt(&session, arguments);
  if (!reals) return session.exit_code();
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(json::object{{"reals", *std::move(reals)}}));
  } else {
    PrintReals(*reals, true);
  }
  return kOk;
}

int RunConfigShow(const Arguments& arguments) {
  Session session(arguments);
  const auto text = session.AskText("GET", "/v1/config");
  if (!text) return session.exit_code();
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(json::object{{"yaml", *text}}));
  } else {
    fmt::print("{}", *text);
  }
  return kOk;
}

int RunConfigSchema() {
  fmt::print("{}", control::JsonSchema());
  return kOk;
}

int RunRouteList(const Arguments& arguments) {
  Session session(arguments);
  const auto document = session.Ask("GET", "/v1/routes");
  if (!document) return session.exit_code();
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(*document));
    return kOk;
  }
  const json::object& answer = document->as_object();
  Table table({"TO", "VIA", "PORT", "SOURCE", "USED"});
  for (const json::value& item : Array(answer, "routes")) {
    const json::object& route = item.as_object();
    table.Add({Text(route, "to"), Text(route, "via"), Text(route, "port"), Text(route, "source"),
               Flag(route, "used") ? "yes" : "no"});
  }
  table.Print();
  if (const uint64_t refused = Number(answer, "refused_kernel_routes"); refused > 0) {
    fmt::print("\n{} of the kernel not taken: policy.kernel_routes is their limit\n",
               Plural(refused, "route"));
  }
  return kOk;
}

int RunSnatList(const Arguments& arguments) {
  Session session(arguments);
  const auto document = session.Ask("GET", "/v1/snat");
  if (!document) return session.exit_code();
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(*document));
    return kOk;
  }
  const json::object& answer = document->as_object();
  Table table({"SOURCE", "OUTPUT?", "ADDRESSES", "PORTS?", "FLOWS>", "BEGUN>", "EXHAUSTED>",
               "OUT PACKETS>?", "IN PACKETS>?"});
  for (const json::value& item : Array(answer, "rules")) {
    const json::object& rule = item.as_object();
    std::string addresses;
    for (const json::value& address : Array(rule, "addresses")) {
      addresses += (addresses.empty() ? "" : " ") + std::string(address.as_string());
    }
    table.Add({Text(rule, "source"), Text(rule, "output"), addresses, Text(rule, "ports"),
               Text(rule, "flows"), Text(rule, "flows_total"), Text(rule, "exhausted_total"),
               Text(rule, "out_packets"), Text(rule, "in_packets")});
  }
  table.Print();
  if (Number(answer, "capacity") > 0) {
    fmt::print("\n{} of {}\n", Plural(Number(answer, "flows"), "flow"), Number(answer, "capacity"));
  }
  return kOk;
}

int RunNeighbourList(const Arguments& arguments) {
  Session session(arguments);
  const auto document = session.Ask("GET", "/v1/neighbours");
  if (!document) return session.exit_code();
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(*document));
    return kOk;
  }
  Table table({"PORT", "ADDRESS", "MAC", "STATE!", "AGE>", "USE?"});
  bool is_old = false;
  for (const json::value& item : Array(document->as_object(), "neighbours")) {
    const json::object& neighbour = item.as_object();
    const std::string age = Text(neighbour, "age_ms");
    table.Add({Text(neighbour, "port"), Text(neighbour, "address"), Text(neighbour, "mac"),
               Text(neighbour, "state"), age == "-" ? "-" : Span(Number(neighbour, "age_ms")),
               Flag(neighbour, "next_hop") ? "next hop" : "learned"});
    is_old |= !Flag(neighbour, "workers_agree");
  }
  table.Print();
  if (is_old) fmt::print("workers have not taken over all of this yet\n");
  return kOk;
}

}  // namespace fairlead::cli
