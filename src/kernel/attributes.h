// What addresses and routes look like in messages of rtnetlink. For files that speak to libmnl
// themselves.
//
//   RouteAttributes read{.table = header.rtm_table};
//   if (mnl_attr_parse(&message, sizeof(rtmsg), ReadRouteAttribute, &read) < 0) return;
//   if (read.via != nullptr && IsAddress(read.via, header.rtm_family)) …AddressIn(read.via)…
//
// An attribute of another length than its kind has is left out. The pointers are into the message.
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

inline IpAddress AnyOf(unsigned char family) {
  return family == AF_INET ? IpAddress() : IpAddress(Ipv6Address{});
}

// Of RTM_NEWADDR and RTM_DELADDR.
struct AddressAttributes {
  const nlattr* local = nullptr;
  const nlattr* address = nullptr;  // of the peer where there is a local one as well
  uint32_t flags = 0;
  uint8_t protocol = 0;

  // The interface's own; none: the message has no address.
  [[nodiscard]] const nlattr* own() const { return local != nullptr ? local : address; }
};
int ReadAddressAttribute(const nlattr* attribute, void* into);  // AddressAttributes

// Of RTM_NEWROUTE, RTM_DELROUTE and the next hops in RTA_MULTIPATH.
struct RouteAttributes {
  const nlattr* to = nullptr;  // none: every address
  const nlattr* via = nullptr;
  const nlattr* other_via = nullptr;  // a gateway of the other IP version
  const nlattr* multipath = nullptr;
  unsigned interface = 0;
  uint32_t metric = 0;
  uint32_t table = 0;
};
int ReadRouteAttribute(const nlattr* attribute, void* into);  // RouteAttributes

}  // namespace fairlead::kernel
