#include "kernel/netlink.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <cerrno>
#include <cstring>

#include "kernel/netlink_message.h"

namespace fairlead::kernel {
namespace {

constexpr int kDumpAttempts = 5;

unsigned char FamilyOf(const IpAddress& a) { return a.is_v4() ? AF_INET : AF_INET6; }

void PutAddress(nlmsghdr* message, uint16_t attribute, const IpAddress& a) {
  mnl_attr_put(message, attribute, a.is_v4() ? 4 : 16, a.bytes().data());
}

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

Status Netlink::BringUp(unsigned interface, uint32_t mtu_bytes) {
  Message buffer;
  nlmsghdr* message = buffer.Start(RTM_NEWLINK, 0);
  auto* link = ExtraHeader<ifinfomsg>(message);
  link->ifi_index = static_cast<int>(interface);
  link->ifi_flags = IFF_UP | IFF_NOARP;
  link->ifi_change = IFF_UP | IFF_NOARP;
  mnl_attr_put_u32(message, IFLA_MTU, mtu_bytes);
  return Request(message, "cannot bring the interface up with mtu " + std::to_string(mtu_bytes));
}

Status Netlink::AddAddress(unsigned interface, const Prefix& prefix) {
  Message buffer;
  nlmsghdr* message = buffer.Start(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
  auto* address = ExtraHeader<ifaddrmsg>(message);
  address->ifa_family = FamilyOf(prefix.address);
  address->ifa_prefixlen = static_cast<unsigned char>(prefix.length);
  address->ifa_flags = IFA_F_NODAD;
  address->ifa_scope = RT_SCOPE_UNIVERSE;
  address->ifa_index = interface;
  PutAddress(message, IFA_LOCAL, prefix.address);
  PutAddress(message, IFA_ADDRESS, prefix.address);
  return Request(message, "cannot add address " + prefix.ToString());
}

Status Netlink::AddRoute(unsigned interface, const Prefix& to, const IpAddress& via,
                         uint32_t metric) {
  Message buffer;
  nlmsghdr* message = buffer.Start(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
  auto* route = ExtraHeader<rtmsg>(message);
  route->rtm_family = FamilyOf(to.address);
  route->rtm_dst_len = static_cast<unsigned char>(to.length);
  route->rtm_table = RT_TABLE_MAIN;
  route->rtm_protocol = RTPROT_STATIC;
  route->rtm_scope = RT_SCOPE_UNIVERSE;
  route->rtm_type = RTN_UNICAST;
  PutAddress(message, RTA_DST, to.network());
  PutAddress(message, RTA_GATEWAY, via);
  mnl_attr_put_u32(message, RTA_OIF, interface);
  mnl_attr_put_u32(message, RTA_PRIORITY, metric);
  return Request(message, "cannot add route " + to.ToString() + " via " + via.ToString());
}

}  // namespace fairlead::kernel
