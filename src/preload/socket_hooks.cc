// The calls that send to and receive from sockets, as programs see them. Each goes on to the next
// library's unless bytes are for IPVS; receiving needs two things: an answer of ours must seem to
// come from the kernel, and a dump must go on.
#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>

#include "preload/delivery.h"
#include "preload/dumps.h"
#include "preload/exchange.h"
#include "preload/next.h"
#include "preload/setting_files.h"
#include "preload/wire.h"

extern "C" {
ssize_t __read_chk(int, void*, size_t, size_t);
ssize_t __recv_chk(int, void*, size_t, size_t, int);
ssize_t __recvfrom_chk(int, void*, size_t, size_t, int, sockaddr*, socklen_t*);
}

namespace fairlead::preload {
namespace {

// The kernel's source number is 0; ours is the program's own. `size`: what is there of the address;
// the kernel tells its whole length even where it had no room for all of it.
void HideSource(int fd, void* name, socklen_t size) {
  sockaddr_nl source;
  if (name == nullptr || size < sizeof source) return;
  memcpy(&source, name, sizeof source);
  if (source.nl_family != AF_NETLINK || source.nl_pid == 0) return;
  const ErrnoKeeper keep;
  sockaddr_nl own{};
  socklen_t own_size = sizeof own;
  if (GenericNetlinkInode(fd) == 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&own), &own_size) != 0 ||
      own.nl_pid != source.nl_pid) {
    return;
  }
  source.nl_pid = 0;
  memcpy(name, &source, sizeof source);
}

ssize_t Received(int fd, ssize_t got, size_t room, int flags) {
  if (got >= 0 && (flags & MSG_PEEK) == 0 && AnyDump()) AfterReceive(fd, room);
  return got;
}

bool IsToKernel(const void* name, socklen_t size) {
  if (name == nullptr || size == 0) return true;
  sockaddr_nl peer;
  if (size < sizeof peer) return false;
  memcpy(&peer, name, sizeof peer);
  return peer.nl_family == AF_NETLINK && peer.nl_pid == 0 && peer.nl_groups == 0;
}

// Of what goes to no netlink socket the first bytes are looked at, and that is all.
bool Sent(int fd, const void* data, size_t size, int flags, ssize_t* sent) {
  const iovec part{const_cast<void*>(data), size};
  return Intercept(fd, &part, 1, flags, sent);
}

}  // namespace
}  // namespace fairlead::preload

using namespace fairlead::preload;  // NOLINT: the hooks below stand outside of any namespace

FAIRLEAD_HOOK ssize_t send(int fd, const void* data, size_t size, int flags) {
  ssize_t sent;
  if (Sent(fd, data, size, flags, &sent)) return sent;
  return FAIRLEAD_NEXT(send)(fd, data, size, flags);
}

FAIRLEAD_HOOK ssize_t sendto(int fd, const void* data, size_t size, int flags, const sockaddr* peer,
                             socklen_t peer_size) {
  ssize_t sent;
  if (IsToKernel(peer, peer_size) && Sent(fd, data, size, flags, &sent)) return sent;
  return FAIRLEAD_NEXT(sendto)(fd, data, size, flags, peer, peer_size);
}

FAIRLEAD_HOOK ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  ssize_t sent;
  if (message != nullptr && IsToKernel(message->msg_name, message->msg_namelen) &&
      Intercept(fd, message->msg_iov, message->msg_iovlen, flags, &sent)) {
    return sent;
  }
  return FAIRLEAD_NEXT(sendmsg)(fd, message, flags);
}

FAIRLEAD_HOOK int sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
  if (GenericNetlinkInode(fd) == 0) return FAIRLEAD_NEXT(sendmmsg)(fd, messages, count, flags);
  for (unsigned i = 0; i < count; ++i) {
    const ssize_t sent = sendmsg(fd, &messages[i].msg_hdr, flags);
    if (sent < 0) return i > 0 ? static_cast<int>(i) : -1;
    messages[i].msg_len = static_cast<unsigned>(sent);
  }
  return static_cast<int>(count);
}

FAIRLEAD_HOOK ssize_t write(int fd, const void* data, size_t size) {
  ssize_t sent;
  if (WriteSetting(fd, data, size, &sent) || Sent(fd, data, size, 0, &sent)) return sent;
  return FAIRLEAD_NEXT(write)(fd, data, size);
}

