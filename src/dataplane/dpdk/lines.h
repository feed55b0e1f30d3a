// The rings of the edge, beside those of the Fabric: towards the kernel twins and back, and towards
// the owner of a transmit queue that several workers share.
//
//   Lines lines(workers, ports);
//   lines.to_host(PortId{0}, me)->Push(mbuf)         // null: that port has no kernel twin
//   lines.transmit(PortId{0}, me)                    // null: the worker has a queue of its own
//
// Threads: each ring has one pusher and one popper, named below. Mbufs in a ring belong to it.
#pragma once

#include <rte_mbuf.h>

#include <memory>
#include <vector>

#include "base/ids.h"
#include "base/spsc_ring.h"
#include "dataplane/dpdk/packet_pool.h"
#include "dataplane/dpdk/port.h"

namespace fairlead::edge {

using MbufRing = SpscRing<rte_mbuf*>;

class Lines {
 public:
  // `has_host`: by PortId.
  Lines(size_t workers, const std::vector<Port>& ports, const std::vector<bool>& has_host)
      : rows_(ports.size()) {
    for (size_t p = 0; p < ports.size(); ++p) {
      Row& row = rows_[p];
      row.to_host.resize(workers);
      row.transmit.resize(workers);
      if (has_host[p]) {
        row.from_host = std::make_unique<MbufRing>(kHostRingPackets);
        for (auto& ring : row.to_host) ring = std::make_unique<MbufRing>(kHostRingPackets);
      }
      for (size_t w = ports[p].tx_queues(); w < workers; ++w) {
        row.transmit[w] = std::make_unique<MbufRing>(kSharedQueuePackets);
      }
    }
  }

  // A worker pushes, the exception path's thread pops.
  MbufRing* to_host(PortId port, WorkerId from) const noexcept {
    return rows_[port.index()].to_host[from.index()].get();
  }
  // The exception path's thread pushes, worker 0 pops.
  MbufRing* from_host(PortId port) const noexcept { return rows_[port.index()].from_host.get(); }
  // A worker without a transmit queue pushes, worker (from mod queues) pops.
  MbufRing* transmit(PortId port, WorkerId from) const noexcept {
    return rows_[port.index()].transmit[from.index()].get();
  }

 private:
  static constexpr size_t kSharedQueuePackets = 1024;

  struct Row {
    std::vector<std::unique_ptr<MbufRing>> to_host, transmit;  // by WorkerId
    std::unique_ptr<MbufRing> from_host;
  };
  std::vector<Row> rows_;  // by PortId
};

}  // namespace fairlead::edge
