// Device strings of the configuration: PCI addresses and vdevs, with the arguments they lack.
//
//   IsPciDevice("0000:3b:00.0")                // true
//   DeviceName("net_af_packet0,iface=veth0")   // "net_af_packet0": the port's name in DPDK
//   DeviceArguments({port}, workers)             // "net_af_packet0,iface=veth0,blocksz=…"
//
// Threads: start-up only. No DPDK needed.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dataplane/dpdk/edge_config.h"

namespace fairlead::edge {

// "0000:3b:00.0" or "3b:00.0", with or without ",arguments".
bool IsPciDevice(std::string_view device);

// The name DPDK knows the port by: what stands before the first comma, a PCI address with domain.
std::string DeviceName(std::string_view device);

// A device as its ports need it, of which the first one starts it and says what is the device's
// alone: queues, descriptors, offloads.
struct DeviceUse {
  PortSpec port;                   // the first
  bool has_vlans = false;          // of any port
  uint16_t most_mtu_bytes = 0;     // of the other ports
  std::vector<VlanSide> others{};  // the other ports
  size_t first = 0;                // PortId of the first

  [[nodiscard]] uint16_t mtu_bytes() const { return std::max(port.mtu_bytes, most_mtu_bytes); }
  // Of all its ports.
  [[nodiscard]] std::vector<VlanSide> sides() const {
    std::vector<VlanSide> all{{port.vlan, port.clients}};
    all.insert(all.end(), others.begin(), others.end());
    return all;
  }
};
// The device of ports[port].
DeviceUse DeviceUseOf(const std::vector<PortSpec>& ports, size_t port);

// The devices that must be there for the port: the members of its bond, else its own. As the port
// in all but that.
std::vector<PortSpec> MembersOf(const PortSpec& port);
// All of them are packet sockets (net_af_packet).
bool IsOfPacketSockets(const PortSpec& port);

// What a packet socket's ring holds, unless its device says otherwise.
inline constexpr uint32_t kPacketRingFrames = 4096;

// The device with defaults for what it does not say. net_af_packet gets a ring of 4096 frames (its
// own 512 drop by the thousand in a burst), frames that hold the MTU, and a queue pair per worker.
std::string DeviceArguments(const DeviceUse& use, size_t workers);

// The interface of a packet socket (net_af_packet); empty for every other device.
std::string PacketSocketInterface(std::string_view device);

// The kernel's interface under the device (net_af_packet, net_af_xdp); empty: there is none.
std::string KernelInterface(std::string_view device);

// Bytes a received frame may need in a packet buffer, headroom not counted.
uint32_t ReceiveRoomBytes(const DeviceUse& use);

// Asks the kernel what can be asked before DPDK runs: that the interface or the PCI device exists
// and that its driver leaves it to user space. The error lists what there is. Each member of a
// bond.
Status CheckDevice(const PortSpec& port);

}  // namespace fairlead::edge
