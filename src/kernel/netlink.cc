#include "kernel/netlink.h"

#include <linux/rtnetlink.h>

#include <cerrno>
#include <cstring>

#include "kernel/netlink_message.h"

namespace fairlead::kernel {
namespace {

constexpr int kDumpAttempts = 5;

ErrorCode CodeOf(int number) {
  if (number == ENOENT) return ErrorCode::kNotFound;
  return number == EINVAL ? ErrorCode::kInvalid : ErrorCode::kSystem;
}

Error SystemError(const std::string& what) {
  return {CodeOf(errno), what + ": " + std::strerror(errno), ""};
}

}  // namespace

void Netlink::Close::operator()(mnl_socket* socket) const { mnl_socket_close(socket); }

Result<Netlink> Netlink::Open() {
  mnl_socket* socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
  if (socket == nullptr) return SystemError("cannot open rtnetlink");
  Netlink netlink(socket);
  if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
    return SystemError("cannot bind rtnetlink");
  }
  return netlink;
}

Status Netlink::Request(nlmsghdr* message, const std::string& what) {
  message->nlmsg_seq = ++sequence_;
  if (mnl_socket_sendto(socket_.get(), message, message->nlmsg_len) < 0) return SystemError(what);
  char answer[8192];
  const ssize_t length = mnl_socket_recvfrom(socket_.get(), answer, sizeof answer);
  if (length < 0) return SystemError(what);
  const unsigned me = mnl_socket_get_portid(socket_.get());
  if (mnl_cb_run(answer, static_cast<size_t>(length), sequence_, me, nullptr, nullptr) < 0 &&
      errno != EEXIST) {
    return SystemError(what);
  }
  return Done{};
}

bool Netlink::DumpOnce(nlmsghdr* message, const std::function<void(const nlmsghdr&)>& visit) {
  message->nlmsg_seq = ++sequence_;
  if (mnl_socket_sendto(socket_.get(), message, message->nlmsg_len) < 0) return false;
  const unsigned me = mnl_socket_get_portid(socket_.get());
  const auto call = [](const nlmsghdr* each, void* context) {
    (*static_cast<const std::function<void(const nlmsghdr&)>*>(context))(*each);
    return MNL_CB_OK;
  };
  for (;;) {
    char answer[32768];  // as much as the kernel puts into one datagram of a dump
    const ssize_t length = mnl_socket_recvfrom(socket_.get(), answer, sizeof answer);
    if (length < 0) return false;
    auto* context = const_cast<std::function<void(const nlmsghdr&)>*>(&visit);  // NOLINT: C API
    const int more = mnl_cb_run(answer, static_cast<size_t>(length), sequence_, me, call, context);
    if (more < 0) return false;
    if (more == MNL_CB_STOP) return true;
  }
}

Status Netlink::Dump(nlmsghdr* message, const std::string& what,
                     const std::function<void(const nlmsghdr&)>& visit) {
  for (int left = kDumpAttempts; !DumpOnce(message, visit); --left) {
    if (errno != EINTR || left == 1) return SystemError(what);
    // What has changed meanwhile ends a dump so (NLM_F_DUMP_INTR). The rest of the answer is still
    // on its way to this socket.
    Result<Netlink> anew = Open();
    if (!anew) return anew.error();
    *this = *std::move(anew);
  }
  return Done{};
}

Status Netlink::FilterDumps() {
  int on = 1;
  if (mnl_socket_setsockopt(socket_.get(), NETLINK_GET_STRICT_CHK, &on, sizeof on) < 0) {
    return SystemError("cannot let the kernel filter its answers");
  }
  return Done{};
}

}  // namespace fairlead::kernel
