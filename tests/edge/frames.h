// Frames as clients and reals of the two-port director send them.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ip_address.h"

namespace fairlead::edge {

struct TcpFrame {
  MacAddress destination{}, source{};
  uint32_t from = 0, to = 0;  // addresses, host order
  uint16_t from_port = 0, to_port = 0;
  uint8_t flags = 0x02;  // SYN
  uint32_t length = 60;
};

// Complete with checksums, 64 to go.
std::vector<uint8_t> BuildTcp(const TcpFrame& frame);

}  // namespace fairlead::edge
