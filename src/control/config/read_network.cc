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

}  // namespace

void ReadPort(MapReader reader, PortConfig& port) {
  reader.Require("name");
  reader.Require("device",
                 "a PCI address such as \"0000:3b:00.0\" or a vdev such as "
                 "\"net_af_packet0,iface=eth1\"");
  reader.Read("name", &port.name, ReadName);
  reader.Read("device", &port.device, ReadText);
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
}

void ReadRoute(MapReader reader, RouteConfig& route) {
  reader.Require("to");
  reader.Require("via");
  reader.Read("to", &route.to, ReadPrefix);
  reader.Read("via", &route.via, ReadUnicast);
}

}  // namespace fairlead::control