FAIRLEAD_HOOK ssize_t writev(int fd, const iovec* parts, int count) {
  ssize_t sent;
  if (count > 0 && (WriteSettingParts(fd, parts, static_cast<size_t>(count), &sent) ||
                    Intercept(fd, parts, static_cast<size_t>(count), 0, &sent))) {
    return sent;
  }
  return FAIRLEAD_NEXT(writev)(fd, parts, count);
}

FAIRLEAD_HOOK ssize_t recv(int fd, void* data, size_t room, int flags) {
  return Received(fd, FAIRLEAD_NEXT(recv)(fd, data, room, flags), room, flags);
}

FAIRLEAD_HOOK ssize_t __recv_chk(int fd, void* data, size_t room, size_t real_room, int flags) {
  return Received(fd, FAIRLEAD_NEXT(__recv_chk)(fd, data, room, real_room, flags), room, flags);
}

FAIRLEAD_HOOK ssize_t recvfrom(int fd, void* data, size_t room, int flags, sockaddr* peer,
                               socklen_t* peer_size) {
  const socklen_t name_room = peer_size != nullptr ? *peer_size : 0;
  const ssize_t got = FAIRLEAD_NEXT(recvfrom)(fd, data, room, flags, peer, peer_size);
  if (got >= 0 && name_room > 0) HideSource(fd, peer, std::min(name_room, *peer_size));
  return Received(fd, got, room, flags);
}

FAIRLEAD_HOOK ssize_t __recvfrom_chk(int fd, void* data, size_t room, size_t real_room, int flags,
                                     sockaddr* peer, socklen_t* peer_size) {
  const socklen_t name_room = peer_size != nullptr ? *peer_size : 0;
  const ssize_t got =
      FAIRLEAD_NEXT(__recvfrom_chk)(fd, data, room, real_room, flags, peer, peer_size);
  if (got >= 0 && name_room > 0) HideSource(fd, peer, std::min(name_room, *peer_size));
  return Received(fd, got, room, flags);
}

FAIRLEAD_HOOK ssize_t recvmsg(int fd, msghdr* message, int flags) {
  const socklen_t name_room = message != nullptr ? message->msg_namelen : 0;
  const ssize_t got = FAIRLEAD_NEXT(recvmsg)(fd, message, flags);
  if (got < 0) return got;
  HideSource(fd, message->msg_name, std::min(name_room, message->msg_namelen));
  return Received(fd, got, SizeOf(message->msg_iov, message->msg_iovlen), flags);
}

FAIRLEAD_HOOK int recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags,
                           timespec* timeout) {
  // Of other sockets nothing is looked at. Of ours one message at a time, as its room for a name is
  // lost in the call.
  if (GenericNetlinkInode(fd) != 0 && count > 1) count = 1;
  const socklen_t name_room = count > 0 ? messages[0].msg_hdr.msg_namelen : 0;
  const int got = FAIRLEAD_NEXT(recvmmsg)(fd, messages, count, flags, timeout);
  if (count != 1) return got;
  for (int i = 0; i < got; ++i) {
    const msghdr& message = messages[i].msg_hdr;
    HideSource(fd, message.msg_name, std::min(name_room, message.msg_namelen));
    Received(fd, messages[i].msg_len, SizeOf(message.msg_iov, message.msg_iovlen), flags);
  }
  return got;
}

FAIRLEAD_HOOK ssize_t read(int fd, void* data, size_t room) {
  return Received(fd, FAIRLEAD_NEXT(read)(fd, data, room), room, 0);
}

FAIRLEAD_HOOK ssize_t __read_chk(int fd, void* data, size_t room, size_t real_room) {
  return Received(fd, FAIRLEAD_NEXT(__read_chk)(fd, data, room, real_room), room, 0);
}

FAIRLEAD_HOOK ssize_t readv(int fd, const iovec* parts, int count) {
  const ssize_t got = FAIRLEAD_NEXT(readv)(fd, parts, count);
  return Received(fd, got, got < 0 ? 0 : SizeOf(parts, static_cast<size_t>(count)), 0);
}
