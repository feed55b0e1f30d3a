#include "dataplane/dpdk/port.h"

#include <rte_errno.h>
#include <rte_ethdev.h>

#include <algorithm>

#include "dataplane/dpdk/device.h"
#include "dataplane/dpdk/eal_log.h"
#include "dataplane/dpdk/steering_nic.h"
#include "kernel/line.h"

namespace fairlead::edge {
namespace {

std::string DevicesSeen() {
  std::string list;
  for (uint16_t id = 0; id < RTE_MAX_ETHPORTS; ++id) {
    if (rte_eth_dev_is_valid_port(id) == 0) continue;
    char name[RTE_ETH_NAME_MAX_LEN] = "";
    rte_eth_dev_get_name_by_port(id, name);
    list += (list.empty() ? "" : ", ") + std::string(name);
  }
  return list.empty() ? "none" : list;
}

uint16_t Queues(const PortSpec& spec, size_t workers, uint16_t device_max) {
  const size_t wanted = spec.queues != 0 ? std::min<size_t>(spec.queues, workers) : workers;
  return static_cast<uint16_t>(std::clamp<size_t>(wanted, 1, std::max<uint16_t>(device_max, 1)));
}

std::vector<DriverCounter> CountersOf(uint16_t dpdk_id) {
  const int count = rte_eth_xstats_get(dpdk_id, nullptr, 0);
  if (count <= 0) return {};
  const auto size = static_cast<unsigned>(count);
  std::vector<rte_eth_xstat_name> names(size);
  std::vector<rte_eth_xstat> values(size);
  if (rte_eth_xstats_get_names(dpdk_id, names.data(), size) != count) return {};
  if (rte_eth_xstats_get(dpdk_id, values.data(), size) != count) return {};
  std::vector<DriverCounter> counters;
  for (const rte_eth_xstat& each : values) {
    if (each.id < size) counters.push_back({names[each.id].name, each.value});
  }
  return counters;
}

// Of a packet socket the kernel has the MTU: net_af_packet reports the frame length of an ordinary
// one, however large the frames of its ring are, and DPDK would refuse more.
bool IsMtuTheKernels(const DeviceUse& device) { return IsOfPacketSockets(device.port); }

// Drivers without opinion on the MTU report UINT16_MAX. The default is asked for by saying nothing.
uint32_t RequestedMtu(const DeviceUse& device) {
  const bool says_nothing = IsMtuTheKernels(device) || device.mtu_bytes() == RTE_ETHER_MTU;
  return says_nothing ? 0 : device.mtu_bytes();
}

}  // namespace

Error Port::Failed(const std::string& what, int code) const {
  std::string message = what + ": " + rte_strerror(code < 0 ? -code : code);
  if (const std::string dpdk = TakeDpdkErrors(); !dpdk.empty()) message += " (" + dpdk + ")";
  return {ErrorCode::kSystem, message, "port " + name_};
}

Result<Port> Port::Start(const DeviceUse& device, PortId id, const dataplane::Steering& steering,
                         const PacketPool& pool) {
  const PortSpec& spec = device.port;
  Port port;
  port.name_ = spec.name;
  port.id_ = id;
  port.mtu_bytes_ = spec.mtu_bytes;
  port.vlan_ = spec.vlan;
  port.has_vlans_ = device.has_vlans;
  if (Status s = port.Find(spec); !s) return s.error();
  if (Status s = port.Configure(device, steering); !s) return s.error();
  if (Status s = port.SetUpQueues(spec, pool); !s) return s.error();
  if (Status s = port.SetMtu(device); !s) return s.error();
  if (Status s = port.Receive(); !s) return s.error();
  return port;
}

// The device's number in DPDK, and those of the members of a bond.
Status Port::Find(const PortSpec& spec) {
  const auto find = [&spec](const std::string& device, uint16_t* id) -> Status {
    const std::string name = DeviceName(device);
    if (rte_eth_dev_get_port_by_name(name.c_str(), id) == 0) return Done{};
    return Error{ErrorCode::kNotFound,
                 "DPDK has no device " + name + "; devices seen: " + DevicesSeen(),
                 "port " + spec.name};
  };
  if (Status s = find(spec.device, &dpdk_id_); !s || !spec.bond) return s;
  speaks_lacp_ = spec.bond->mode == BondMode::k8023ad;
  for (const std::string& member : spec.bond->members) {
    uint16_t id = 0;
    if (Status s = find(member, &id); !s) return s;
    members_.push_back({DeviceName(member), id});
  }
  return Done{};
}

Port Port::Share(const Port& first, const PortSpec& spec, PortId id) {
  Port port = first;
  port.name_ = spec.name;
  port.id_ = id;
  port.mtu_bytes_ = spec.mtu_bytes;
  port.vlan_ = spec.vlan;
  port.owns_device_ = false;
  return port;
}

Status Port::Configure(const DeviceUse& device, const dataplane::Steering& steering) {
  const PortSpec& spec = device.port;
  const size_t workers = steering.worker_count();
  rte_eth_dev_info info{};
  if (int e = rte_eth_dev_info_get(dpdk_id_, &info); e != 0) return Failed("cannot be queried", e);
  if (device.mtu_bytes() > info.max_mtu) {
    return Error{ErrorCode::kInvalid,
                 "mtu " + std::to_string(device.mtu_bytes()) + " is more than the device can do (" +
                     std::to_string(info.max_mtu) + ")",
                 "port " + name_};
  }
  rx_queues_ = Queues(spec, workers, info.max_rx_queues);
  tx_queues_ = Queues(spec, workers, info.max_tx_queues);

  rte_eth_conf conf{};
  conf.rxmode.mtu = RequestedMtu(device);
  if (spec.offloads) {
    conf.rxmode.offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM;
    conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
  }
  if (has_vlans_) {
    conf.rxmode.offloads |= info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_VLAN_STRIP;
    conf.txmode.offloads |= info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_VLAN_INSERT;
  }
  inserts_vlan_ = (conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_VLAN_INSERT) != 0;
  // One pool, no clones: the driver may free whole bursts.
  conf.txmode.offloads |= info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
  computes_ip_checksum_ = (conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM) != 0;
  wish_ = {device.sides(), rx_queues_, workers, steering.key()};
  DpdkNic nic(dpdk_id_, conf, rx_queues_, tx_queues_);
  const int e = ConfigureSteering(nic, wish_, &rss_);
  return e == 0 ? Status(Done{}) : Status(Failed("cannot be configured", e));
}

Status Port::SetUpQueues(const PortSpec& spec, const PacketPool& pool) {
  uint16_t rx_descriptors = spec.descriptors != 0 ? spec.descriptors : kDefaultDescriptors;
  uint16_t tx_descriptors = rx_descriptors;
  if (int e = rte_eth_dev_adjust_nb_rx_tx_desc(dpdk_id_, &rx_descriptors, &tx_descriptors);
      e != 0) {
    return Failed("does not take that many descriptors", e);
  }
  const int socket = rte_eth_dev_socket_id(dpdk_id_);
  const auto node = static_cast<unsigned>(socket);  // SOCKET_ID_ANY is -1 there too
  for (uint16_t q = 0; q < rx_queues_; ++q) {
    if (int e = rte_eth_rx_queue_setup(dpdk_id_, q, rx_descriptors, node, nullptr, pool.get());
        e != 0) {
      return Failed("receive queue " + std::to_string(q), e);
    }
  }
  for (uint16_t q = 0; q < tx_queues_; ++q) {
    if (int e = rte_eth_tx_queue_setup(dpdk_id_, q, tx_descriptors, node, nullptr); e != 0) {
      return Failed("transmit queue " + std::to_string(q), e);
    }
  }
  return Done{};
}

Status Port::SetMtu(const DeviceUse& device) {
  const std::string what = "mtu " + std::to_string(device.mtu_bytes());
  if (IsMtuTheKernels(device)) {
    for (const PortSpec& member : MembersOf(device.port)) {
      const Status set = kernel::SetMtu(PacketSocketInterface(member.device), device.mtu_bytes());
      if (set) continue;
      return Error{ErrorCode::kSystem, what + ": " + set.error().message, "port " + name_};
    }
    return Done{};
  }
  if (device.port.bond) return Done{};  // its driver gives it to the members when it starts
  const int e = rte_eth_dev_set_mtu(dpdk_id_, device.mtu_bytes());
  return e == 0 || e == -ENOTSUP ? Status(Done{}) : Status(Failed(what, e));
}

Status Port::Receive() {
  if (int e = rte_eth_dev_start(dpdk_id_); e != 0) return Failed("does not start", e);
  DpdkNic nic(dpdk_id_, {}, rx_queues_, tx_queues_);
  FinishSteering(nic, wish_, &rss_);
  // ND needs multicast. Where it cannot be asked for alone (net_af_packet), take everything; the
  // pipeline drops what is addressed to other hosts.
  if (rte_eth_allmulticast_enable(dpdk_id_) != 0) {
    if (int e = rte_eth_promiscuous_enable(dpdk_id_); e != 0 && e != -ENOTSUP) {
      return Failed("cannot receive multicast", e);
    }
  }
  rte_ether_addr mac{};
  if (int e = rte_eth_macaddr_get(dpdk_id_, &mac); e != 0) return Failed("has no MAC", e);
  mac_ = MacAddress::Load(mac.addr_bytes);
  return Done{};
}

void Port::Stop() {
  if (!owns_device_) return;
  if (!is_left_) {
    rte_eth_dev_stop(dpdk_id_);
    rte_eth_dev_close(dpdk_id_);
  }
  for (const Member& member : members_) rte_eth_dev_close(member.dpdk_id);
}

void Port::Leave() {
  if (!owns_device_ || members_.empty()) return;
  rte_eth_dev_stop(dpdk_id_);
  is_left_ = true;
}

dataplane::PortStats Port::ReadStats() const {
  dataplane::PortStats stats;
  const auto add = [&stats](uint16_t dpdk_id) {
    rte_eth_stats read{};
    if (rte_eth_stats_get(dpdk_id, &read) != 0) return;
    stats.rx_packets += read.ipackets;
    stats.rx_bytes += read.ibytes;
    stats.rx_errors += read.ierrors;
    stats.rx_missed += read.imissed + read.rx_nombuf;
    stats.tx_packets += read.opackets;
    stats.tx_bytes += read.obytes;
    stats.tx_errors += read.oerrors;
  };
  // The driver of a bond knows of those members alone that are in it at the moment.
  for (const Member& member : members_) add(member.dpdk_id);
  if (members_.empty()) add(dpdk_id_);
  return stats;
}

std::vector<DriverCounter> Port::ReadDriverCounters() const {
  if (members_.empty()) return CountersOf(dpdk_id_);
  std::vector<DriverCounter> counters;
  for (const Member& member : members_) {
    for (DriverCounter& counter : CountersOf(member.dpdk_id)) {
      counters.push_back({member.name + "." + counter.name, counter.value});
    }
  }
  return counters;
}

}  // namespace fairlead::edge
