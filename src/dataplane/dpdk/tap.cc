#include "dataplane/dpdk/tap.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/log.h"
#include "kernel/netlink.h"

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

Status Configure(const std::string& interface, const PortSpec& port) {
  const unsigned index = if_nametoindex(interface.c_str());
  Result<kernel::Netlink> netlink = kernel::Netlink::Open();
  if (!netlink) return netlink.error();
  QuietenIpv6(interface);
  if (Status s = netlink->BringUp(index, port.mtu_bytes); !s) return s;
  for (const Prefix& address : port.addresses) {
    if (Status s = netlink->AddAddress(index, address); !s) return s;
  }
  for (const HostRoute& route : port.routes) {
    if (Status s = netlink->AddRoute(index, route.to, route.via, kRouteMetric); !s) {
      // The machine may have a better idea of that network; the director works without.
      LogWarning("cannot add a route to the kernel twin",
                 {{"interface", interface}, {"reason", s.error().ToString()}});
    }
  }
  return Done{};
}

Error Failed(const PortSpec& port, const std::string& what) {
  return {ErrorCode::kSystem, what, "port " + port.name};
}

}  // namespace

std::string HostInterfaceName(const std::string& port_name) {
  return ("fl-" + port_name).substr(0, IFNAMSIZ - 1);
}

Result<Tap> Tap::Open(const PortSpec& port) {
  Tap tap;
  tap.name_ = HostInterfaceName(port.name);
  tap.fd_ = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (tap.fd_ < 0) {
    return Failed(port, std::string("no kernel twin: /dev/net/tun: ") + std::strerror(errno) +
                            "; run: modprobe tun, or set exception: none");
  }
  ifreq request{};
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  std::strncpy(request.ifr_name, tap.name_.c_str(), IFNAMSIZ - 1);
  if (ioctl(tap.fd_, TUNSETIFF, &request) < 0) {
    const bool is_busy = errno == EBUSY;
    return Failed(port, "no kernel twin " + tap.name_ + ": " + std::strerror(errno) +
                            (is_busy ? "; another director has that interface"
                                     : "; it needs CAP_NET_ADMIN, or set exception: none"));
  }
  if (ioctl(tap.fd_, SIOCGIFHWADDR, &request) < 0) {
    return Failed(port, "no MAC of " + tap.name_ + ": " + std::strerror(errno));
  }
  tap.mac_ = MacAddress::Load(request.ifr_hwaddr.sa_data);
  if (Status s = Configure(tap.name_, port); !s) {
    return Failed(port, tap.name_ + ": " + s.error().message);
  }
  return tap;
}

Tap::~Tap() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace fairlead::edge
