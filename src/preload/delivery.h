// Puts the director's answers into the receive queue of a program's own netlink socket.
//
//   Delivery delivery(fd);                       // the program's socket
//   if (!delivery.is_valid()) …not a generic netlink socket…
//   delivery.Put(messages, size, room, &taken);  // as datagrams, cut between messages
//
// The queue is the kernel's, so poll, epoll, select, MSG_PEEK, MSG_TRUNC, timeouts, non-blocking
// use, dup and fork are the kernel's as well. A netlink socket may send to its own port with
// CAP_NET_ADMIN, which the kernel's IPVS asks for too. What comes from the own port is told from
// what comes from the kernel by its source, which the receiving hooks set to 0, the kernel's.
//
// Threads: a value on the stack of the thread that asks.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

namespace fairlead::preload {

enum class Put {
  kYes,
  kFull,    // the queue has no room; the program has something to read
  kFailed,  // errno: EPERM without the capability
};

// Datagrams are this long at most until the program is seen to read with more room, as the
// kernel's are, whose first is a page with its overhead.
inline constexpr size_t kFirstRoom = 3776;

class Delivery {
 public:
  explicit Delivery(int fd);

  [[nodiscard]] bool is_valid() const { return is_valid_; }
  [[nodiscard]] uint32_t port() const { return port_; }
  [[nodiscard]] ino_t inode() const { return inode_; }

  // One datagram of as many messages as `room` holds, at least one; `taken` becomes its bytes.
  [[nodiscard]] Put PutSome(char* messages, size_t size, size_t room, size_t* taken) const;
  // All of them.
  [[nodiscard]] Put PutAll(char* messages, size_t size, size_t room) const;
  // An NLMSG_ERROR about a request; `error` as 2 for ENOENT.
  [[nodiscard]] Put PutError(uint32_t sequence, int error) const;

 private:
  int fd_;
  uint32_t port_ = 0;
  size_t send_buffer_ = 0;
  ino_t inode_ = 0;
  bool is_valid_ = false;
};

// The inode of a generic netlink socket, or 0 for anything else.
ino_t GenericNetlinkInode(int fd);

}  // namespace fairlead::preload
