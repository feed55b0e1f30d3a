// A port whose wire is in the test's hand: frames are put into its receive queues and taken from
// its transmit queues.
//
//   RingPort wire("outside", PortId{0}, {.rx_queues = 2, .tx_queues = 2});
//   wire.Put(frame, /*queue=*/0);   …a turn of the loop…   wire.Take()
//
// Threads: a queue's Put and Take may run beside the worker's poll.
#pragma once

#include <rte_ring.h>

#include <string>
#include <vector>

#include "dataplane/dpdk/port.h"

namespace fairlead::edge {

struct RingPortOptions {
  unsigned rx_queues = 2;
  unsigned tx_queues = 2;
  unsigned transmit_room = 1024;  // packets a transmit queue holds: 2^n
};

class RingPort {
 public:
  // Makes the DPDK device "net_ring_NAME"; names must differ over the whole program.
  RingPort(const std::string& name, const RingPortOptions& options);
  ~RingPort();
  RingPort(const RingPort&) = delete;
  RingPort& operator=(const RingPort&) = delete;

  [[nodiscard]] PortSpec spec() const;
  bool Put(const std::vector<uint8_t>& frame, unsigned queue);
  // In `pieces` chained mbufs.
  bool PutChained(const std::vector<uint8_t>& frame, unsigned queue, unsigned pieces);
  // Every frame sent so far, queue by queue.
  std::vector<std::vector<uint8_t>> Take();

 private:
  std::string name_;
  std::vector<rte_ring*> rx_, tx_;
};

}  // namespace fairlead::edge
