// The kernel twin of a port: a tap interface with the port's addresses, MTU and routes.
//
//   Result<Tap> tap = Tap::Open(spec, "edge-1");  // "fl-outside", up, addresses assigned
//   read(tap->fd(), …);                           // an Ethernet frame the kernel sends
//   tap->Keep();                                  // the start is complete: it stays from now on
//
//   send(socket, tap->fd(), …);                           // an upgrade: the old process passes it
//   Result<Tap> tap = Tap::Adopt(fd, spec, "edge-1");     // and the new one takes it over
//
// Theory of operation. The interface is persistent: it outlives the process, so that what others
// put on it (an administrator, keepalived, BIRD) is still there after a crash or a restart. A new
// one becomes so with Keep, so a start that fails, or is killed, leaves none behind that was not
// there before. A start adopts what an earlier director left under that name and changes what the
// configuration names, nothing else (kernel/addressing.h). While no process has it open it has no
// carrier, and the kernel drops what it would send on it. It goes with RemoveTwinsWithoutPort,
// `fairlead port release`, or its network namespace.
//
// The kernel never resolves on it (NOARP) and takes no router advertisements: frames it sends carry
// MACs without meaning, and the worker routes and resolves them. Threads: a value of one thread.
// Needs CAP_NET_ADMIN and /dev/net/tun. Invariant: one descriptor has it open, unless an upgrade
// has passed a copy on.
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
  // Makes the twin, or adopts the one that is there and that nobody has open.
  static Result<Tap> Open(const PortSpec& port, const std::string& director);
  // Takes over the descriptor of a twin that is open, from another process. It is ours from now on:
  // one that is not that of the port's twin is closed.
  static Result<Tap> Adopt(int fd, const PortSpec& port, const std::string& director);
  // The descriptor, which is the caller's from now on. Precondition of all else: not called yet.
  [[nodiscard]] int Release() { return std::exchange(fd_, -1); }

  Tap(Tap&& other) noexcept { *this = std::move(other); }
  Tap& operator=(Tap&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(name_, other.name_);
    std::swap(mac_, other.mac_);
    return *this;
  }
  ~Tap();  // the interface stays if it was there before Open, or has been kept

  // Makes a new twin persistent; one that is so already stays so. Precondition: not released.
  Status Keep();

  // The kernel sees the twin as if its cable were in, or out. Linux 5.0. Precondition: not
  // released.
  [[nodiscard]] Status SetCarrier(bool is_on) const;

  [[nodiscard]] int fd() const { return fd_; }  // non-blocking
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const MacAddress& mac() const { return mac_; }

 private:
  Tap() = default;
  Status Attach(const PortSpec& port);
  Status Finish(const PortSpec& port, const std::string& director);

  int fd_ = -1;
  std::string name_;
  MacAddress mac_;
};

// Removes twins that this director left and that no port of its configuration has, or that have
// the name of a port which is to have none. Those that a process has open stay.
void RemoveTwinsWithoutPort(const EdgeConfig& config);

}  // namespace fairlead::edge
