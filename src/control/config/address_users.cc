#include "control/config/address_users.h"

namespace fairlead::control {
namespace {

// Of one list: more of them are counted.
constexpr size_t kMostTold = 8;

}  // namespace

IpAddress BroadcastOfNetwork(const Prefix& prefix) {
  const uint32_t host_bits = prefix.length >= 32 ? 0 : 0xffffffffu >> prefix.length;
  return Ipv4Address::FromHost(prefix.network().v4().value.host() | host_bits);
}

void AddressUsers::NoteReals(const ConfigModel& model) {
  for (const ServiceConfig& service : model.services) {
    for (const RealConfig& real : service.reals) {
      Note(real.address, "a real server of service ", service.name);
    }
    if (!service.fallback) continue;
    Note(service.fallback->address, "the fallback of service ", service.name);
  }
}

void AddressUsers::NoteNetworks(const ConfigModel& model) {
  for (const PortConfig& port : model.ports) {
    for (const Prefix& own : port.addresses) {
      if (!HasBroadcast(own)) continue;
      Note(own.network(), "the number of the network of port ", port.name);
      Note(BroadcastOfNetwork(own), "the broadcast address of port ", port.name);
    }
  }
}

void AddressUsers::NoteGateways(const ConfigModel& model) {
  for (const RouteConfig& route : model.routes) {
    Note(route.via, "the next hop of the route to ", route.to);
  }
}

std::string AddressUsers::WordsOf(const IpAddress& address) const {
  const User& user = users_.at(address);
  if (user.words == nullptr) return "";
  const auto* name = std::get_if<const std::string*>(&user.who);
  return user.words +
         (name != nullptr ? Quote(**name) : std::get<const Prefix*>(user.who)->ToString());
}

void AddressUsers::Report(const std::vector<IpAddress>& addresses, const std::string& contains,
                          const std::string& rule, const std::string& path,
                          Problems& problems) const {
  size_t used = 0;
  for (const IpAddress& address : addresses) {
    const std::string user = WordsOf(address);
    if (user.empty() || ++used > kMostTold) continue;
    problems.Add(path, contains + " " + address.ToString() + ", " + user + "; " + rule);
  }
  if (used <= kMostTold) return;
  problems.Add(path, contains + " " + std::to_string(used - kMostTold) +
                         " more addresses that somebody else has");
}

}  // namespace fairlead::control
