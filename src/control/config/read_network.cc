#include <algorithm>

#include "control/config/devices.h"
#include "control/config/section_readers.h"

namespace fairlead::control {
namespace {

// Bytes of IP packet: from what every IPv4 host must take (RFC 791) to common jumbo frames.
constexpr uint64_t kMinMtu = 576;
constexpr uint64_t kMaxMtu = 9600;
// IEEE 802.1Q: 0 is no VLAN, 4095 is reserved.
constexpr uint64_t kMinVlan = 1;
constexpr uint64_t kMaxVlan = 4094;

// A number, or `auto` for none.
void ReadAutoNumber(MapReader& reader, std::string_view key, std::optional<uint16_t>* target,
                    uint64_t min, uint64_t max) {
  const YamlNode* const node = reader.Find(key);
  if (node == nullptr || (node->is_scalar() && node->text == "auto")) return;
  uint16_t number = 0;
  if (reader.Number(key, &number, min, max)) *target = number;
}

Result<std::string> ReadDeviceText(const YamlNode& node) {
  Result<std::string> device = ReadText(node);
  if (!device) return device;
  std::string fault = FaultOfDevice(*device);
  if (!fault.empty()) return Error{ErrorCode::kInvalid, std::move(fault), ""};
  return device;
}

// Each a device that no other member is.
void ReadMembers(MapReader& reader, std::vector<std::string>& members) {
  reader.ForEach("members", [&](const YamlNode& item, const std::string& path) {
    if (item.kind == YamlNode::Kind::kBroken) return reader.problems().SetBroken(path);
    Result<std::string> device = ReadDeviceText(item);
    if (!device) return reader.problems().Add(path, item.mark, device.error().message);
    const auto is_same = [&](const std::string& other) { return IsSameDevice(other, *device); };
    if (std::any_of(members.begin(), members.end(), is_same)) {
      reader.problems().Add(path, item.mark, "is a member already");
    } else if (device->starts_with("net_af_xdp")) {
      reader.problems().Add(path, item.mark,
                            "cannot be a member: a bond cannot tell whether net_af_xdp has a link; "
                            "use net_af_packet or a PCI device");
    } else {
      members.push_back(*std::move(device));
    }
  });
  const YamlNode* const list = reader.Find("members");
  if (list == nullptr || !list->is_list()) return;
  if (list->items.empty()) reader.problems().Add(reader.PathOf("members"), "needs at least one");
  if (list->items.size() > kMaxBondMembers) {
    reader.problems().Add(reader.PathOf("members"),
                          "has " + std::to_string(list->items.size()) + " devices; at most " +
                              std::to_string(kMaxBondMembers) + " are possible");
  }
}

void ReadPrimary(MapReader& reader, BondConfig& bond) {
  std::string primary;
  if (!reader.Read("primary", &primary, ReadText)) return;
  const std::string path = reader.PathOf("primary");
  const auto is_it = [&](const std::string& member) { return IsSameDevice(member, primary); };
  const auto member = std::find_if(bond.members.begin(), bond.members.end(), is_it);
  if (reader.problems().IsBroken(reader.PathOf("mode"))) return;
  if (bond.mode != BondMode::kActiveBackup) {
    reader.problems().Add(path, "is for mode active-backup; in the others all members are used");
  } else if (member == bond.members.end()) {
    reader.problems().Add(path, Quote(primary) + " is no member of the bond");
  } else {
    bond.primary = DeviceName(*member);
  }
}

void ReadRate(MapReader& reader, BondConfig& bond) {
  if (reader.Find("rate") == nullptr) return;
  reader.Word("rate", &bond.rate);
  const std::string path = reader.PathOf("rate");
  if (bond.mode != BondMode::k8023ad && !reader.problems().IsBroken(reader.PathOf("mode"))) {
    reader.problems().Add(path, "is for mode 802.3ad");
  }
}

void ReadDevice(MapReader& reader, PortConfig& port) {
  const YamlNode* const node = reader.Find("device");
  if (node == nullptr || !node->is_map()) {
    reader.Read("device", &port.device, ReadDeviceText);
    return;
  }
  MapReader device(reader.problems(), *node, reader.PathOf("device"), kDeviceSection);
  device.Require("bond", "write { bond: { mode: 802.3ad, members: [ … ] } }");
  const YamlNode* const map = device.Find("bond");
  if (map == nullptr) return;
  MapReader bond(reader.problems(), *map, device.PathOf("bond"), kBondSection);
  bond.Require("mode", WordList<BondMode>());
  bond.Require("members", "a list of devices");
  BondConfig& read = port.bond.emplace();
  bond.Word("mode", &read.mode);
  ReadMembers(bond, read.members);
  ReadPrimary(bond, read);
  ReadRate(bond, read);
  port.device = BondText(read);
}

}  // namespace

void ReadPort(MapReader reader, PortConfig& port) {
  reader.Require("name");
  reader.Require("device",
                 "a PCI address such as \"0000:3b:00.0\" or a vdev such as "
                 "\"net_af_packet0,iface=eth1\"; or { bond: … }");
  reader.Read("name", &port.name, ReadName);
  ReadDevice(reader, port);
  if (uint16_t vlan = 0; reader.Number("vlan", &vlan, kMinVlan, kMaxVlan)) port.vlan = vlan;
  reader.Word("role", &port.role);
  reader.ForEach("addresses", [&](const YamlNode& item, const std::string& path) {
    Prefix& address = port.addresses.emplace_back();
    reader.problems().Note(path, item.mark);
    if (item.kind == YamlNode::Kind::kBroken) {
      reader.problems().SetBroken(path);
    } else if (const auto read = ReadInterfaceAddress(item)) {
      address = *read;
    } else {
      reader.problems().Add(path, read.error().message);
    }
  });
  reader.Number("mtu", &port.mtu, kMinMtu, kMaxMtu);
  reader.Word("exception", &port.exception);
  reader.Word("kernel_ingress", &port.kernel_ingress);
  ReadAutoNumber(reader, "queues", &port.queues, 1, 64);
  ReadAutoNumber(reader, "descriptors", &port.descriptors, 64, 32768);
  reader.Read("offloads", &port.offloads, [](const YamlNode& node) -> Result<bool> {
    if (node.is_scalar() && (node.text == "auto" || node.text == "off")) return node.text == "auto";
    return WrongValue(node, "auto or off");
  });
  reader.ForOneOrMany("decapsulate", [&](const YamlNode& item, const std::string& path) {
    const Result<TunnelType> type = ReadWord<TunnelType>(item);
    if (!type) {
      reader.problems().Add(path, item.mark, type.error().message);
    } else if (std::ranges::find(port.decapsulate, *type) != port.decapsulate.end()) {
      reader.problems().Add(path, item.mark, "is in the list already");
    } else {
      port.decapsulate.push_back(*type);
    }
  });
}

void ReadRoute(MapReader reader, RouteConfig& route) {
  reader.Require("to");
  reader.Require("via");
  reader.Read("to", &route.to, ReadPrefix);
  reader.Read("via", &route.via, ReadUnicast);
}

}  // namespace fairlead::control
