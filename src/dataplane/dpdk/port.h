// A DPDK port, set up and started: queues, offloads, MTU, address filters.
//
//   Result<Port> port = Port::Start(spec, PortId{0}, fabric.steering, pool);
//   rte_eth_rx_burst(port->dpdk_id(), port->RxQueueOf(me), …);
//
// Each worker has an rx and a tx queue of its own when the device has enough. With fewer rx queues
// only the first workers poll; with fewer tx queues the others pass what they send to the worker
// that owns queue (worker mod queues), by a ring, so no queue ever needs a lock (worker_loop.h).
//
// Threads: Start and Stop by main; the rest immutable. ReadStats from any thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/ids.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "dataplane/dpdk/edge_config.h"
#include "dataplane/dpdk/packet_pool.h"
#include "dataplane/dpdk/rss_plan.h"
#include "dataplane/shard/counters.h"
#include "dataplane/shard/steering.h"

namespace fairlead::edge {

class Port {
 public:
  // The device must be known to DPDK: from the EAL's arguments or made by a test.
  static Result<Port> Start(const PortSpec& spec, PortId id, const dataplane::Steering& steering,
                            const PacketPool& pool);
  void Stop();

  [[nodiscard]] PortId id() const { return id_; }
  [[nodiscard]] uint16_t dpdk_id() const { return dpdk_id_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] MacAddress mac() const { return mac_; }
  [[nodiscard]] uint16_t mtu_bytes() const { return mtu_bytes_; }
  [[nodiscard]] uint16_t rx_queues() const { return rx_queues_; }
  [[nodiscard]] uint16_t tx_queues() const { return tx_queues_; }
  [[nodiscard]] bool computes_ip_checksum() const { return computes_ip_checksum_; }
  // How far the port brings packets to their owners, and what is missing when it does not.
  [[nodiscard]] PortSteering steering() const { return rss_.steering; }
  [[nodiscard]] std::string_view why_not_hardware() const { return rss_.why_not; }
  [[nodiscard]] dataplane::PortStats ReadStats() const;

 private:
  Port() = default;

  Status Configure(const PortSpec& spec, const dataplane::Steering& steering);
  Status SetUpQueues(const PortSpec& spec, const PacketPool& pool);
  Status Receive();
  // After the start: the redirection table, and whether the driver has taken what it was told.
  void FinishSteering();
  [[nodiscard]] Error Failed(const std::string& what, int code) const;

  std::string name_;
  PortId id_;
  uint16_t dpdk_id_ = 0;
  MacAddress mac_;
  uint16_t mtu_bytes_ = 1500;
  uint16_t rx_queues_ = 1;
  uint16_t tx_queues_ = 1;
  bool computes_ip_checksum_ = false;
  RssCapabilities rss_capabilities_;
  RssPlan rss_;
};

}  // namespace fairlead::edge
