// What the edge found out about a configured port when it was started.
#pragma once

#include <cstdint>
#include <string>

#include "base/ip_address.h"

namespace fairlead::control {

struct PortRuntime {
  MacAddress mac;
  uint16_t mtu_bytes = 1500;     // of the IP packet
  std::string host_interface;    // the kernel twin; empty: none
  bool sums_ip_headers = false;  // computes IPv4 header checksums when it sends
  bool has_vlans = false;        // its device has, be this port one of them or not
  // How packets find their worker: hardware, rss or software, and why not better (docs/ports.md).
  std::string steering = {};
  // Whether the kernel hears what a packet socket receives: closed, or open and why; empty: no
  // packet socket (docs/ports.md).
  std::string kernel_ingress = {};
};

}  // namespace fairlead::control
