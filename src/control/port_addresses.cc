#include "control/port_addresses.h"

#include <algorithm>

namespace fairlead::control {

PortAddresses AddressesOf(const ConfigModel& model, const KernelNetwork* kernel) {
  PortAddresses all;
  for (const PortConfig& port : model.ports) all.push_back(port.addresses);
  if (kernel == nullptr) return all;
  for (const KernelAddress& each : kernel->addresses) {
    if (each.port.index() >= all.size()) continue;
    // One of the configuration is on the twin as well: Surroundings compares, so once each.
    const std::vector<Prefix>& configured = model.ports[each.port.index()].addresses;
    if (std::ranges::find(configured, each.prefix) != configured.end()) continue;
    all[each.port.index()].push_back(each.prefix);
  }
  return all;
}

}  // namespace fairlead::control
