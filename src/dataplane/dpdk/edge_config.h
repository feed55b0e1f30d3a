// What the edge is told at start: ports, workers, memory. Plain values without DPDK types, so that
// main and the control core can fill them.
//
//   EdgeConfig config;
//   config.name = "edge-1";
//   config.workers = 2;
//   config.ports.push_back({.name = "outside", .device = "net_af_packet0,iface=veth0"});
//
// Threads: a value, read at start only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "kernel/addressing.h"

namespace fairlead::edge {

enum class Hugepages : uint8_t { kAuto, kOn, kOff };

// A static route the kernel twin of a port gets, so that the host's own sockets find their way.
using HostRoute = kernel::Route;

// Where a client's endpoint is in the packets a port receives.
enum class ClientSide : uint8_t {
  kBoth,         // one-armed: packets of clients and of reals
  kSource,       // outside
  kDestination,  // inside
};

// The same of the frames of one VLAN; 0: those without a tag.
struct VlanSide {
  uint16_t vlan = 0;
  ClientSide clients = ClientSide::kBoth;
};

// Whether the kernel may hear what a packet socket receives (docs/ports.md).
enum class Ingress : uint8_t { kAuto, kClosed, kOpen };

enum class BondMode : uint8_t { kActiveBackup, kBalanceXor, k8023ad };

// Several devices that are one (docs/vlan_and_bond.md).
struct BondSpec {
  BondMode mode = BondMode::kActiveBackup;
  std::vector<std::string> members{};  // devices
  std::string primary{};   // active-backup: the name of the member that carries while it can
  bool asks_fast = false;  // 802.3ad: the partner is asked for a frame each second
};

struct PortSpec {
  std::string name{};
  std::string device{};       // PCI address, or a vdev with its arguments; of a bond: its name
  uint16_t vlan = 0;          // IEEE 802.1Q; 0: frames without a tag
  uint16_t mtu_bytes = 1500;  // of the IP packet
  bool has_host = false;      // an exception path: a tap named fl-NAME
  Ingress kernel_ingress = Ingress::kAuto;
  bool offloads = true;  // false: checksums in software even where the port could
  uint16_t queues = 0;   // rx/tx queue pairs; 0: one per worker, or what the device has
  ClientSide clients = ClientSide::kBoth;
  uint16_t descriptors = 0;         // per queue; 0: the driver's advice
  std::vector<Prefix> addresses{};  // given to the kernel twin; host bits are the address
  std::vector<HostRoute> routes{};  // likewise
  std::optional<BondSpec> bond{};   // the device is a bond of these
};

// Ports of one device and different VLANs share what is the device's: queues, descriptors,
// offloads, the ingress of the kernel. These are those of the first one.
struct EdgeConfig {
  std::string name = "fairlead";
  std::vector<PortSpec> ports;  // index: PortId
  size_t workers = 1;
  std::vector<uint32_t> cores;  // CPU of each worker; empty: chosen
  Hugepages hugepages = Hugepages::kAuto;
  // The director that it takes over from has its packets on hugepages, so it must find some too.
  bool takes_over_hugepages = false;
  bool sleeps_when_idle = false;
  bool telemetry = false;        // dpdk-telemetry.py and dpdk-dumpcap can attach
  std::vector<std::string> eal;  // extra EAL arguments, verbatim, last
  // CLOCK_BOOTTIME of tick 0, so that deadlines of the process before hold; 0: ticks begin now.
  uint64_t epoch_boottime_ns = 0;

  // Memory of packets. Zeros: derived from ports, workers and queues.
  uint32_t data_room_bytes = 0;  // of one packet, headroom not counted
  uint32_t extra_packets = 0;    // beyond what queues and rings need
};

}  // namespace fairlead::edge
