#include "control/config/virtual_addresses.h"

#include <algorithm>
#include <unordered_map>

namespace fairlead::control {
std::vector<VirtualAddress> VirtualAddresses(const ConfigModel& model) {
  std::unordered_map<IpAddress, Announce> found;
  const auto add = [&found](const IpAddress& address, Announce announce) {
    Announce& merged = found.try_emplace(address, Announce::kNever).first->second;
    merged = std::min(merged, announce);
  };
  for (const ServiceConfig& service : model.services) {
    if (!service.is_mark()) {
      add(service.address, service.announce);
      continue;
    }
    for (const ClassifierRule& rule : model.classifier) {
      if (rule.mark != service.mark) continue;  // a drop rule has mark 0
      for (const Prefix& to : rule.destination.prefixes) {
        const bool is_host = to.length == to.address.bit_length() && !to.address.is_multicast();
        if (is_host && to.address.family() == service.family) add(to.address, service.announce);
      }
    }
  }
  // Of an address that services have, their word counts.
  for (const SnatConfig& rule : model.snat) {
    for (const IpAddress& address : AddressesOf(rule)) {
      found.try_emplace(address, model.policy.announce);
    }
  }
  std::vector<VirtualAddress> addresses;
  addresses.reserve(found.size());
  for (const auto& [address, announce] : found) addresses.push_back({address, announce});
  std::ranges::sort(addresses, {}, &VirtualAddress::address);
  return addresses;
}

}  // namespace fairlead::control
