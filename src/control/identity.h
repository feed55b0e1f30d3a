// What makes a service and a real server the same over reloads: their keys, not their names.
//
//   ServiceIdentity shop = KeyOf(service);        // {mark 2, IPv4}, or {tcp 192.0.2.80:80}
//   RealIdentity first{real.address, real.port};  // within its service
//
// What keeps its identity keeps its ids, connections and counters (id_map.h). Threads: values.
#pragma once

#include <compare>
#include <cstdint>

#include "base/ip_address.h"

namespace fairlead::control {

struct ServiceConfig;

// Mark and family, or (mark 0) protocol, address and port.
struct ServiceIdentity {
  uint32_t mark = 0;
  Family family = Family::kIpv4;
  uint8_t protocol = 0;
  IpAddress address{};
  uint16_t port = 0;
  friend auto operator<=>(const ServiceIdentity&, const ServiceIdentity&) = default;
};
ServiceIdentity KeyOf(const ServiceConfig& service);

struct RealIdentity {
  IpAddress address;
  uint16_t port = 0;
  friend auto operator<=>(const RealIdentity&, const RealIdentity&) = default;
};

}  // namespace fairlead::control
