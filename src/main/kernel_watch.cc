#include "main/kernel_watch.h"

#include <net/if.h>

#include <utility>
#include <vector>

#include "base/log.h"

namespace fairlead {

std::unique_ptr<TwinWatch> TwinWatch::Open(std::span<const control::PortRuntime> ports,
                                           size_t most_routes) {
  PortOf port_of;
  std::vector<unsigned> interfaces;
  for (size_t i = 0; i < ports.size(); ++i) {
    const unsigned index = if_nametoindex(ports[i].host_interface.c_str());
    if (ports[i].host_interface.empty() || index == 0) continue;
    port_of.emplace(index, PortId{static_cast<uint8_t>(i)});
    interfaces.push_back(index);
  }
  if (interfaces.empty()) return nullptr;
  auto watch = kernel::NetworkWatch::Open(std::move(interfaces), most_routes);
  if (!watch) {
    LogWarning("what others put on kernel twins is not seen, so it is not answered for",
               {{"reason", watch.error().ToString()}});
    return nullptr;
  }
  return std::unique_ptr<TwinWatch>(new TwinWatch(*std::move(watch), std::move(port_of)));
}

control::KernelNetwork TwinWatch::Read() const {
  control::KernelNetwork network;
  for (const kernel::AddressTable::Entry& entry : watch_->addresses().entries()) {
    network.addresses.push_back({port_of_.at(entry.interface), entry.prefix, entry.arrival});
  }
  const kernel::RouteTable& routes = watch_->routes();
  for (const kernel::RouteTable::Entry& entry : routes.entries()) {
    for (const kernel::RouteTable::Hop& hop : entry.hops) {
      network.routes.push_back({entry.to, port_of_.at(hop.interface), hop.via});
    }
  }
  network.routes_revision = routes.revision();
  network.refused_routes = routes.refused();
  network.refused_addresses = watch_->addresses().refused();
  return network;
}

}  // namespace fairlead
