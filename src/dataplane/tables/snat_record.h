// A flow of source NAT, as it lies in the arena: its layout is in docs/connection_record.md, and
// what a start makes of it in docs/take_up.md.
//
// It is whole when `protocol` is not 0: that is the last store that makes it and the first that
// ends it. Threads: a value.
#pragma once

#include <array>
#include <cstdint>

#include "base/byte_order.h"
#include "base/clock.h"
#include "base/ip_address.h"

namespace fairlead::dataplane {

template <typename Address>
struct SnatFlow {
  Address client;  // the inside host
  Address local;   // what the world sees
  Address remote;
  Be16 client_port, local_port, remote_port;
  uint8_t protocol = 0;     // 0: free
  uint8_t state = 0;        // TcpState
  uint8_t slot = 0;         // of its rule's counters (shard/snat_flows.h)
  uint8_t is_answered = 0;  // 0 or 1
  uint16_t reserved = 0;
  Tick deadline;
  TickCount timeout = 0;
  uint32_t wheel_next = 0, wheel_prev = 0;
  std::array<uint32_t, 2> next{};  // in the chain of each SnatWay
};
static_assert(sizeof(SnatFlow<Ipv4Address>) == 48 && sizeof(SnatFlow<Ipv6Address>) == 84);

}  // namespace fairlead::dataplane
