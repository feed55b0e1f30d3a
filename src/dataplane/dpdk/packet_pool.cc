#include "dataplane/dpdk/packet_pool.h"

#include <rte_errno.h>
#include <rte_ether.h>

#include <algorithm>

#include "dataplane/dpdk/device.h"
#include "dataplane/dpdk/eal.h"
#include "dataplane/tables/fragment_table.h"

namespace fairlead::edge {
namespace {

// Packets that wait for a neighbour, over all workers; the pipeline bounds them per neighbour.
constexpr uint32_t kHeldPackets = 4096;
// Fragments that wait for their first, of each worker.
constexpr uint32_t kHeldFragments = dataplane::FragmentTable::kMaxHeld;
// Taken from a port but not yet given to another: bursts, transmit buffers.
constexpr uint32_t kInHandPackets = 1024;

constexpr uint32_t kDefaultDataRoom = 2048;

}  // namespace

uint64_t PoolPlan::bytes(uint64_t page_bytes) const {
  const uint32_t element =
      static_cast<uint32_t>(sizeof(rte_mbuf)) + kPrivateBytes + data_room_bytes;
  // With the mempool's own header, and the padding that spreads packets over memory channels.
  const uint64_t padded = rte_mempool_calc_obj_size(element, 0, nullptr);
  const uint64_t ring = rte_align64pow2(uint64_t{packets} + 1) * sizeof(void*);
  // A packet does not cross a page if it fits one: a device must see it in one piece.
  const uint64_t in_page = page_bytes / padded;
  const uint64_t pages = in_page > 0 ? (packets + in_page - 1) / in_page
                                     : packets * ((padded + page_bytes - 1) / page_bytes);
  return pages * page_bytes + ring;
}

PoolPlan PlanPool(const EdgeConfig& config, size_t ring_packets) {
  const auto workers = static_cast<uint32_t>(config.workers);
  const uint32_t rings = static_cast<uint32_t>(ring_packets);
  uint32_t packets = kHeldPackets + config.extra_packets;
  packets += workers * (kInHandPackets + kHeldFragments) + workers * (workers - 1) * rings;
  packets += (workers + 1) * kPoolCache * 2;
  uint32_t room = kDefaultDataRoom;
  for (size_t p = 0; p < config.ports.size(); ++p) {
    const PortSpec& port = config.ports[p];
    if (port.has_host) packets += (workers + 1) * kHostRingPackets;
    const DeviceUse use = DeviceUseOf(config.ports, p);
    if (use.first != p) continue;
    const uint32_t queues = port.queues != 0 ? port.queues : workers;
    const uint32_t descriptors = port.descriptors != 0 ? port.descriptors : kDefaultDescriptors;
    packets += 2 * queues * descriptors * static_cast<uint32_t>(MembersOf(port).size());
    room = std::max(room, ReceiveRoomBytes(use));
  }
  if (config.data_room_bytes != 0) room = config.data_room_bytes;
  return {packets, room + RTE_PKTMBUF_HEADROOM};
}

Result<std::unique_ptr<PacketPool>> PacketPool::Create(const std::string& name,
                                                       const PoolPlan& plan) {
  if (plan.data_room_bytes > UINT16_MAX) {
    return Error{ErrorCode::kInvalid,
                 "a packet buffer can hold at most 65535 bytes; lower the port's mtu", ""};
  }
  rte_mempool* pool = rte_pktmbuf_pool_create_by_ops(
      name.c_str(), plan.packets, kPoolCache, kPrivateBytes,
      static_cast<uint16_t>(plan.data_room_bytes), SOCKET_ID_ANY, "ring_mt_rts");
  if (pool == nullptr) {
    return Error{ErrorCode::kSystem,
                 "no memory for " + std::to_string(plan.packets) + " packet buffers (" +
                     std::to_string(plan.bytes(kOrdinaryPageBytes) >> 20) +
                     " MiB): " + rte_strerror(rte_errno) +
                     "; free memory, add hugepages, or use fewer workers or descriptors",
                 ""};
  }
  return std::unique_ptr<PacketPool>(new PacketPool(pool, plan));
}

PacketPool::~PacketPool() { rte_mempool_free(pool_); }

}  // namespace fairlead::edge
