// Which logical port of a device a frame belongs to, by its VLAN.
//
//   VlanMap vlans(ports, first);               // empty where the device has no VLANs
//   PortId port = vlans.PortOf(TakeTag(mbuf))  // none: no port has that VLAN
//
// Frames without a tag and those of VLAN 0, which only carry a priority (IEEE 802.1Q), belong to
// the port without a VLAN. Threads: a value; immutable once made.
#pragma once

#include <vector>

#include "base/ids.h"
#include "dataplane/dpdk/port.h"

namespace fairlead::edge {

class VlanMap {
 public:
  VlanMap() = default;
  // Of the device that `first` has started.
  VlanMap(const std::vector<Port>& ports, const Port& first) {
    if (!first.has_vlans()) return;
    ports_.resize(kVlans);
    for (const Port& port : ports) {
      if (port.dpdk_id() == first.dpdk_id()) ports_[port.vlan()] = port.id();
    }
  }
  [[nodiscard]] bool is_empty() const noexcept { return ports_.empty(); }
  // vlan: 0…4095. Precondition: not empty.
  [[nodiscard]] PortId PortOf(uint16_t vlan) const noexcept { return ports_[vlan]; }

 private:
  static constexpr size_t kVlans = 4096;
  std::vector<PortId> ports_;  // by VLAN
};

}  // namespace fairlead::edge
