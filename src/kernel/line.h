// Whether an interface of this network namespace has a carrier, and how fast its line is; how large
// its packets may be.
//
//   std::optional<Line> line = ReadLine("eth1");      // none: there is no such interface
//   Status set = SetMtu("eth1", 9000);
//
// Asked by ioctl, which costs microseconds however many interfaces there are. Threads: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace fairlead::kernel {

struct Line {
  bool is_up = false;           // the interface is up and has a carrier
  uint32_t speed_mbps = 0;      // 0: unknown
  bool is_full_duplex = false;  // with a speed
};

// Errors: no socket can be had.
Result<std::optional<Line>> ReadLine(const std::string& interface);
// Bytes of an IP packet. Errors: there is no such interface, or its driver cannot do that.
Status SetMtu(const std::string& interface, uint32_t mtu_bytes);

}  // namespace fairlead::kernel
