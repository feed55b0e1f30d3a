// fairlead port release
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>

#include "cli/commands.h"
#include "cli/problem.h"
#include "cli/text.h"
#include "kernel/ingress.h"
#include "kernel/netlink.h"
#include "kernel/twin.h"

namespace fairlead::cli {

namespace json = boost::json;

namespace {

// Whether a device of the configuration is that interface: "net_af_packet0,iface=eth1,…".
bool IsOnInterface(const std::string& device, const std::string& interface) {
  return (device + ",").find(",iface=" + interface + ",") != std::string::npos;
}

// The name of the director that answers and has the interface; empty: none does.
std::string UserOf(const std::string& interface, const Arguments& arguments) {
  ApiClient client(arguments.api, arguments.credentials);
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

int InUse(bool is_json, const std::string& sentence) {
  return PrintProblem({is_json, "in-use", "The interface belongs to a running director", sentence},
                      kFailed);
}

// What directors have left in this network namespace.
struct Left {
  std::vector<std::string> closed;
  std::vector<kernel::Twin> twins;  // also those that a running one has

  [[nodiscard]] const kernel::Twin* FindTwin(const std::string& interface) const {
    const auto is_it = [&](const kernel::Twin& twin) { return twin.link.name == interface; };
    const auto found = std::find_if(twins.begin(), twins.end(), is_it);
    return found == twins.end() ? nullptr : &*found;
  }
};

Result<Left> FindLeft(kernel::Netlink& netlink) {
  Result<std::vector<std::string>> closed = kernel::ClosedInterfaces();
  if (!closed) return closed.error();
  Result<std::vector<kernel::Twin>> twins = kernel::ListTwins(netlink);
  if (!twins) return twins.error();
  return Left{*std::move(closed), *std::move(twins)};
}

// Those named, or all. A twin that is open is none that was left.
std::vector<std::string> TargetsOf(const Arguments& arguments, const Left& left) {
  if (!arguments.interfaces.empty()) return arguments.interfaces;
  std::vector<std::string> targets = left.closed;
  for (const kernel::Twin& twin : left.twins) {
    if (!twin.is_held()) targets.push_back(twin.link.name);
  }
  return targets;
}

// Why the interface cannot be released now; empty: it can.
std::string WhyInUse(const Arguments& arguments, const Left& left, const std::string& interface) {
  if (const kernel::Twin* twin = left.FindTwin(interface)) {
    if (!twin->is_held()) return "";
    return interface + " is the kernel twin of director " + twin->director +
           ", which is running and would lose it for good; stop it first";
  }
  const std::string user = arguments.is_force ? "" : UserOf(interface, arguments);
  if (user.empty()) return "";
  return interface + " belongs to director " + user +
         ", which is running and needs it closed; stop it, or use --force";
}

}  // namespace

// What a director has left. None is no failure: it is as it should be.
int RunPortRelease(const Arguments& arguments) {
  Result<kernel::Netlink> netlink = kernel::Netlink::Open();
  if (!netlink) return Fail(arguments.is_json, "", netlink.error());
  const Result<Left> left = FindLeft(*netlink);
  if (!left) return Fail(arguments.is_json, "", left.error());
  const std::vector<std::string> targets = TargetsOf(arguments, *left);
  for (const std::string& interface : targets) {
    const std::string why = WhyInUse(arguments, *left, interface);
    if (!why.empty()) return InUse(arguments.is_json, why);
  }
  json::array released;
  json::array removed;
  for (const std::string& interface : targets) {
    const kernel::Twin* twin = left->FindTwin(interface);
    if (arguments.is_dry_run) {
      const auto& closed = left->closed;
      const bool is_closed = std::find(closed.begin(), closed.end(), interface) != closed.end();
      if (twin != nullptr) removed.emplace_back(interface);
      if (twin == nullptr && is_closed) released.emplace_back(interface);
      if (arguments.is_json) continue;
      fmt::print("{}: {}\n", interface,
                 twin != nullptr ? "would be removed, with its addresses and routes"
                 : is_closed     ? "would be open to the kernel again"
                                 : "is not closed");
      continue;
    }
    std::string done = "removed, with its addresses and routes";
    if (twin != nullptr) {
      const Status gone = kernel::RemoveLink(*netlink, twin->link.index);
      if (!gone) return Fail(arguments.is_json, interface, gone.error());
      removed.emplace_back(interface);
    } else {
      const Result<bool> opened = kernel::OpenIngress(interface);
      if (!opened) return Fail(arguments.is_json, interface, opened.error());
      if (*opened) released.emplace_back(interface);
      done = *opened ? "open to the kernel again" : "was not closed";
    }
    if (!arguments.is_json) fmt::print("{}: {}\n", interface, done);
  }
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(json::object{{"released", std::move(released)},
                                             {"removed", std::move(removed)}}));
  } else if (targets.empty()) {
    fmt::print("no interface is closed to the kernel, and no kernel twin is left\n");
  }
  return kOk;
}

}  // namespace fairlead::cli
