// A logical port: a DPDK device, set up and started, or one VLAN of it. The device may be a bond
// (bond.h), whose counters are those of all its members together. Everything inside knows
// logical ports alone; tags are put on and taken off at the edge.
//
//   Result<Port> port = Port::Start({spec}, PortId{0}, fabric.steering, pool);
//   Port second = Port::Share(*port, spec_of_another_vlan, PortId{1});
//   rte_eth_rx_burst(port->dpdk_id(), 0, …);
//
// Each worker has an rx and a tx queue of its own when the device has enough. With fewer rx queues
// only the first workers poll; with fewer tx queues the others pass what they send to the worker
// that owns queue (worker mod queues), by a ring, so no queue ever needs a lock (worker_loop.h).
//
// Threads: Start and Stop by main; the rest immutable. ReadStats from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "dataplane/dpdk/device.h"
#include "dataplane/dpdk/driver_counter.h"
#include "dataplane/dpdk/edge_config.h"
#include "dataplane/dpdk/packet_pool.h"
#include "dataplane/dpdk/port_steering.h"
#include "dataplane/shard/counters.h"
#include "dataplane/shard/steering.h"

namespace fairlead::edge {

class Port {
 public:
  // The device must be known to DPDK: from the EAL's arguments or made by a test.
  static Result<Port> Start(const DeviceUse& device, PortId id, const dataplane::Steering& steering,
                            const PacketPool& pool);
  // Another VLAN of a started device.
  static Port Share(const Port& first, const PortSpec& spec, PortId id);
  // Of the device, by the port that started it; a bond with all its members.
  void Stop();
  // Of a bond whose interfaces another process takes over: it rests, and a Stop later closes its
  // members alone, since a bond that is closed gives their interfaces other addresses.
  void Leave();

  [[nodiscard]] PortId id() const { return id_; }
  [[nodiscard]] uint16_t dpdk_id() const { return dpdk_id_; }
  // Started the device, and polls it for all its ports.
  [[nodiscard]] bool owns_device() const { return owns_device_; }
  [[nodiscard]] bool has_vlans() const { return has_vlans_; }  // the device
  [[nodiscard]] uint16_t vlan() const { return vlan_; }        // 0: none
  // The device puts tags on; else software does.
  [[nodiscard]] bool inserts_vlan() const { return inserts_vlan_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] MacAddress mac() const { return mac_; }
  [[nodiscard]] uint16_t mtu_bytes() const { return mtu_bytes_; }
  [[nodiscard]] uint16_t rx_queues() const { return rx_queues_; }
  [[nodiscard]] uint16_t tx_queues() const { return tx_queues_; }
  // LACP leaves with what workers send, so one must call the driver also when it sends nothing.
  [[nodiscard]] bool speaks_lacp() const { return speaks_lacp_; }
  [[nodiscard]] bool computes_ip_checksum() const { return computes_ip_checksum_; }
  // How far the port brings packets to their owners, and what is missing when it does not.
  [[nodiscard]] PortSteering steering() const { return rss_.steering; }
  [[nodiscard]] std::string_view why_not_hardware() const { return rss_.why_not; }
  [[nodiscard]] dataplane::PortStats ReadStats() const;
  [[nodiscard]] std::vector<DriverCounter> ReadDriverCounters() const;

 private:
  struct Member {
    std::string name;  // in DPDK
    uint16_t dpdk_id;
  };

  Port() = default;

  Status Find(const PortSpec& spec);
  Status Configure(const DeviceUse& device, const dataplane::Steering& steering);
  Status SetUpQueues(const PortSpec& spec, const PacketPool& pool);
  Status SetMtu(const DeviceUse& device);
  Status Receive();
  [[nodiscard]] Error Failed(const std::string& what, int code) const;

  std::string name_;
  PortId id_;
  uint16_t dpdk_id_ = 0;
  uint16_t vlan_ = 0;
  bool owns_device_ = true;
  std::vector<Member> members_;  // of a bond
  bool speaks_lacp_ = false;
  bool is_left_ = false;
  bool has_vlans_ = false;
  bool inserts_vlan_ = false;
  MacAddress mac_;
  uint16_t mtu_bytes_ = 1500;
  uint16_t rx_queues_ = 1;
  uint16_t tx_queues_ = 1;
  bool computes_ip_checksum_ = false;
  SteeringWish wish_;
  RssPlan rss_;
};

}  // namespace fairlead::edge
