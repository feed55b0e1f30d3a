// fairlead port release
#include <fmt/format.h>

#include <boost/json/parse.hpp>

#include "cli/commands.h"
#include "cli/problem.h"
#include "cli/text.h"
#include "kernel/ingress.h"

namespace fairlead::cli {

namespace json = boost::json;

namespace {

// Whether a device of the configuration is that interface: "net_af_packet0,iface=eth1,…".
bool IsOnInterface(const std::string& device, const std::string& interface) {
  return (device + ",").find(",iface=" + interface + ",") != std::string::npos;
}

// The name of the director that answers and has the interface; empty: none does.
std::string UserOf(const std::string& interface, const Arguments& arguments) {
  ApiClient client(arguments.api);
  const Result<Reply> reply = client.Send("GET", "/v1/status", "");
  if (!reply || reply->status != 200) return "";  // what it is for: nobody runs
  json::error_code ec;
  const json::value document = json::parse(reply->body, ec);
  if (ec || !document.is_object()) return "";
  for (const json::value& port : Array(document.as_object(), "ports")) {
    if (port.is_object() && IsOnInterface(Text(port.as_object(), "device"), interface)) {
      return Text(document.as_object(), "director");
    }
  }
  return "";
}

int Fail(bool is_json, const std::string& interface, const Error& error) {
  std::string sentence = interface.empty() ? "" : interface + ": ";
  sentence += error.ToString();
  if (error.code == ErrorCode::kSystem) {
    sentence += "; it needs root, or CAP_NET_ADMIN, in the network namespace of the interface";
  }
  return PrintProblem({is_json, "not-released", "The interface could not be released", sentence},
                      kFailed);
}

}  // namespace

// What a director that was killed left closed. None is no failure: it is as it should be.
int RunPortRelease(const Arguments& arguments) {
  const Result<std::vector<std::string>> closed = kernel::ClosedInterfaces();
  if (!closed) return Fail(arguments.is_json, "", closed.error());
  const std::vector<std::string>& targets =
      arguments.interfaces.empty() ? *closed : arguments.interfaces;
  for (const std::string& interface : targets) {
    const std::string user = arguments.is_force ? "" : UserOf(interface, arguments);
    if (user.empty()) continue;
    return PrintProblem({arguments.is_json, "in-use", "The interface belongs to a running director",
                         interface + " belongs to director " + user +
                             ", which is running and reopens it when it stops; stop it, or use "
                             "--force"},
                        kFailed);
  }
  json::array released;
  for (const std::string& interface : targets) {
    const Result<bool> opened = kernel::OpenIngress(interface);
    if (!opened) return Fail(arguments.is_json, interface, opened.error());
    if (*opened) released.emplace_back(interface);
    if (arguments.is_json) continue;
    fmt::print("{}: {}\n", interface, *opened ? "open to the kernel again" : "was not closed");
  }
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(json::object{{"released", std::move(released)}}));
  } else if (targets.empty()) {
    fmt::print("no interface is closed to the kernel\n");
  }
  return kOk;
}

}  // namespace fairlead::cli
