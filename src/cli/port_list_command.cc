// fairlead port list
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/steering_text.h"
#include "cli/table.h"
#include "cli/text.h"

namespace fairlead::cli {

namespace json = boost::json;

namespace {

// "up 10000 full", "DOWN since 2026-11-20T19:00:00Z".
std::string LinkText(const json::object& link) {
  if (!Flag(link, "up")) return "DOWN since " + Text(link, "since");
  const std::string speed = Text(link, "speed_mbps");
  return speed == "-" ? "up" : "up " + speed + " " + Text(link, "duplex");
}

// The members of bonds, below the ports.
void PrintMembers(const json::array& ports) {
  Table table({"MEMBER OF", "DEVICE", "LINK", "IN USE"});
  for (const json::value& item : ports) {
    const json::object& port = item.as_object();
    for (const json::value& each : Array(Object(port, "link"), "members")) {
      const json::object& member = each.as_object();
      table.Add({Text(port, "name"), Text(member, "name"), Flag(member, "up") ? "up" : "DOWN",
                 Flag(member, "active") ? "yes" : "no"});
    }
  }
  if (table.empty()) return;
  fmt::print("\n");
  table.Print();
}

// "net_af_packet0,iface=eth1" without the arguments that nobody chose.
std::string DeviceText(const json::object& port) {
  const std::string device = Text(port, "device");
  const size_t interface = device.find(",iface=");
  std::string shown = device.substr(0, device.find(','));
  if (device.starts_with("bond ")) {
    shown = device.substr(0, device.find(':'));  // its members stand below
  } else if (interface != std::string::npos) {
    const std::string rest = device.substr(interface + 7);
    shown += " " + rest.substr(0, rest.find(','));
  }
  if (const std::string vlan = Text(port, "vlan"); vlan != "-") shown += " vlan " + vlan;
  return shown;
}

void PrintCounters(const json::object& port) {
  Table table({"COUNTER OF " + Text(port, "name"), "VALUE>"});
  for (const auto& counter : Object(port, "driver_counters")) {
    if (counter.value().to_number<uint64_t>() == 0) continue;
    table.Add({std::string(counter.key()), std::to_string(counter.value().to_number<uint64_t>())});
  }
  if (table.empty()) return;
  fmt::print("\n");
  table.Print();
}

}  // namespace

int RunPortList(const Arguments& arguments) {
  Session session(arguments);
  const auto document = session.Ask("GET", "/v1/ports");
  if (!document) return session.exit_code();
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(*document));
    return kOk;
  }
  const json::array& ports = Array(document->as_object(), "ports");
  Table table({"PORT", "DEVICE?", "LINK!", "DOWNS>?", "ROLE?", "KERNEL TWIN?", "MTU>?", "RECEIVED>",
               "SENT>", "LOST>", "STEERING?"});
  for (const json::value& item : ports) {
    const json::object& port = item.as_object();
    const json::object& traffic = Object(port, "traffic");
    const uint64_t lost = Number(traffic, "rx_missed") + Number(traffic, "rx_errors") +
                          Number(traffic, "tx_missed") + Number(traffic, "tx_errors");
    table.Add({Text(port, "name"), DeviceText(port), LinkText(Object(port, "link")),
               Text(Object(port, "link"), "downs"), Text(port, "role"),
               Text(port, "host_interface"), Text(port, "mtu_bytes"), Text(traffic, "rx_packets"),
               Text(traffic, "tx_packets"), std::to_string(lost), SteeringWord(port)});
  }
  table.Print();
  PrintSteeringReasons(ports);
  PrintMembers(ports);
  if (arguments.shows_counters) {
    for (const json::value& item : ports) PrintCounters(item.as_object());
  }
  return kOk;
}

}  // namespace fairlead::cli
