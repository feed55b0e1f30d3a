#include "control/port_addresses.h"

#include <algorithm>
#include <unordered_set>

#include "control/config/names.h"

namespace fairlead::control {
namespace {

using AddressSet = std::unordered_set<IpAddress>;

bool IsAnswered(const VirtualAddress& vip, const AddressSet& on_twins) {
  switch (vip.announce) {
    case Announce::kAlways:
      return true;
    case Announce::kFollowKernel:
      return on_twins.contains(vip.address);
    case Announce::kNever:
      break;
  }
  return false;
}

bool HasAddress(const PortConfig& port, const IpAddress& address) {
  return std::ranges::any_of(port.addresses,
                             [&](const Prefix& prefix) { return prefix.address == address; });
}

}  // namespace

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

std::vector<AnsweredVip> AnswersOf(const ConfigModel& model, const PortAddresses& addresses) {
  AddressSet on_twins;
  for (const std::vector<Prefix>& port : addresses) {
    for (const Prefix& prefix : port) on_twins.insert(prefix.address);
  }
  std::vector<AnsweredVip> all;
  for (const VirtualAddress& vip : VirtualAddresses(model)) {
    all.push_back({vip.address, vip.announce, IsAnswered(vip, on_twins)});
  }
  return all;
}

std::string WhyAnswered(Announce announce, bool is_answered) {
  const std::string wanted = "announce: " + std::string(ToWord(announce));
  switch (announce) {
    case Announce::kAlways:
      return wanted;
    case Announce::kFollowKernel:
      return wanted + (is_answered ? ", and a kernel twin has the address"
                                   : ", and no kernel twin has the address");
    case Announce::kNever:
      break;
  }
  if (!is_answered) return wanted;
  return wanted + ", but it is the address of a port, or of another service that announces it";
}

std::vector<std::vector<IpAddress>> AnsweredOn(const ConfigModel& model,
                                               const PortAddresses& addresses, PortChoice choice) {
  const std::vector<AnsweredVip> virtual_ones = AnswersOf(model, addresses);
  AddressSet silent;
  for (const AnsweredVip& vip : virtual_ones) {
    if (!vip.is_answered) silent.insert(vip.address);
  }
  std::vector<std::vector<IpAddress>> all;
  for (size_t i = 0; i < model.ports.size(); ++i) {
    std::vector<IpAddress>& answered = all.emplace_back();
    for (const Prefix& prefix : addresses[i]) {
      const IpAddress& address = prefix.address;
      if (!silent.contains(address) || HasAddress(model.ports[i], address)) {
        answered.push_back(address);
      }
    }
    for (const AnsweredVip& vip : virtual_ones) {
      if (vip.is_answered && choice(model.ports[i])) answered.push_back(vip.address);
    }
    std::ranges::sort(answered);
    answered.erase(std::unique(answered.begin(), answered.end()), answered.end());
  }
  return all;
}

}  // namespace fairlead::control
