// Addresses and routes of an interface that outlives the process: what the configuration names is
// put there, what an earlier configuration named goes away, all else stays as it is.
//
//   SetAddresses(*netlink, index, {*Prefix::Parse("192.0.2.2/24")});
//   SetRoutes(*netlink, index, {{*Prefix::Parse("0.0.0.0/0"), gateway}}, 4096);
//
// Whose an address or a route is, the kernel itself keeps: ours have the protocol number
// kOurProtocol (IFA_PROTO of an address, Linux 5.18; rtm_protocol of a route), and those of an
// administrator, keepalived or BIRD have others. So nothing that is kept elsewhere can disagree
// with what the interface has. What is there already without our number stays without it, and so
// stays when the configuration no longer names it.
//
// Threads: the caller's; each call waits for the kernel.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"

namespace fairlead::kernel {

class Netlink;

// Of those that nobody has in /etc/iproute2/rt_protos; `ip route show proto 70` lists our routes.
inline constexpr uint8_t kOurProtocol = 70;

struct Route {
  Prefix to;
  IpAddress via;
  uint32_t preference = 0;  // of several to one network; the least goes first
  friend bool operator==(const Route&, const Route&) = default;
};

// Host bits are the address. IPv6 without duplicate address detection: nobody answers for a twin,
// the port is the host. Where the interface's promote_secondaries is off, an IPv4 address that goes
// away takes others of its network with it.
Status SetAddresses(Netlink& netlink, unsigned interface, const std::vector<Prefix>& wanted);

// In the main table, at `metric` and their preference: high, so that a route the machine already
// has wins; one of the same metric that is not ours wins too. Returns what could not be done.
std::vector<Error> SetRoutes(Netlink& netlink, unsigned interface, const std::vector<Route>& wanted,
                             uint32_t metric);

}  // namespace fairlead::kernel
