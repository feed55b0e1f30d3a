// The kernel twin of a port: a tap interface with the port's addresses, MTU and routes.
//
//   Result<Tap> tap = Tap::Open(spec);          // "fl-outside", up, addresses assigned
//   read(tap->fd(), …);                         // an Ethernet frame the kernel sends
//
// The kernel never resolves on it (NOARP) and takes no router advertisements: frames it sends carry
// MACs without meaning, and the worker routes and resolves them. The interface goes with the file
// descriptor. Threads: a value of one thread. Needs CAP_NET_ADMIN and /dev/net/tun.
#pragma once

#include <string>
#include <utility>

#include "base/ip_address.h"
#include "base/result.h"
#include "dataplane/dpdk/edge_config.h"

namespace fairlead::edge {

// "fl-NAME", cut to what the kernel takes (15 bytes).
std::string HostInterfaceName(const std::string& port_name);

class Tap {
 public:
  static Result<Tap> Open(const PortSpec& port);
  Tap(Tap&& other) noexcept { *this = std::move(other); }
  Tap& operator=(Tap&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(name_, other.name_);
    std::swap(mac_, other.mac_);
    return *this;
  }
  ~Tap();

  [[nodiscard]] int fd() const { return fd_; }  // non-blocking
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const MacAddress& mac() const { return mac_; }

 private:
  Tap() = default;

  int fd_ = -1;
  std::string name_;
  MacAddress mac_;
};

}  // namespace fairlead::edge
