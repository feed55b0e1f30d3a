#include "dataplane/dpdk/tap.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <vector>

#include "base/log.h"
#include "kernel/addressing.h"
#include "kernel/link.h"
#include "kernel/netlink.h"
#include "kernel/twin.h"

namespace fairlead::edge {
namespace {

// Above what dhclient, NetworkManager or an administrator give: their routes win.
constexpr uint32_t kRouteMetric = 4096;

// The twin is configured by us alone: no advertisements, no link-local address made up (it would
// announce itself), no solicitations. A kernel without IPv6 has none of these files.
void QuietenIpv6(const std::string& interface) {
  const std::string folder = "/proc/sys/net/ipv6/conf/" + interface + "/";
  const std::pair<const char*, const char*> settings[] = {
      {"accept_ra", "0"},  {"autoconf", "0"},      {"addr_gen_mode", "1"},
      {"accept_dad", "0"}, {"dad_transmits", "0"}, {"router_solicitations", "0"}};
  for (const auto& [name, value] : settings) std::ofstream(folder + name) << value;
}

// Else the first address of a network takes the others of it along when it goes: when the
// configuration no longer names 192.0.2.2/24, what keepalived has added to that network.
void KeepSecondaryAddresses(const std::string& interface) {
  std::ofstream file("/proc/sys/net/ipv4/conf/" + interface + "/promote_secondaries");
  if (file << "1" << std::flush) return;
  LogWarning(
      "cannot set promote_secondaries of the kernel twin: an IPv4 address that leaves the "
      "configuration takes others of its network with it. Make /proc/sys writable, or set "
      "net.ipv4.conf.default.promote_secondaries=1",
      {{"interface", interface}});
}

Status Configure(const std::string& interface, const PortSpec& port, const std::string& director) {
  const unsigned index = if_nametoindex(interface.c_str());
  Result<kernel::Netlink> netlink = kernel::Netlink::Open();
  if (!netlink) return netlink.error();
  QuietenIpv6(interface);
  KeepSecondaryAddresses(interface);
  const std::string alias = kernel::TwinAlias(director);
  if (Status s = kernel::BringUp(*netlink, index, port.mtu_bytes, alias); !s) return s;
  if (Status s = kernel::SetAddresses(*netlink, index, port.addresses); !s) return s;
  for (const Error& failure : kernel::SetRoutes(*netlink, index, port.routes, kRouteMetric)) {
    // The machine may have a better idea of that network; the director works without.
    LogWarning("cannot set a route of the kernel twin",
               {{"interface", interface}, {"reason", failure.ToString()}});
  }
  return Done{};
}

Error Failed(const PortSpec& port, const std::string& what) {
  return {ErrorCode::kSystem, what, "port " + port.name};
}

Error IsHeld(const PortSpec& port, const std::string& interface) {
  return Failed(port, "another process has the kernel twin " + interface +
                          " open, a director that still runs perhaps; stop it first. Its number "
                          "is in: grep -l 'iff:.*" +
                          interface + "' /proc/[0-9]*/fdinfo/*");
}

Error IsAnother(const PortSpec& port, const kernel::Link& link) {
  const std::string kind = link.kind.empty()    ? "the device of a driver"
                           : link.kind == "tun" ? "a tun interface without Ethernet"
                                                : "an interface of kind " + link.kind;
  return Failed(port, "the kernel twin is to be called " + link.name + ", but that is " + kind +
                          "; rename it (ip link set " + link.name + " name OTHER), or the port");
}

// Makes way for the twin: what is in the place of it can be adopted, or is gone when it returns.
Status MakeWay(const PortSpec& port, const std::string& interface) {
  Result<kernel::Netlink> netlink = kernel::Netlink::Open();
  if (!netlink) return netlink.error();
  const Result<std::optional<kernel::Link>> found = kernel::FindLink(*netlink, interface);
  if (!found) return found.error();
  if (!*found) return Done{};
  const kernel::Link& link = **found;
  if (!link.is_tap) return IsAnother(port, link);
  if (!link.is_multi_queue) return Done{};
  if (link.has_carrier) return IsHeld(port, interface);
  LogWarning(
      "the tap interface has several queues, so it is made anew as kernel twin; addresses "
      "and routes that it had are gone",
      {{"port", port.name}, {"interface", interface}});
  return kernel::RemoveLink(*netlink, link.index);
}

void WarnOfTwinsLeft(const Error& error) {
  LogWarning("cannot remove kernel twins that no port has; use fairlead port release",
             {{"reason", error.ToString()}});
}

// Asked by netlink: the flags that TUNGETIFF gives say IFF_NO_PI for every tap without a filter.
Status CheckFrames(const PortSpec& port, const std::string& interface) {
  Result<kernel::Netlink> netlink = kernel::Netlink::Open();
  if (!netlink) return netlink.error();
  const Result<std::optional<kernel::Link>> link = kernel::FindLink(*netlink, interface);
  if (!link) return link.error();
  if (*link && (*link)->is_tap && !(*link)->is_multi_queue && !(*link)->has_headers) return Done{};
  return Failed(port,
                "the descriptor that was passed on reads other frames than a kernel twin's: " +
                    interface + " is no tap interface of one queue and without headers");
}

}  // namespace

std::string HostInterfaceName(const std::string& port_name) {
  return ("fl-" + port_name).substr(0, IFNAMSIZ - 1);
}

Result<Tap> Tap::Open(const PortSpec& port, const std::string& director) {
  Tap tap;
  tap.name_ = HostInterfaceName(port.name);
  if (Status s = tap.Attach(port); !s) return s.error();
  if (Status s = tap.Finish(port, director); !s) return s.error();
  return tap;
}

Status Tap::Attach(const PortSpec& port) {
  if (Status s = MakeWay(port, name_); !s) return s;
  fd_ = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd_ < 0) {
    return Failed(port, std::string("no kernel twin: /dev/net/tun: ") + std::strerror(errno) +
                            "; run: modprobe tun, or set exception: none");
  }
  ifreq request{};
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  std::strncpy(request.ifr_name, name_.c_str(), IFNAMSIZ - 1);
  if (ioctl(fd_, TUNSETIFF, &request) == 0) return Done{};
  if (errno == EBUSY) return IsHeld(port, name_);
  return Failed(port, "no kernel twin " + name_ + ": " + std::strerror(errno) +
                          "; it needs CAP_NET_ADMIN, or set exception: none");
}

