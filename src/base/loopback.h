// Whether an address is of this machine alone: 127.0.0.0/8 (RFC 1122 section 3.2.1.3) or ::1 (RFC
// 4291 section 2.5.3).
//
//   if (IsLoopback(address)) …nobody else reaches it…
//
// Threads: pure.
#pragma once

#include "base/ip_address.h"

namespace fairlead {

inline bool IsLoopback(const IpAddress& address) {
  if (address.is_v4()) return address.bytes()[0] == 127;
  Ipv6Address one;
  one.bytes[15] = 1;
  return address.v6() == one;
}

}  // namespace fairlead
