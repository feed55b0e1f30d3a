// fairlead service add|edit|remove, real add|remove, diff
//
// The body that is sent has the keys of the configuration file, a line each; the director reads it
// as it reads the file, so its errors name the key: "body:2:12: scheduler: must be …".
#include <fmt/format.h>

#include <cstdio>

#include "base/ip_address.h"
#include "cli/commands.h"
#include "cli/problem.h"
#include "cli/text.h"

namespace fairlead::cli {

namespace json = boost::json;

namespace {

void Refuse(const Arguments& arguments, const std::string& sentence) {
  PrintProblem({arguments.is_json, "invalid-address", "An address is wrong", sentence}, kFailed);
}

// "192.0.2.10:80/tcp" as keys of a service.
std::optional<std::string> AddressKeys(const Arguments& arguments) {
  const std::string& text = arguments.destination;
  const size_t slash = text.find('/');
  const auto endpoint = Endpoint::Parse(text.substr(0, slash));
  if (!endpoint || slash == std::string::npos) {
    Refuse(arguments, "\"" + text +
                          "\" is not the address of a service; give ADDRESS:PORT/tcp or /udp, for "
                          "instance 192.0.2.10:80/tcp, or --mark");
    return std::nullopt;
  }
  return fmt::format("address: \"{}\"\nport: {}\nprotocol: {}\n", endpoint->address.ToString(),
                     endpoint->port.host(), text.substr(slash + 1));
}

// "10.0.0.11:8080" or an address alone as keys of a real.
std::optional<std::string> RealKeys(const Arguments& arguments) {
  const std::string& text = arguments.real;
  if (const auto endpoint = Endpoint::Parse(text)) {
    return fmt::format("address: \"{}\"\nport: {}\n", endpoint->address.ToString(),
                       endpoint->port.host());
  }
  if (const auto address = IpAddress::Parse(text)) {
    return "address: \"" + address->ToString() + "\"\n";
  }
  Refuse(arguments,
         "\"" + text + "\" is not the address of a real; give ADDRESS:PORT, or ADDRESS alone");
  return std::nullopt;
}

void PrintWarnings(const json::object& answer) {
  std::fflush(stdout);  // what was done comes first, wherever both go
  for (const std::string& sentence : WarningsIn(answer)) {
    fmt::print(stderr, "fairlead: warning: {}\n", sentence);
  }
}

int Print(const Arguments& arguments, const json::value& document) {
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(document));
    return kOk;
  }
  const json::object& service = document.as_object();
  fmt::print("{}: {}, {}, {}\n", Text(service, "name"), Text(service, "key"),
             Text(service, "scheduler"), Plural(Number(service, "reals_total"), "real server"));
  PrintWarnings(service);
  return kOk;
}

// What a removal, or the comparison with the file, says.
int PrintChanges(const Arguments& arguments, const json::value& document,
                 const std::string& nothing) {
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(document));
    return kOk;
  }
  const json::array& changes = Array(document.as_object(), "changes");
  if (changes.empty()) fmt::print("{}\n", nothing);
  for (const json::value& change : changes) {
    fmt::print("{}\n", std::string(change.as_string()));
  }
  return kOk;
}

int Remove(const Arguments& arguments, const std::string& path) {
  Session session(arguments);
  const auto document = session.Ask("DELETE", path);
  return document ? PrintChanges(arguments, *document, "there was nothing to remove")
                  : session.exit_code();
}

}  // namespace

int RunServiceAdd(const Arguments& arguments) {
  std::string body = arguments.body;
  if (!arguments.destination.empty()) {
    const auto keys = AddressKeys(arguments);
    if (!keys) return kFailed;
    body = *keys + body;
  }
  Session session(arguments);
  const auto document = session.Ask("POST", "/v1/services", body.empty() ? "{}" : body);
  return document ? Print(arguments, *document) : session.exit_code();
}

int RunServiceEdit(const Arguments& arguments) {
  Session session(arguments);
  const auto document = session.Ask("PATCH", ServicePath(arguments.service),
                                    arguments.body.empty() ? "{}" : arguments.body);
  return document ? Print(arguments, *document) : session.exit_code();
}

int RunServiceRemove(const Arguments& arguments) {
  return Remove(arguments, arguments.is_all ? "/v1/services" : ServicePath(arguments.service));
}

int RunRealAdd(const Arguments& arguments) {
  auto body = RealKeys(arguments);
  if (!body) return kFailed;
  *body += arguments.body;
  if (arguments.weight) *body += fmt::format("weight: {}\n", *arguments.weight);
  if (!arguments.admin.empty()) *body += "state: " + arguments.admin + "\n";
  Session session(arguments);
  const auto document = session.Ask("POST", ServicePath(arguments.service) + "/reals", *body);
  if (!document) return session.exit_code();
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(*document));
    return kOk;
  }
  const json::object& real = document->as_object();
  fmt::print("{} of {}: {}, weight {}\n", Text(real, "name"), Text(real, "service"),
             Text(real, "forward"), Text(real, "weight"));
  PrintWarnings(real);
  return kOk;
}

int RunRealRemove(const Arguments& arguments) {
  return Remove(arguments, ServicePath(arguments.service) + "/reals/" + Encode(arguments.real));
}

int RunDiff(const Arguments& arguments) {
  Session session(arguments);
  const auto document = session.Ask("GET", "/v1/diff");
  if (!document) return session.exit_code();
  return PrintChanges(arguments, *document,
                      "nothing differs from " + Text(document->as_object(), "file"));
}

}  // namespace fairlead::cli
