// What a program sends on a netlink socket: the part for IPVS goes to the director, the rest to
// the kernel, in their order.
//
//   ssize_t sent;
//   if (Intercept(fd, iovecs, count, flags, &sent)) return sent;   // errno as usual
//   return the real call
//
// A request is answered before this returns, as the kernel answers before send returns. Threads:
// any. Invariant: bytes that hold no message for IPVS are never touched, and no descriptor but a
// generic netlink socket is ever looked at beyond its type.
#pragma once

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

namespace fairlead::preload {

// Bytes in all.
inline size_t SizeOf(const iovec* parts, size_t count) {
  size_t size = 0;
  for (size_t i = 0; i < count; ++i) size += parts[i].iov_len;
  return size;
}

bool Intercept(int fd, const iovec* parts, size_t count, int flags, ssize_t* sent);

}  // namespace fairlead::preload
