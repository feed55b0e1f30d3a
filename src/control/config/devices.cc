#include "control/config/devices.h"

#include <algorithm>
#include <array>

#include "control/config/kernel_interface.h"
#include "control/config/names.h"
#include "control/config/problems.h"

namespace fairlead::control {
namespace {

std::string_view WithoutDomain(std::string_view name) {
  constexpr std::string_view kDomain = "0000:";
  return name.starts_with(kDomain) ? name.substr(kDomain.size()) : name;
}

constexpr std::string_view kHexBytes = "0123456789abcdefABCDEF";
constexpr std::string_view kPciBytes = "0123456789abcdefABCDEF:.";
constexpr std::string_view kDecimalBytes = "0123456789";

bool IsMadeOf(std::string_view text, std::string_view bytes) {
  return text.find_first_not_of(bytes) == std::string_view::npos;
}

// Takes a number of `least` to `most` hex digits off the front of *text.
bool TakeHex(std::string_view* text, size_t least, size_t most) {
  const size_t digits = std::min(text->find_first_not_of(kHexBytes), text->size());
  if (digits < least || digits > most) return false;
  text->remove_prefix(digits);
  return true;
}

bool TakeByte(std::string_view* text, char byte) {
  if (!text->starts_with(byte)) return false;
  text->remove_prefix(1);
  return true;
}

// [DOMAIN:]BUS:DEVICE.FUNCTION; a domain of more than four digits is that of a VMD.
bool IsPciForm(std::string_view name) {
  if (std::ranges::count(name, ':') == 2 && (!TakeHex(&name, 4, 8) || !TakeByte(&name, ':'))) {
    return false;
  }
  return TakeHex(&name, 2, 2) && TakeByte(&name, ':') && TakeHex(&name, 2, 2) &&
         TakeByte(&name, '.') && name.size() == 1 && name[0] >= '0' && name[0] <= '7';
}

// As the kernel, systemd and people call their interfaces. Names of DPDK's drivers have a "_".
bool IsNameOfInterface(std::string_view name) {
  constexpr std::array<std::string_view, 17> kKinds{"eth",  "eno",   "ens",  "enp",  "enx",  "em",
                                                    "bond", "br",    "team", "veth", "vlan", "wlan",
                                                    "wlp",  "dummy", "tap",  "tun",  "ib"};
  if (name == "lo") return true;
  return std::ranges::any_of(kKinds, [&](std::string_view kind) {
    if (!name.starts_with(kind)) return false;
    const std::string_view rest = name.substr(kind.size());
    if (rest.empty() || !IsMadeOf(rest.substr(0, 1), kind == "enx" ? kHexBytes : kDecimalBytes)) {
      return false;
    }
    return IsMadeOf(rest, "0123456789abcdefghijklmnopqrstuvwxyz.");
  });
}

// Those of DPDK's virtual drivers that people use, without the "net_" that belongs before them.
bool LacksNet(std::string_view name) {
  constexpr std::array<std::string_view, 7> kDrivers{"af_packet", "af_xdp", "pcap", "memif",
                                                     "ring",      "null",   "vhost"};
  return std::ranges::any_of(kDrivers, [&](std::string_view driver) {
    return name.starts_with(driver) && IsMadeOf(name.substr(driver.size()), kDecimalBytes);
  });
}

}  // namespace

std::vector<std::string> DevicesOf(const PortConfig& port) {
  return port.bond ? port.bond->members : std::vector<std::string>{port.device};
}

std::string_view DeviceName(std::string_view device) { return device.substr(0, device.find(',')); }

std::string_view ArgumentsOf(std::string_view device) {
  return device.substr(DeviceName(device).size());
}

bool HasSameName(std::string_view one, std::string_view other) {
  return WithoutDomain(DeviceName(one)) == WithoutDomain(DeviceName(other));
}

bool IsSameDevice(std::string_view one, std::string_view other) {
  const std::string_view interface = KernelInterfaceOf(one);
  return HasSameName(one, other) || (!interface.empty() && interface == KernelInterfaceOf(other));
}

std::string FaultOfDevice(std::string_view device) {
  const std::string_view name = DeviceName(device);
  if (IsNameOfInterface(name)) {
    const std::string_view interface = name.substr(0, name.find('.'));
    return Quote(name) + " is no device; for a kernel interface write \"net_af_packet0,iface=" +
           std::string(interface) + "\"" + (interface == name ? "" : " and its VLAN as \"vlan\"") +
           ", for a card its PCI address such as \"0000:3b:00.0\"";
  }
  if (name.find(':') != std::string_view::npos && IsMadeOf(name, kPciBytes) && !IsPciForm(name)) {
    return Quote(name) +
           " is no PCI address; write one such as \"0000:3b:00.0\" (dpdk-devbind.py --status-dev "
           "net lists those of this machine), and a VLAN as \"vlan\"";
  }
  if (LacksNet(name)) {
    return Quote(name) + " is no device; write " + Quote("net_" + std::string(device));
  }
  const bool is_of_interface = name.starts_with("net_af_packet") || name.starts_with("net_af_xdp");
  if (is_of_interface && KernelInterfaceOf(device).empty()) {
    return Quote(name) + " needs the interface whose frames it takes; write \"" +
           std::string(name) + ",iface=eth1\"";
  }
  return "";
}

std::string BondText(const BondConfig& bond) {
  std::string text = "bond " + std::string(ToWord(bond.mode)) + ":";
  for (const std::string& member : bond.members) text += " " + member;
  if (!bond.primary.empty()) text += " primary " + bond.primary;
  if (bond.rate != LacpRate::kSlow) text += " rate " + std::string(ToWord(bond.rate));
  return text;
}

}  // namespace fairlead::control
