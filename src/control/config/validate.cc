#include "control/config/validate.h"

#include <algorithm>
#include <utility>

#include "base/ids.h"
#include "control/config/devices.h"
#include "control/config/validate_util.h"

namespace fairlead::control {
namespace {

constexpr uint16_t kMinMtu6 = 1280;  // RFC 8200 section 5
// Of all ports. Each real and each route is held against all of them.
constexpr size_t kMaxPortAddresses = 1024;

void CheckPort(const PortConfig& port, const std::string& path, FirstPlaces<IpAddress>& addresses,
               Problems& problems) {
  for (size_t i = 0; i < port.addresses.size(); ++i) {
    const std::string at = ItemPath(path + ".addresses", i);
    if (problems.IsBroken(at)) continue;
    const IpAddress& address = port.addresses[i].address;
    if (const std::string* first = addresses.Earlier(address, at)) {
      problems.Add(at, address.ToString() + " is already the address of a port at " +
                           problems.Where(*first));
    }
    if (!address.is_v4() && port.mtu < kMinMtu6 && !problems.IsBroken(path + ".mtu")) {
      problems.Add(path + ".mtu", "must be at least 1280 on a port with an IPv6 address");
      return;
    }
  }
}

// A device is a port's, or a member of one bond, not both.
bool HasForeignMember(const PortConfig& port, const PortConfig& other, const std::string& path,
                      const std::string& other_path, Problems& problems) {
  if (port.device == other.device || (!port.bond && !other.bond)) return false;
  for (const std::string& own : DevicesOf(port)) {
    for (const std::string& theirs : DevicesOf(other)) {
      if (!IsSameDevice(own, theirs)) continue;
      problems.Add(
          path + ".device",
          Quote(own) +
              (other.bond ? " is a member of the bond of the port at "
                          : " is the device of the port at ") +
              problems.Where(other_path) +
              (port.bond && other.bond ? "; ports that share a bond write the same bond" : ""));
      return true;
    }
  }
  return false;
}

bool IsSharedDevice(const PortConfig& port, const PortConfig& other) {
  if (port.bond || other.bond) return port.device == other.device;
  return HasSameName(port.device, other.device);
}

// A VLAN that none of the ports of this one's device has.
uint16_t FreeVlan(const ConfigModel& model, const PortConfig& port) {
  uint16_t vlan = 120;
  const auto is_taken = [&](const PortConfig& other) {
    return IsSharedDevice(port, other) && other.vlan == vlan;
  };
  while (std::ranges::any_of(model.ports, is_taken)) vlan = static_cast<uint16_t>(vlan + 10);
  return vlan;
}

// "net_af_packet2" where ports have the devices net_af_packet0 and net_af_packet1.
std::string FreeNameLike(const ConfigModel& model, std::string_view device) {
  std::string kind(DeviceName(device));
  kind.resize(kind.find_last_not_of("0123456789") + 1);
  for (size_t number = 0;; ++number) {
    const std::string name = kind + std::to_string(number);
    const bool is_taken = std::ranges::any_of(model.ports, [&](const PortConfig& port) {
      return std::ranges::any_of(
          DevicesOf(port), [&](const std::string& taken) { return DeviceName(taken) == name; });
    });
    if (!is_taken) return name;
  }
}

// Of a device that two ports share, one of which would not get its arguments.
void AddOtherArguments(const ConfigModel& model, const PortConfig& port, const std::string& path,
                       const std::string& other_path, Problems& problems) {
  const std::string name(DeviceName(port.device));
  const bool is_pci = name.find(':') != std::string::npos;
  problems.Add(path + ".device",
               Quote(name) + " is the device of the port at " + problems.Where(other_path) +
                   ", with other arguments; " +
                   (is_pci ? "both must say the same"
                           : "a device of its own needs a name of its own, such as " +
                                 Quote(FreeNameLike(model, name)) +
                                 ", and ports that are VLANs of one device write it the same"));
}

// What two ports of a device cannot say each for itself.
void CheckCommonKeys(const PortConfig& port, const PortConfig& other, const std::string& path,
                     const std::string& other_path, Problems& problems) {
  const auto same = [&](const char* key, bool is_same) {
    if (is_same || problems.IsBroken(path + "." + key)) return;
    problems.Add(path + "." + key, std::string("is the device's, which the port at ") +
                                       problems.Where(other_path) +
                                       " shares: both must say the same");
  };
  same("queues", other.queues == port.queues);
  same("descriptors", other.descriptors == port.descriptors);
  same("offloads", other.offloads == port.offloads);
  same("kernel_ingress", other.kernel_ingress == port.kernel_ingress);
}

// Ports may share a device when their VLANs differ. What is the device's alone must not differ.
void CheckDevice(const ConfigModel& model, size_t at, Problems& problems) {
  const std::string path = ItemPath("ports", at);
  if (problems.IsBroken(path + ".device") || problems.IsBroken(path + ".vlan")) return;
  const PortConfig& port = model.ports[at];
  bool is_compared = false;
  for (size_t i = 0; i < at; ++i) {
    const PortConfig& other = model.ports[i];
    const std::string other_path = ItemPath("ports", i);
    if (problems.IsBroken(other_path + ".device")) continue;
    if (HasForeignMember(port, other, path, other_path, problems)) return;
    if (!IsSharedDevice(port, other)) continue;
    if (ArgumentsOf(port.device) != ArgumentsOf(other.device)) {
      return AddOtherArguments(model, port, path, other_path, problems);
    }
    if (problems.IsBroken(other_path + ".vlan")) continue;
    if (other.vlan == port.vlan) {
      problems.Add(path + ".device", "the device is taken by the port at " +
                                         problems.Where(other_path) +
                                         "; ports of one device need different VLANs (vlan: " +
                                         std::to_string(FreeVlan(model, port)) + ")");
      return;
    }
    if (std::exchange(is_compared, true)) continue;  // with one of them, which are alike
    CheckCommonKeys(port, other, path, other_path, problems);
  }
}

// Whether the next hop is a neighbour: in the network of a port, and not the port itself.
void CheckNextHop(const ConfigModel& model, const RouteConfig& route, const std::string& path,
                  Problems& problems) {
  if (problems.IsBroken(path) || problems.IsBroken("ports")) return;
  for (const PortConfig& port : model.ports) {
    for (const Prefix& own : port.addresses) {
      if (own.address == route.via) {
        problems.Add(path, route.via.ToString() + " is the director's own address");
        return;
      }
      if (own.Contains(route.via)) return;
    }
  }
  problems.Add(path, route.via.ToString() + " is in no network of a port, so it cannot be reached");
}

}  // namespace

namespace {

void ValidateSync(const ConfigModel& model, Problems& problems) {
  const StreamConfig& stream = model.sync.stream;
  const std::string& name = stream.name.empty() ? model.director.name : stream.name;
  for (const SyncPeer& peer : stream.peers) {
    if (peer.name != name || problems.IsBroken("sync.peers")) continue;
    problems.Add("sync.peers", "has a peer with this director's own name, \"" + name +
                                   "\"; give each director its own in director.name or sync.name");
  }
}

}  // namespace

void CheckAnnounce(const ConfigModel& model, Announce announce, const std::string& path,
                   Problems& problems) {
  if (announce != Announce::kFollowKernel) return;
  const bool has_twin = std::ranges::any_of(
      model.ports, [](const PortConfig& port) { return port.exception == ExceptionPath::kTap; });
  if (has_twin) return;
  problems.Add(path, "follow-kernel needs a kernel twin to follow: give a port exception: tap");
}

void ValidateTakenAddresses(const ConfigModel& model, Problems& problems) {
  ValidateLocalAddresses(model, problems);
  ValidateSnat(model, problems);
}

void Validate(const ConfigModel& model, Problems& problems) {
  ValidateNetwork(model, problems);
  ValidateSync(model, problems);
  ValidateClassifier(model, problems);
  ValidateServices(model, problems);
  ValidateSnat(model, problems);
  ValidateLocalAddresses(model, problems);
}

void ValidateNetwork(const ConfigModel& model, Problems& problems) {
  if (model.ports.empty() && !problems.IsBroken("ports"))
    problems.Add("ports", "at least one port is needed");
  if (model.ports.size() > kMaxPorts) {
    problems.Add("ports", "at most " + std::to_string(kMaxPorts) + " ports are possible");
    return;
  }
  size_t own = 0;
  for (const PortConfig& port : model.ports) own += port.addresses.size();
  if (own > kMaxPortAddresses) {
    problems.Add("ports", "have " + std::to_string(own) + " addresses; at most " +
                              std::to_string(kMaxPortAddresses) + " are possible");
    return;
  }
  FirstPlaces<std::string> names;
  FirstPlaces<IpAddress> addresses;
  for (size_t i = 0; i < model.ports.size(); ++i) {
    const PortConfig& port = model.ports[i];
    const std::string path = ItemPath("ports", i);
    CheckName(names, port.name, path, problems);
    CheckDevice(model, i, problems);
    CheckPort(port, path, addresses, problems);
  }
  CheckAnnounce(model, model.policy.announce, "policy.announce", problems);
  FirstPlaces<std::string> ways;
  for (size_t i = 0; i < model.routes.size(); ++i) {
    const RouteConfig& route = model.routes[i];
    const std::string path = ItemPath("routes", i);
    if (problems.IsBroken(path + ".to")) continue;
    const std::string way = route.to.ToString() + " via " + route.via.ToString();
    if (const std::string* first = ways.Earlier(way, path))
      problems.Add(path + ".via", "there is already a route to " + route.to.ToString() +
                                      " by it at " + problems.Where(*first));
    if (!problems.IsBroken(path + ".via") && route.to.address.family() != route.via.family())
      problems.Add(path + ".via", "must be of the same IP version as \"to\"");
    else
      CheckNextHop(model, route, path + ".via", problems);
  }
}

}  // namespace fairlead::control
