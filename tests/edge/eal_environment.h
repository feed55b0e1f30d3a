// The EAL and a packet pool for all tests of this program: DPDK starts once a process.
#pragma once

#include "dataplane/dpdk/eal.h"
#include "dataplane/dpdk/packet_pool.h"

namespace fairlead::edge {

PacketPool& TestPool();

// The program's EAL was started with these vdevs; see the .cc.
inline constexpr const char* kNullDevice = "net_null0";

}  // namespace fairlead::edge
