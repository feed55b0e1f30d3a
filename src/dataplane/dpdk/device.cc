#include "dataplane/dpdk/device.h"

#include <net/if.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

namespace fairlead::edge {
namespace fs = std::filesystem;
namespace {

constexpr const char* kPciDevices = "/sys/bus/pci/devices";

// Ethernet header, a VLAN tag, and what the kernel puts before a frame in a packet ring.
constexpr uint32_t kFrameOverhead = 14 + 4;
constexpr uint32_t kPacketRingHeader = 64;
constexpr uint32_t kPacketRingBlock = 65536;

// Asked by system call: /sys shows the namespace it was mounted in, which need not be ours.
std::vector<std::string> InterfaceNames() {
  std::vector<std::string> names;
  struct if_nameindex* const all = if_nameindex();
  for (const struct if_nameindex* each = all; each != nullptr && each->if_index != 0; ++each) {
    names.emplace_back(each->if_name);
  }
  if (all != nullptr) if_freenameindex(all);
  return names;
}

bool HasArgument(std::string_view device, std::string_view key) {
  return device.find("," + std::string(key) + "=") != std::string_view::npos;
}

std::string ArgumentOf(std::string_view device, std::string_view key) {
  const std::string wanted = "," + std::string(key) + "=";
  const size_t at = device.find(wanted);
  if (at == std::string_view::npos) return "";
  const std::string_view value = device.substr(at + wanted.size());
  return std::string(value.substr(0, value.find(',')));
}

bool IsKernelInterfaceDriver(std::string_view device) {
  return device.starts_with("net_af_packet") || device.starts_with("net_af_xdp") ||
         device.starts_with("eth_af_packet");
}

// The frame size of a packet ring must be a power of two that divides the block.
uint32_t PacketRingFrame(const DeviceUse& use) {
  return std::max<uint32_t>(2048,
                            std::bit_ceil(use.mtu_bytes() + kFrameOverhead + kPacketRingHeader));
}

// A ring that the device string describes must hold the port's frames. The driver's own frames have
// 2,048 bytes.
Status CheckPacketRing(const PortSpec& port) {
  const std::string said = ArgumentOf(port.device, "framesz");
  const bool is_ours =
      said.empty() && !HasArgument(port.device, "blocksz") && !HasArgument(port.device, "framecnt");
  const uint32_t needed = PacketRingFrame({port});
  const uint64_t holds = said.empty() ? 2048 : std::strtoull(said.c_str(), nullptr, 10);
  if (is_ours || holds >= needed) return Done{};
  return Error{ErrorCode::kInvalid,
               "mtu " + std::to_string(port.mtu_bytes) + " does not fit the ring's frames of " +
                   std::to_string(holds) +
                   " bytes; leave blocksz, framesz and framecnt out of the "
                   "device, or say framesz=" +
                   std::to_string(needed),
               "port " + port.name};
}

std::string Listed(const std::vector<std::string>& names) {
  if (names.empty()) return "none";
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return list;
}

std::vector<std::string> NamesIn(const char* folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// PCI functions of class 02 (network), with the driver each has now.
std::vector<std::string> PciNetworkDevices() {
  std::vector<std::string> seen;
  for (const std::string& name : NamesIn(kPciDevices)) {
    const fs::path path = fs::path(kPciDevices) / name;
    std::string device_class;
    std::ifstream(path / "class") >> device_class;
    if (!device_class.starts_with("0x02")) continue;
    std::error_code missing;
    const fs::path driver = fs::read_symlink(path / "driver", missing);
    seen.push_back(name + " (" + (missing ? "no driver" : driver.filename().string()) + ")");
  }
  return seen;
}

Status CheckPci(const PortSpec& port) {
  const std::string name = DeviceName(port.device);
  const fs::path path = fs::path(kPciDevices) / name;
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    return Error{
        ErrorCode::kNotFound,
        "there is no PCI device " + name + "; network devices seen: " + Listed(PciNetworkDevices()),
        "port " + port.name};
  }
  std::error_code missing;
  const std::string driver = fs::read_symlink(path / "driver", missing).filename().string();
  // mlx4, mlx5 and mana poll beside their kernel driver; the others must be given up by theirs.
  const bool is_shared = driver.starts_with("mlx") || driver == "mana";
  const bool is_user_space =
      driver == "vfio-pci" || driver == "uio_pci_generic" || driver == "igb_uio";
  if (is_shared || is_user_space) return Done{};
  return Error{ErrorCode::kUnavailable,
               name + (driver.empty() ? " has no driver" : " belongs to kernel driver " + driver) +
                   "; run: modprobe vfio-pci && dpdk-devbind.py --bind=vfio-pci " + name,
               "port " + port.name};
}

}  // namespace

bool IsPciDevice(std::string_view device) {
  std::string_view address = device.substr(0, device.find(','));
  if (address.size() == 12 && address[4] == ':') address.remove_prefix(5);
  if (address.size() != 7 || address[2] != ':' || address[5] != '.') return false;
  const auto is_hex = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
  return is_hex(address[0]) && is_hex(address[1]) && is_hex(address[3]) && is_hex(address[4]) &&
         is_hex(address[6]);
}

std::string DeviceName(std::string_view device) {
  std::string name(device.substr(0, device.find(',')));
  if (IsPciDevice(device) && name.size() == 7) name = "0000:" + name;
  return name;
}

DeviceUse DeviceUseOf(const std::vector<PortSpec>& ports, size_t port) {
  const std::string device = DeviceName(ports[port].device);
  DeviceUse use;
  use.first = ports.size();
  for (size_t p = 0; p < ports.size(); ++p) {
    if (DeviceName(ports[p].device) != device) continue;
    use.has_vlans |= ports[p].vlan != 0;
    if (use.first == ports.size()) {
      use.first = p;
      use.port = ports[p];
      continue;
    }
    use.most_mtu_bytes = std::max(use.most_mtu_bytes, ports[p].mtu_bytes);
    use.others.push_back({ports[p].vlan, ports[p].clients});
  }
  return use;
}

std::vector<PortSpec> MembersOf(const PortSpec& port) {
  if (!port.bond) return {port};
  std::vector<PortSpec> members;
  for (const std::string& device : port.bond->members) {
    members.push_back(port);
    members.back().device = device;
    members.back().bond.reset();
  }
  return members;
}

bool IsOfPacketSockets(const PortSpec& port) {
  const std::vector<PortSpec> members = MembersOf(port);
  return std::all_of(members.begin(), members.end(), [](const PortSpec& member) {
    return !PacketSocketInterface(member.device).empty();
  });
}

std::string DeviceArguments(const DeviceUse& use, size_t workers) {
  std::string device = use.port.device;
  if (IsPciDevice(device))
    return DeviceName(device) + device.substr(std::min(device.find(','), device.size()));
  if (!device.starts_with("net_af_packet")) return device;
  const auto add = [&device](std::string_view key, size_t value) {
    if (!HasArgument(device, key)) {
      device += "," + std::string(key) + "=" + std::to_string(value);
    }
  };
  const bool says_ring = HasArgument(device, "blocksz") || HasArgument(device, "framesz") ||
                         HasArgument(device, "framecnt");
  if (!says_ring) {
    add("blocksz", kPacketRingBlock);
    add("framesz", PacketRingFrame(use));
    add("framecnt", kPacketRingFrames);
  }
  add("qpairs", use.port.queues != 0 ? use.port.queues : workers);
  return device;
}

std::string PacketSocketInterface(std::string_view device) {
  const bool is_packet_socket =
      device.starts_with("net_af_packet") || device.starts_with("eth_af_packet");
  return is_packet_socket ? ArgumentOf(device, "iface") : "";
}

std::string KernelInterface(std::string_view device) {
  return IsKernelInterfaceDriver(device) ? ArgumentOf(device, "iface") : "";
}

uint32_t ReceiveRoomBytes(const DeviceUse& use) {
  for (const PortSpec& member : MembersOf(use.port)) {
    if (member.device.starts_with("net_af_packet")) return PacketRingFrame(use);
  }
  return use.mtu_bytes() + kFrameOverhead;
}

Status CheckDevice(const PortSpec& port) {
  if (port.bond) {
    for (const PortSpec& member : MembersOf(port)) {
      if (Status s = CheckDevice(member); !s) return s;
    }
    return Done{};
  }
  if (IsPciDevice(port.device)) return CheckPci(port);
  if (!IsKernelInterfaceDriver(port.device)) return Done{};
  const std::string interface = ArgumentOf(port.device, "iface");
  if (interface.empty() || if_nametoindex(interface.c_str()) == 0) {
    return Error{ErrorCode::kNotFound,
                 (interface.empty() ? "the device names no interface (iface=NAME)"
                                    : "there is no interface " + interface) +
                     "; interfaces seen: " + Listed(InterfaceNames()),
                 "port " + port.name};
  }
  return PacketSocketInterface(port.device).empty() ? Status(Done{}) : CheckPacketRing(port);
}

}  // namespace fairlead::edge