Result<Tap> Tap::Adopt(int fd, const PortSpec& port, const std::string& director) {
  Tap tap;
  tap.fd_ = fd;
  tap.name_ = HostInterfaceName(port.name);
  ifreq request{};
  if (ioctl(fd, TUNGETIFF, &request) < 0) {
    return Failed(port, std::string("the descriptor that was passed on is no tap interface: ") +
                            std::strerror(errno));
  }
  if (request.ifr_name != tap.name_) {
    return Failed(port, "the descriptor that was passed on is that of " +
                            std::string(request.ifr_name) + ", not of " + tap.name_);
  }
  if (Status s = CheckFrames(port, tap.name_); !s) return s.error();
  const int status = fcntl(fd, F_GETFL);
  if (status < 0 || fcntl(fd, F_SETFL, status | O_NONBLOCK) < 0 ||
      fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
    return Failed(port, "cannot set the descriptor of " + tap.name_ + ": " + std::strerror(errno));
  }
  if (Status s = tap.Finish(port, director); !s) return s.error();
  return tap;
}

Status Tap::Finish(const PortSpec& port, const std::string& director) {
  ifreq request{};
  if (ioctl(fd_, SIOCGIFHWADDR, &request) < 0) {
    return Failed(port, "no MAC of " + name_ + ": " + std::strerror(errno));
  }
  mac_ = MacAddress::Load(request.ifr_hwaddr.sa_data);
  if (Status s = Configure(name_, port, director); !s) {
    return Failed(port, name_ + ": " + s.error().message);
  }
  return Done{};
}

Status Tap::Keep() {
  if (ioctl(fd_, TUNSETPERSIST, 1) == 0) return Done{};
  return Error{ErrorCode::kSystem, std::string("TUNSETPERSIST: ") + std::strerror(errno), name_};
}

Status Tap::SetCarrier(bool is_on) const {
  int carrier = is_on ? 1 : 0;
  if (ioctl(fd_, TUNSETCARRIER, &carrier) == 0) return Done{};
  return Error{ErrorCode::kSystem, std::string("TUNSETCARRIER: ") + std::strerror(errno), name_};
}

Tap::~Tap() {
  if (fd_ >= 0) close(fd_);
}

void RemoveTwinsWithoutPort(const EdgeConfig& config) {
  Result<kernel::Netlink> netlink = kernel::Netlink::Open();
  if (!netlink) return WarnOfTwinsLeft(netlink.error());
  const Result<std::vector<kernel::Twin>> twins = kernel::ListTwins(*netlink);
  if (!twins) return WarnOfTwinsLeft(twins.error());
  for (const kernel::Twin& twin : *twins) {
    const auto is_its_port = [&](const PortSpec& port) {
      return HostInterfaceName(port.name) == twin.link.name;
    };
    const auto port = std::find_if(config.ports.begin(), config.ports.end(), is_its_port);
    const bool is_ours = twin.director == config.name || port != config.ports.end();
    const bool is_wanted = port != config.ports.end() && port->has_host;
    if (!is_ours || is_wanted || twin.is_held()) continue;
    if (Status s = kernel::RemoveLink(*netlink, twin.link.index); !s) {
      WarnOfTwinsLeft(s.error());
      continue;
    }
    LogInfo("kernel twin removed: no port of the configuration has it",
            {{"interface", twin.link.name}});
  }
}

}  // namespace fairlead::edge
