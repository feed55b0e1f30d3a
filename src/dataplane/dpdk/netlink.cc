#include "dataplane/dpdk/netlink.h"

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <cerrno>
#include <cstring>

namespace fairlead::edge {
namespace {

constexpr size_t kMessageBytes = 512;  // of any request here

unsigned char FamilyOf(const IpAddress& a) { return a.is_v4() ? AF_INET : AF_INET6; }

void PutAddress(nlmsghdr* message, uint16_t attribute, const IpAddress& a) {
  mnl_attr_put(message, attribute, a.is_v4() ? 4 : 16, a.bytes().data());
}

nlmsghdr* Start(char* buffer, uint16_t type, uint16_t flags) {
  nlmsghdr* message = mnl_nlmsg_put_header(buffer);
  message->nlmsg_type = type;
  message->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
  return message;
}

template <typename Header>
Header* ExtraHeader(nlmsghdr* message) {
  return static_cast<Header*>(mnl_nlmsg_put_extra_header(message, sizeof(Header)));
}

Error SystemError(const std::string& what) {
  return {ErrorCode::kSystem, what + ": " + std::strerror(errno), ""};
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

Status Netlink::BringUp(unsigned interface, uint32_t mtu_bytes) {
  char buffer[kMessageBytes];
  nlmsghdr* message = Start(buffer, RTM_NEWLINK, 0);
  auto* link = ExtraHeader<ifinfomsg>(message);
  link->ifi_index = static_cast<int>(interface);
  link->ifi_flags = IFF_UP | IFF_NOARP;
  link->ifi_change = IFF_UP | IFF_NOARP;
  mnl_attr_put_u32(message, IFLA_MTU, mtu_bytes);
  return Request(message, "cannot bring the interface up with mtu " + std::to_string(mtu_bytes));
}

Status Netlink::AddAddress(unsigned interface, const Prefix& prefix) {
  char buffer[kMessageBytes];
  nlmsghdr* message = Start(buffer, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
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
  char buffer[kMessageBytes];
  nlmsghdr* message = Start(buffer, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
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

}  // namespace fairlead::edge
