// The pool all packets of a director come from, and how big it must be.
//
//   const PoolPlan plan = PlanPool(config, ring_packets);
//   auto pool = PacketPool::Create("fairlead", plan);
//   MbufPacket* p = pool->Allocate();                        // nullptr: none left
//
// Threads: Allocate and Free from any thread; lcores have a cache of their own. The pool's common
// ring is of the relaxed-tail-sync kind: workers may share a core, and with the classic ring a
// worker that loses its core in mid-operation would stop the others for a whole time slice.
#pragma once

#include <rte_mbuf.h>

#include <memory>
#include <string>

#include "base/result.h"
#include "dataplane/dpdk/edge_config.h"
#include "dataplane/dpdk/mbuf_packet.h"

namespace fairlead::edge {

inline constexpr uint16_t kDefaultDescriptors = 1024;  // per queue, where the port says nothing
inline constexpr uint32_t kHostRingPackets = 2048;     // exception path, per ring
inline constexpr uint32_t kPoolCache = 256;            // per lcore

struct PoolPlan {
  uint32_t packets = 0;
  uint32_t data_room_bytes = 0;  // headroom included

  // Memory on pages of this size.
  [[nodiscard]] uint64_t bytes(uint64_t page_bytes) const;
};

// Enough for every queue, ring, cache and held packet to be full at the same time: a pool that runs
// dry would let one full queue starve the others. `ring_packets`: per pair of workers.
PoolPlan PlanPool(const EdgeConfig& config, size_t ring_packets);

class PacketPool {
 public:
  static Result<std::unique_ptr<PacketPool>> Create(const std::string& name, const PoolPlan& plan);
  ~PacketPool();
  PacketPool(const PacketPool&) = delete;
  PacketPool& operator=(const PacketPool&) = delete;

  // An empty packet with all its headroom. nullptr: none left.
  MbufPacket* Allocate() noexcept {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(pool_);
    return mbuf == nullptr ? nullptr : MbufPacket::Receive(mbuf, PortId{});
  }
  static void Free(MbufPacket* packet) noexcept { rte_pktmbuf_free(packet->mbuf()); }

  [[nodiscard]] rte_mempool* get() const { return pool_; }
  [[nodiscard]] const PoolPlan& plan() const { return plan_; }
  // Packets that are somewhere else than in the pool. Slow: walks the caches.
  [[nodiscard]] uint32_t in_use() const { return rte_mempool_in_use_count(pool_); }

 private:
  PacketPool(rte_mempool* pool, const PoolPlan& plan) : pool_(pool), plan_(plan) {}

  rte_mempool* pool_;
  PoolPlan plan_;
};

}  // namespace fairlead::edge
