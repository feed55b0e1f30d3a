// What addresses look like in messages of rtnetlink. For files that speak to libmnl themselves.
#pragma once

#include <libmnl/libmnl.h>
#include <sys/socket.h>

#include "base/ip_address.h"

namespace fairlead::kernel {

inline unsigned char FamilyOf(const IpAddress& a) { return a.is_v4() ? AF_INET : AF_INET6; }

inline bool IsAddress(const nlattr* attribute, unsigned char family) {
  return mnl_attr_get_payload_len(attribute) == (family == AF_INET ? 4 : 16);
}

// Precondition: IsAddress.
inline IpAddress AddressIn(const nlattr* attribute) {
  const void* bytes = mnl_attr_get_payload(attribute);
  if (mnl_attr_get_payload_len(attribute) == 4) return Ipv4Address::Load(bytes);
  return Ipv6Address::Load(bytes);
}

}  // namespace fairlead::kernel
