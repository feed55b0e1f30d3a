// Rtnetlink: what the kernel twin of a port needs, flags, addresses and routes, and the way of any
// other request.
//
//   Result<Netlink> netlink = Netlink::Open();
//   netlink->BringUp(index, 1500);
//   netlink->AddAddress(index, *Prefix::Parse("192.0.2.2/24"));
//
// Threads: the caller's; each request waits for its answer. What is already there is no error.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/ip_address.h"
#include "base/result.h"

struct mnl_socket;
struct nlmsghdr;

namespace fairlead::kernel {

class Netlink {
 public:
  static Result<Netlink> Open();

  // Up, without ARP and ND: the workers resolve, the kernel never asks.
  Status BringUp(unsigned interface, uint32_t mtu_bytes);
  // IPv6 without duplicate address detection: nobody answers for the twin, the port is the host.
  Status AddAddress(unsigned interface, const Prefix& prefix);
  // `metric` high, so that a route the machine already has wins.
  Status AddRoute(unsigned interface, const Prefix& to, const IpAddress& via, uint32_t metric);

  // Sends a message built with netlink_message.h and waits for its answer. An error begins with
  // `what`; kNotFound and kInvalid are the kernel's ENOENT and EINVAL.
  Status Request(nlmsghdr* message, const std::string& what);
  // The same for a question with many answers; one with NLM_F_DUMP and without NLM_F_ACK. When the
  // list changes meanwhile it is asked for again, so `visit` may see an entry twice.
  Status Dump(nlmsghdr* message, const std::string& what,
              const std::function<void(const nlmsghdr&)>& visit);

 private:
  explicit Netlink(mnl_socket* socket) : socket_(socket) {}
  // False, and errno: it failed.
  bool DumpOnce(nlmsghdr* message, const std::function<void(const nlmsghdr&)>& visit);

  struct Close {
    void operator()(mnl_socket* socket) const;
  };
  std::unique_ptr<mnl_socket, Close> socket_;
  uint32_t sequence_ = 0;
};

}  // namespace fairlead::kernel
