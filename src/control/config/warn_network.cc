// Networks and addresses that are allowed and will hardly do what was meant.
#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/tunnel.h"
#include "control/config/address_users.h"
#include "control/config/devices.h"
#include "control/config/kernel_interface.h"
#include "control/config/machine_warnings.h"
#include "control/config/validate_util.h"

namespace fairlead::control {
namespace {

// Each of two packet sockets gets every frame of the interface, and both answer. Two of AF_XDP may
// divide its queues.
bool DivideQueues(const std::string& one, const std::string& other) {
  constexpr std::string_view kQueue = ",start_queue=";
  return one.find(kQueue) != std::string::npos && other.find(kQueue) != std::string::npos;
}

void WarnOfSharedInterfaces(const ConfigModel& model, const AddWarning& add) {
  std::map<std::string_view, size_t> firsts;
  for (size_t i = 0; i < model.ports.size(); ++i) {
    const PortConfig& port = model.ports[i];
    const std::string_view interface = KernelInterfaceOf(port.device);
    if (port.bond || interface.empty()) continue;
    const auto [first, is_new] = firsts.emplace(interface, i);
    const PortConfig& other = model.ports[first->second];
    if (is_new || HasSameName(other.device, port.device) ||
        DivideQueues(other.device, port.device)) {
      continue;
    }
    add(ItemPath("ports", i) + ".device",
        "takes the frames of " + std::string(interface) + ", as port " + Quote(other.name) +
            " does: each gets all of them. Ports that are VLANs of one interface write the same "
            "device, with a different \"vlan\" each");
  }
}

void WarnOfSameNetworks(const ConfigModel& model, const AddWarning& add) {
  std::map<std::pair<IpAddress, int>, size_t> firsts;
  for (size_t i = 0; i < model.ports.size(); ++i) {
    const PortConfig& port = model.ports[i];
    for (size_t a = 0; a < port.addresses.size(); ++a) {
      const Prefix network{port.addresses[a].network(), port.addresses[a].length};
      const size_t first = firsts.try_emplace({network.address, network.length}, i).first->second;
      if (first == i) continue;
      const std::string other = Quote(model.ports[first].name);
      add(ItemPath(ItemPath("ports", i) + ".addresses", a),
          network.ToString() + " is the network of port " + other +
              " too: packets for it leave by port " + other +
              ", which comes first, and by another one only while that has no link. Give each port "
              "a network of its own");
    }
  }
}

// Real servers and fallbacks at addresses that no host of a network has.
void WarnOfNobodysAddresses(const ConfigModel& model, const AddWarning& add) {
  std::unordered_map<IpAddress, std::string> nobodys;
  for (const PortConfig& port : model.ports) {
    for (const Prefix& own : port.addresses) {
      if (!HasBroadcast(own)) continue;
      const std::string of_port = " of port " + Quote(port.name);
      nobodys.emplace(own.network(), "the number of the network" + of_port);
      nobodys.emplace(BroadcastOfNetwork(own), "the broadcast address" + of_port);
    }
  }
  const auto look = [&](const IpAddress& address, const auto& path) {
    const auto found = nobodys.find(address);
    if (found == nobodys.end() || found->second.empty()) return;
    add(path() + ".address", address.ToString() + " is " + found->second +
                                 ", which no host has: a real server there never answers");
    found->second.clear();  // once is enough
  };
  for (size_t i = 0; i < model.services.size(); ++i) {
    const ServiceConfig& service = model.services[i];
    const auto path = [i] { return ItemPath("services", i); };
    for (size_t r = 0; r < service.reals.size(); ++r) {
      look(service.reals[r].address, [&] { return ItemPath(path() + ".reals", r); });
    }
    if (service.fallback) look(service.fallback->address, [&] { return path() + ".fallback"; });
  }
}

// The port without a kernel twin in whose network an address is, by the longest prefix.
const PortConfig* PortWithoutTwinOf(const ConfigModel& model, const IpAddress& address) {
  const PortConfig* found = nullptr;
  int longest = -1;
  for (const PortConfig& port : model.ports) {
    for (const Prefix& own : port.addresses) {
      if (own.length <= longest || !own.Contains(address)) continue;
      longest = own.length;
      found = &port;
    }
  }
  return found == nullptr || found->exception == ExceptionPath::kTap ? nullptr : found;
}

// Directors speak with each other by sockets of the kernel.
void WarnOfPeers(const ConfigModel& model, const AddWarning& add) {
  const StreamConfig& stream = model.sync.stream;
  if (!stream.has_peers()) return;
  const auto look = [&](const IpAddress& address, const std::string& path) {
    const PortConfig* const port = PortWithoutTwinOf(model, address);
    if (port == nullptr) return;
    add(path, address.ToString() + " is in the network of port " + Quote(port->name) +
                  ", which has no kernel twin, and directors speak by sockets of the kernel: add "
                  "exception: tap to the port, or they do not find each other unless the machine "
                  "has another way there");
  };
  look(stream.listen.address, "sync.listen");
  for (size_t i = 0; i < stream.peers.size(); ++i) {
    const Endpoint& peer = stream.peers[i].address;
    const std::string path = ItemPath("sync.peers", i) + ".address";
    const bool is_own = std::ranges::any_of(model.ports, [&](const PortConfig& port) {
      return std::ranges::count(port.addresses, peer.address, &Prefix::address) > 0;
    });
    if (is_own || peer == stream.listen) {
      add(path, peer.ToString() + " is this director itself; name the address of the other one");
    } else {
      look(peer.address, path);
    }
  }
}

void WarnOfGueServices(const ConfigModel& model, const AddWarning& add) {
  const auto port = std::ranges::find_if(model.ports, [](const PortConfig& each) {
    return std::ranges::count(each.decapsulate, TunnelType::kGue) > 0;
  });
  if (port == model.ports.end()) return;
  for (size_t i = 0; i < model.services.size(); ++i) {
    const ServiceConfig& service = model.services[i];
    if (service.protocol != Protocol::kUdp || service.port != kGuePort) continue;
    add(ItemPath("services", i) + ".port",
        "gets nothing that comes by port " + Quote(port->name) +
            ": its decapsulate has gue, so UDP "
            "port " +
            std::to_string(kGuePort) +
            " there is that of tunnels. Use another port, or leave "
            "gue out");
  }
}

}  // namespace

void WarnOfNetworks(const ConfigModel& model, const AddWarning& add) {
  WarnOfSharedInterfaces(model, add);
  WarnOfSameNetworks(model, add);
  WarnOfNobodysAddresses(model, add);
  WarnOfPeers(model, add);
  WarnOfGueServices(model, add);
}

}  // namespace fairlead::control
