// fairlead doctor: kernel twins, the neighbours behind them, the kernel's filter of return paths.
#include <algorithm>
#include <set>
#include <sstream>

#include "cli/doctor/doctor.h"

namespace fairlead::cli {

namespace {

std::vector<control::PortConfig> PortsWithTwin(const control::ConfigModel& config) {
  std::vector<control::PortConfig> ports;
  for (const control::PortConfig& port : config.ports) {
    if (port.exception == control::ExceptionPath::kTap) ports.push_back(port);
  }
  return ports;
}

Finding OfTwin(const Machine& machine, const std::string& twin) {
  const std::string folder = "/sys/class/net/" + twin;
  if (!machine.Has(folder)) {
    return {false,
            "the director runs, and its kernel twin " + twin +
                " is gone: what is for the port's own "
                "addresses reaches nobody, and health checks do not leave",
            {"systemctl restart fairleadd"}};
  }
  const std::string flags = machine.Text(folder + "/flags");
  if ((std::strtoull(flags.c_str(), nullptr, 16) & 1) == 0) {  // IFF_UP
    return {false, "the kernel twin " + twin + " is down", {"ip link set dev " + twin + " up"}};
  }
  return {true, twin + " is up"};
}

// Next hops and real servers of the configuration.
std::set<std::string> AddressesOf(const control::ConfigModel& config) {
  std::set<std::string> addresses;
  for (const control::RouteConfig& route : config.routes) addresses.insert(route.via.ToString());
  for (const control::ServiceConfig& service : config.services) {
    for (const control::RealConfig& real : service.reals) addresses.insert(real.address.ToString());
  }
  return addresses;
}

}  // namespace

Findings CheckTwins(const Patient& patient) {
  const auto ports = PortsWithTwin(patient.config);
  if (ports.empty()) return {{true, "no port has one"}};
  if (!patient.machine.Has("/dev/net/tun")) {
    return {{false, "there is no /dev/net/tun, of which kernel twins are made", {"modprobe tun"}}};
  }
  if (patient.directors.empty()) return {{true, "a director makes them at its start"}};
  Findings findings;
  for (const control::PortConfig& port : ports) {
    findings.push_back(OfTwin(patient.machine, TwinOf(port)));
  }
  return findings;
}

// Those that the kernel has asked for: health checks, and what the machine itself sends.
Findings CheckNeighbours(const Patient& patient) {
  std::set<std::string> twins;
  for (const control::PortConfig& port : PortsWithTwin(patient.config)) twins.insert(TwinOf(port));
  const std::set<std::string> wanted = AddressesOf(patient.config);
  Findings findings;
  for (const std::string& line : patient.machine.Lines("/proc/net/arp")) {
    // ADDRESS HARDWARE-TYPE FLAGS HARDWARE-ADDRESS MASK DEVICE (proc(5)); flags 0: unanswered
    std::istringstream words(line);
    std::string address, type, flags, hardware, mask, device;
    words >> address >> type >> flags >> hardware >> mask >> device;
    if (flags != "0x0" || !twins.contains(device) || !wanted.contains(address)) continue;
    findings.push_back({false,
                        address + " does not answer ARP on " + device +
                            ": it is off, or in another network or VLAN than its port",
                        {"ip neighbour flush dev " + device + " to " + address,
                         "ping -c 3 -I " + device + " " + address}});
  }
  if (findings.empty()) findings.push_back({true, "all that the kernel has asked for answer"});
  return findings;
}

// The greater of the two settings counts (ip-sysctl of Linux); 2 is loose.
Findings CheckRpFilter(const Patient& patient) {
  const std::string top = "/proc/sys/net/ipv4/conf/";
  const int64_t for_all = patient.machine.Number(top + "all/rp_filter").value_or(0);
  Findings findings;
  for (const control::PortConfig& port : PortsWithTwin(patient.config)) {
    const std::string twin = TwinOf(port);
    const auto own = patient.machine.Number(top + twin + "/rp_filter");
    if (!own || std::max(for_all, *own) != 1) continue;
    findings.push_back({false,
                        "the kernel drops what comes in on " + twin +
                            " from an address that it would reach by another interface",
                        {"sysctl -w net.ipv4.conf." + twin + ".rp_filter=2"}});
  }
  if (findings.empty()) findings.push_back({true, "not strict on any kernel twin"});
  return findings;
}

}  // namespace fairlead::cli
