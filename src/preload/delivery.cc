#include "preload/delivery.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "preload/next.h"
#include "preload/wire.h"

namespace fairlead::preload {
namespace {

bool OptionIs(int fd, int option, int expected) {
  int value = 0;
  socklen_t size = sizeof value;
  return FAIRLEAD_NEXT(getsockopt)(fd, SOL_SOCKET, option, &value, &size) == 0 && value == expected;
}

// The number the kernel knows the socket by; a socket that has none yet gets it here, as it would
// by sending to the kernel.
uint32_t PortOf(int fd) {
  sockaddr_nl address{};
  for (int attempt = 0; attempt < 2; ++attempt) {
    socklen_t size = sizeof address;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
    if (address.nl_pid != 0) return address.nl_pid;
    address = {};
    address.nl_family = AF_NETLINK;
    bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  return 0;
}

}  // namespace

ino_t GenericNetlinkInode(int fd) {
  if (!OptionIs(fd, SO_DOMAIN, AF_NETLINK) || !OptionIs(fd, SO_PROTOCOL, NETLINK_GENERIC)) {
    return 0;
  }
  struct stat status;
  return FAIRLEAD_NEXT(fstat)(fd, &status) == 0 ? status.st_ino : 0;
}

Delivery::Delivery(int fd) : fd_(fd), inode_(GenericNetlinkInode(fd)) {
  if (inode_ == 0) return;
  port_ = PortOf(fd);
  int bytes = 0;
  socklen_t size = sizeof bytes;
  if (FAIRLEAD_NEXT(getsockopt)(fd, SOL_SOCKET, SO_SNDBUF, &bytes, &size) == 0 && bytes > 0) {
    send_buffer_ = static_cast<size_t>(bytes);
  }
  is_valid_ = port_ != 0;
}

Put Delivery::PutSome(char* messages, size_t size, size_t room, size_t* taken) const {
  constexpr size_t kKernelReserve = 64;  // the kernel keeps 32 of the send buffer
  if (send_buffer_ > kKernelReserve && room > send_buffer_ - kKernelReserve) {
    room = send_buffer_ - kKernelReserve;
  }
  size_t length = 0;
  for (MessageWalk walk(messages, size); walk.is_valid(); walk.Next()) {
    if (length > 0 && length + walk.padded_size() > room) break;
    nlmsghdr header = walk.header();
    header.nlmsg_pid = port_;
    memcpy(walk.data(), &header, sizeof header);
    length += walk.padded_size();
  }
  *taken = length;
  if (length == 0) return Put::kYes;
  sockaddr_nl self{};
  self.nl_family = AF_NETLINK;
  self.nl_pid = port_;
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (FAIRLEAD_NEXT(sendto)(fd_, messages, length, MSG_DONTWAIT | MSG_NOSIGNAL,
                              reinterpret_cast<const sockaddr*>(&self), sizeof self) >= 0) {
      return Put::kYes;
    }
    if (errno != ECONNREFUSED) break;
    // It is connected to the kernel, and takes messages from nobody else. Without that it sends to
    // the kernel all the same.
    sockaddr nobody{};
    nobody.sa_family = AF_UNSPEC;
    connect(fd_, &nobody, sizeof nobody);
  }
  *taken = 0;
  return errno == EAGAIN || errno == ENOBUFS ? Put::kFull : Put::kFailed;
}

Put Delivery::PutAll(char* messages, size_t size, size_t room) const {
  while (size > 0) {
    size_t taken = 0;
    const Put put = PutSome(messages, size, room, &taken);
    if (put != Put::kYes || taken == 0) return put;
    messages += taken;
    size -= taken;
  }
  return Put::kYes;
}

Put Delivery::PutError(uint32_t sequence, int error) const {
  struct {
    nlmsghdr header;
    nlmsgerr error;
  } message{};
  message.header.nlmsg_len = sizeof message;
  message.header.nlmsg_type = NLMSG_ERROR;
  message.header.nlmsg_seq = sequence;
  message.error.error = -error;
  message.error.msg.nlmsg_len = NLMSG_HDRLEN;
  message.error.msg.nlmsg_seq = sequence;
  return PutAll(reinterpret_cast<char*>(&message), sizeof message, sizeof message);
}

}  // namespace fairlead::preload
