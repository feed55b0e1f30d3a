// A socket to rtnetlink, for requests and questions about interfaces, addresses, routes and
// filters.
//
//   Result<Netlink> netlink = Netlink::Open();
//   Message buffer;                                   // netlink_message.h
//   nlmsghdr* message = buffer.Start(RTM_DELLINK, 0);
//   netlink->Request(message, "cannot remove the interface");
//
// Threads: the caller's; each request waits for its answer. What is already there is no error.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"

struct mnl_socket;
struct nlmsghdr;

namespace fairlead::kernel {

class Netlink {
 public:
  static Result<Netlink> Open();

  // Sends a message built with netlink_message.h and waits for its answer. An error begins with
  // `what`; kNotFound and kInvalid are the kernel's ENOENT and EINVAL.
  Status Request(nlmsghdr* message, const std::string& what);
  // The same for a question with many answers; one with NLM_F_DUMP and without NLM_F_ACK. When the
  // list changes meanwhile it is asked for again, so `visit` may see an entry twice.
  Status Dump(nlmsghdr* message, const std::string& what,
              const std::function<void(const nlmsghdr&)>& visit);
  // From now on what the header of a question names (a table, a protocol) limits the answer, where
  // the kernel can; one that cannot answers with all, so `visit` looks all the same.
  Status FilterDumps();

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
