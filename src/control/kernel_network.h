// What others have put on the kernel twins: keepalived, BIRD, an administrator.
//
//   publication.SetKernelWatch(&watch);
//   watch.Turn(now);                        // every few milliseconds
//   if (watch.revision() != known) std::shared_ptr<const KernelNetwork> now = watch.Read();
//
// What becomes of it says network_view.h. main/kernel_watch.h asks the kernel; tests play it.
// Threads: the control core.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/ids.h"
#include "base/ip_address.h"
#include "control/time_point.h"

namespace fairlead::control {

// An address on the twin of a port.
struct KernelAddress {
  PortId port;
  Prefix prefix;         // host bits are the address; a host's length: it has no network
  uint64_t arrival = 0;  // another number each time that the address comes
  friend bool operator==(const KernelAddress&, const KernelAddress&) = default;
};

// A next hop of a route that somebody else has given to the kernel.
struct KernelRoute {
  Prefix to;  // without host bits
  PortId port;
  IpAddress via;  // unspecified: on link
  friend bool operator==(const KernelRoute&, const KernelRoute&) = default;
};

struct KernelNetwork {
  std::vector<KernelAddress> addresses;  // those of the configuration are among them
  // By network; of one network the best first. One with several next hops is there for each.
  std::vector<KernelRoute> routes{};
  uint64_t routes_revision = 0;  // another one when they differ
  uint64_t refused_routes = 0;   // for want of room
  uint64_t refused_addresses = 0;
};

class KernelWatch {
 public:
  virtual ~KernelWatch() = default;
  // Routes are read from now on, at most so many; 0: none.
  virtual void FollowRoutes(size_t most) = 0;
  // Must not wait. False: it has read a part of what is there, and goes on with the next call.
  virtual bool Turn(TimePoint now) = 0;
  // Another one when Read would tell something else.
  [[nodiscard]] virtual uint64_t revision() const = 0;
  [[nodiscard]] virtual KernelNetwork Read() const = 0;
};

}  // namespace fairlead::control
