// One of the figures that a driver counts beyond what all count alike (DPDK's extended statistics).
#pragma once

#include <cstdint>
#include <string>

namespace fairlead::edge {

struct DriverCounter {
  std::string name;  // the driver's own: "rx_good_packets"
  uint64_t value = 0;
};

}  // namespace fairlead::edge
