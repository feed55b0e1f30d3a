#include "kernel/network_watch.h"

#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "kernel/netlink_message.h"

namespace fairlead::kernel {
namespace {

constexpr std::chrono::seconds kFirstList{2};

Error WatchError(const char* what) {
  return {ErrorCode::kSystem, std::string(what) + ": " + std::strerror(errno), ""};
}

}  // namespace

Result<std::unique_ptr<NetworkWatch>> NetworkWatch::Open(std::vector<unsigned> interfaces,
                                                         size_t most_routes) {
  FileDescriptor socket(
      ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (socket.get() < 0) return WatchError("cannot open rtnetlink");
  const int bytes = kReceiveBytes;
  if (setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0) {
    setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    return WatchError("cannot hear the news of rtnetlink");
  }
  std::unique_ptr<NetworkWatch> watch(new NetworkWatch(std::move(socket), std::move(interfaces)));
  watch->FollowRoutes(most_routes);
  const TimePoint begin = std::chrono::steady_clock::now();
  for (TimePoint now = begin; now - begin < kFirstList; now = std::chrono::steady_clock::now()) {
    watch->Turn(now);
    if (watch->listing_ == Listing::kNone && !watch->must_relist_) break;
    pollfd readable{.fd = watch->socket_.get(), .events = POLLIN, .revents = 0};
    poll(&readable, 1, 10);
  }
  return watch;
}

void NetworkWatch::FollowRoutes(size_t most) {
  if (std::exchange(most_routes_, most) == most) return;
  routes_.set_most(most);
  const int option = most > 0 ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP;
  for (const int group : {RTNLGRP_LINK, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE}) {
    setsockopt(socket_.get(), SOL_NETLINK, option, &group, sizeof group);
  }
  must_relist_ = true;
  next_relist_ = {};
  if (most > 0) return;
  routes_.BeginList();
  routes_.EndList();  // forgets all
}

bool NetworkWatch::Turn(TimePoint now) {
  must_relist_ |= routes_.is_doubtful();
  if (must_relist_ && listing_ == Listing::kNone && now >= next_relist_) {
    must_relist_ = false;
    next_relist_ = now + kRelistInterval;
    ++relists_;
    Ask(Listing::kAddresses);
  }
  for (size_t i = 0; i < kDatagramsPerTurn; ++i) {
    if (!ReceiveOne()) return listing_ == Listing::kNone;
  }
  return false;
}

bool NetworkWatch::ReceiveOne() {
  sockaddr_nl sender{};
  iovec part{buffer_.data(), buffer_.size()};
  msghdr message{};
  message.msg_name = &sender;
  message.msg_namelen = sizeof sender;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  const ssize_t length = recvmsg(socket_.get(), &message, 0);
  if (length < 0) {
    if (errno == ENOBUFS) must_relist_ = true;  // news is lost; what is queued is still good
    return errno == ENOBUFS || errno == EINTR;
  }
  if ((message.msg_flags & MSG_TRUNC) != 0) must_relist_ = true;
  const bool is_kernel = message.msg_namelen == sizeof sender && sender.nl_pid == 0;
  if (is_kernel) Read(buffer_.data(), static_cast<size_t>(length));
  return true;
}

void NetworkWatch::Read(const char* bytes, size_t length) {
  int left = static_cast<int>(length);
  const auto* message = reinterpret_cast<const nlmsghdr*>(bytes);
  for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
    addresses_.Apply(*message);
    if (follows_routes()) {
      routes_.Apply(*message);
      NoteSilentLoss(*message);
    }
    if (message->nlmsg_seq == sequence_ && listing_ != Listing::kNone) ReadListed(*message);
  }
}

// When an interface goes down or an address goes, IPv4 routes go with it, and the kernel does not
// tell of each.
void NetworkWatch::NoteSilentLoss(const nlmsghdr& message) {
  if (message.nlmsg_type == RTM_NEWLINK && message.nlmsg_len >= NLMSG_LENGTH(sizeof(ifinfomsg))) {
    const auto* link = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(&message));
    must_relist_ |= IsWatched(link->ifi_index);
  } else if (message.nlmsg_type == RTM_DELADDR &&
             message.nlmsg_len >= NLMSG_LENGTH(sizeof(ifaddrmsg))) {
    const auto* address = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(&message));
    must_relist_ |= IsWatched(static_cast<int>(address->ifa_index));
  }
}

bool NetworkWatch::IsWatched(int interface) const {
  return std::ranges::find(interfaces_, static_cast<unsigned>(interface)) != interfaces_.end();
}

void NetworkWatch::ReadListed(const nlmsghdr& message) {
  if ((message.nlmsg_flags & NLM_F_DUMP_INTR) != 0) must_relist_ = true;
  if (message.nlmsg_type == NLMSG_DONE) return Finish();
  if (message.nlmsg_type != NLMSG_ERROR) return;
  must_relist_ = true;
  listing_ = Listing::kNone;
}

void NetworkWatch::Ask(Listing what) {
  Message buffer;
  nlmsghdr* message = nullptr;
  if (what == Listing::kAddresses) {
    message = buffer.StartDump(RTM_GETADDR);
    ExtraHeader<ifaddrmsg>(message)->ifa_family = AF_UNSPEC;
    addresses_.BeginList();
  } else {
    message = buffer.StartDump(RTM_GETROUTE);
    const bool is_v4 = what == Listing::kRoutes4;
    ExtraHeader<rtmsg>(message)->rtm_family = is_v4 ? AF_INET : AF_INET6;
    if (is_v4) routes_.BeginList();
  }
  message->nlmsg_seq = ++sequence_;
  listing_ = what;
  if (send(socket_.get(), message, message->nlmsg_len, 0) >= 0) return;
  must_relist_ = true;
  listing_ = Listing::kNone;
}

// A list that changed while it was made may lack what was there all the time. It has shown what is
// new all the same.
void NetworkWatch::Finish() {
  const Listing finished = std::exchange(listing_, Listing::kNone);
  if (finished == Listing::kAddresses && !must_relist_) addresses_.EndList();
  if (finished == Listing::kRoutes6 && !must_relist_) routes_.EndList();
  if (finished == Listing::kRoutes6 || !follows_routes()) return;
  Ask(finished == Listing::kAddresses ? Listing::kRoutes4 : Listing::kRoutes6);
}

}  // namespace fairlead::kernel
