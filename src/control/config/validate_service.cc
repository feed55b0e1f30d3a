#include <algorithm>
#include <string_view>
#include <tuple>
#include <unordered_set>

#include "control/config/address_users.h"
#include "control/config/names.h"
#include "control/config/units.h"
#include "control/config/validate.h"
#include "control/config/validate_util.h"

namespace fairlead::control {
namespace {

using ServiceKey = std::tuple<uint32_t, Family, Protocol, IpAddress, uint16_t>;

ServiceKey KeyOf(const ServiceConfig& service) {
  return {service.mark, service.family, service.protocol, service.address, service.port};
}

std::string KeyText(const ServiceConfig& service) {
  if (service.is_mark()) {
    return "mark " + std::to_string(service.mark) + " (" + std::string(ToWord(service.family)) +
           ")";
  }
  return std::string(ToWord(service.protocol)) + " " +
         Endpoint{service.address, Be16::FromHost(service.port)}.ToString();
}

std::string EndpointText(const IpAddress& address, uint16_t port) {
  return port == 0 ? address.ToString() : Endpoint{address, Be16::FromHost(port)}.ToString();
}

bool IsKeyBroken(const std::string& path, const Problems& problems) {
  for (const char* key : {".mark", ".family", ".address", ".protocol", ".port"})
    if (problems.IsBroken(path + key)) return true;
  return false;
}

void CheckAnyPort(const ServiceConfig& service, const std::string& path, Problems& problems) {
  if (service.is_mark() || problems.IsBroken(path + ".port") ||
      problems.IsBroken(path + ".allow_any_port"))
    return;
  if (service.port != 0) {
    if (service.allow_any_port)
      problems.Add(path + ".allow_any_port",
                   "is only for port 0; this service has port " + std::to_string(service.port));
    return;
  }
  if (!service.allow_any_port)
    problems.Add(path + ".port", "port 0 takes every port; say so with \"allow_any_port: true\"");
  // Without a template the second port of a client has no way to the same real (ipvs.md, service
  // lookup).
  if (!service.persistence)
    problems.Add(path + ".port", "port 0 needs persistence; add \"persistence: {}\"");
}

// The netmask a hashing scheduler sees clients under is that of persistence where there is one.
void CheckSchedulerNetmask(const ServiceConfig& service, const std::string& path,
                           Problems& problems) {
  const std::string flag = std::string(ToWord(service.scheduler)) + "-netmask";
  const bool has_netmask = service.mask4 != 0xffffffff,
             has_netmask6 = service.prefix_length6 != 128;
  for (const auto& [is_set, key] :
       {std::pair(has_netmask, ".netmask"), {has_netmask6, ".netmask6"}}) {
    if (!is_set) continue;
    if (service.persistence) {
      problems.Add(path + key, "the netmask of a persistent service is persistence" +
                                   std::string(key) + "; move it there");
    } else if (!service.scheduler_flags.netmask) {
      problems.Add(path + key,
                   "without persistence a netmask is for a scheduler that hashes clients; add "
                   "\"scheduler_flags: [sh-netmask]\" or [mh-netmask], or persistence");
    }
  }
  const bool has_own = service.family == Family::kIpv4 ? has_netmask : has_netmask6;
  if (service.scheduler_flags.netmask && !service.persistence && !has_own &&
      !problems.IsBroken(path + ".netmask") && !problems.IsBroken(path + ".netmask6")) {
    problems.Add(path + ".scheduler_flags",
                 flag + " hashes the client under the service's netmask, and it has none; add \"" +
                     (service.family == Family::kIpv4 ? "netmask: 24" : "netmask6: 64") + "\"");
  }
}

// A check that stands at `at` may be asked of the reals from `first` to `last`.
void CheckHealth(const ServiceConfig& service, const HealthConfig& health, const std::string& at,
                 size_t first, size_t last, const std::string& path, Problems& problems) {
  if (health.slow_start > Duration{0} && !GoesByWeight(service.scheduler) &&
      !problems.IsBroken(at + ".slow_start") && !problems.IsBroken(path + ".scheduler")) {
    problems.Add(at + ".slow_start",
                 "needs a scheduler that goes by weight: wrr, wlc, sed, nq, twos, lblc or lblcr");
  }
  if (problems.IsBroken(at + ".port") || problems.IsBroken(at + ".type")) return;
  for (size_t i = first; i < last; ++i) {
    const std::string real = ItemPath(path + ".reals", i);
    const IpAddress& asked = health.address ? *health.address : service.reals[i].address;
    if (health.source && health.source->family() != asked.family() &&
        !problems.IsBroken(at + ".source") && !problems.IsBroken(at + ".address") &&
        !problems.IsBroken(real + ".address")) {
      problems.Add(at + ".source", "must be an " + std::string(asked.is_v4() ? "IPv4" : "IPv6") +
                                       " address, like " + asked.ToString() + ", which is asked");
      return;
    }
    if (!health.needs_port() || problems.IsBroken(real + ".port")) continue;
    if (health.PortFor(service.reals[i].port) != 0 || IsKeyBroken(path, problems)) continue;
    problems.Add(at, "needs a port: the reals of this service have none of their own");
    return;
  }
}

// `at`: where a check or a list of them stands.
std::string PlaceOfCheck(const std::string& at, size_t i, size_t count) {
  return count == 1 ? at : ItemPath(at, i);
}

void CheckChecks(const ServiceConfig& service, const std::string& path, Problems& problems) {
  const size_t count = service.reals.size();
  for (size_t i = 0; i < service.health.size(); ++i) {
    const std::string at = PlaceOfCheck(path + ".health", i, service.health.size());
    if (problems.IsUnreadable(at)) continue;
    CheckHealth(service, service.health[i], at, 0, count, path, problems);
  }
  for (size_t r = 0; r < count; ++r) {
    const auto& own = service.reals[r].health;
    if (!own) continue;
    for (size_t i = 0; i < own->size(); ++i) {
      const std::string at = PlaceOfCheck(ItemPath(path + ".reals", r) + ".health", i, own->size());
      if (!problems.IsUnreadable(at)) {
        CheckHealth(service, (*own)[i], at, r, r + 1, path, problems);
      }
    }
  }
}

void CheckQuorum(const ServiceConfig& service, const std::string& path, Problems& problems) {
  if (problems.IsBroken(path + ".quorum") || problems.IsBroken(path + ".hysteresis")) return;
  if (service.hysteresis < service.quorum) return;
  problems.Add(path + ".hysteresis", "must be below the quorum, " + std::to_string(service.quorum) +
                                         ", or the service would never lose it");
}

// The rules a real and a fallback share (ipvs.md, addresses).
struct Target {
  const IpAddress& address;
  uint16_t port;
  ForwardMethod forward;
};

void CheckTargetPort(const ServiceConfig& service, const Target& target, const std::string& path,
                     Problems& problems) {
  if (problems.IsBroken(path + ".port") || problems.IsBroken(path + ".forward")) return;
  // Under DR and TUN the port of a mark's real changes no packet: health checks ask it, and ipvsadm
  // names the real by it.
  if (service.is_mark()) return;
  if (service.port == 0) {
    // As in IPVS a NAT real is named by its port here too, and health checks ask it.
    if (target.port != 0 && !TraitsOf(target.forward).may_change_port)
      problems.Add(path + ".port", "a port-0 service keeps the client's port; leave it out");
  } else if (target.port == 0) {
    problems.Add(path + ".port", "must be from 1 to 65535");
  } else if (!TraitsOf(target.forward).may_change_port && target.port != service.port) {
    problems.Add(path + ".port",
                 "only NAT and FULLNAT can change the port; it must be the service's, " +
                     std::to_string(service.port) + ", or left out");
  }
}

void CheckTarget(const ConfigModel& model, const ServiceConfig& service, const Target& target,
                 const std::string& path, Problems& problems) {
  const std::string at = path + ".address";
  if (problems.IsBroken(at)) return;
  const bool is_mixed = target.address.family() != service.family;
  if (is_mixed && !TraitsOf(target.forward).may_mix_families) {
    problems.Add(at, "must be an " +
                         std::string(service.family == Family::kIpv4 ? "IPv4" : "IPv6") +
                         " address, like that of the service; only \"forward: tun\" and "
                         "\"forward: fullnat\" reach a real server of the other IP version");
    return;
  }
  if (is_mixed && model.sync.ipvs) {
    problems.Add(at,
                 "is of the other IP version than its service, which the kernel's protocol of "
                 "synchronisation cannot say; leave out sync.ipvs, or use an address of the "
                 "service's IP version");
    return;
  }
  if (!target.address.is_v4() && target.address.v6().is_link_local())
    problems.Add(at, "must not be a link-local address");
  if (!service.is_mark() && target.address == service.address)
    problems.Add(at, "is the service's own address");
  for (const PortConfig& port : model.ports) {
    for (const Prefix& own : port.addresses) {
      if (own.address != target.address) continue;
      problems.Add(at, "is an address of port " + Quote(port.name) +
                           "; the director as a real server is not supported by this version");
    }
  }
}

void CheckReals(const ConfigModel& model, const ServiceConfig& service, const std::string& path,
                Problems& problems) {
  FirstPlaces<std::pair<IpAddress, uint16_t>> places;
  for (size_t i = 0; i < service.reals.size(); ++i) {
    const RealConfig& real = service.reals[i];
    const std::string at = ItemPath(path + ".reals", i);
    if (problems.IsUnreadable(at)) continue;
    const Target target{real.address, real.port, real.forward.method};
    CheckTarget(model, service, target, at, problems);
    CheckTargetPort(service, target, at, problems);
    if (real.lower_threshold > real.upper_threshold &&
        !problems.IsBroken(at + ".upper_threshold") &&
        !problems.IsBroken(at + ".lower_threshold")) {
      problems.Add(at + ".lower_threshold", real.upper_threshold == 0
                                                ? "needs an upper_threshold"
                                                : "must not be above the upper_threshold, " +
                                                      std::to_string(real.upper_threshold));
    }
    if (problems.IsBroken(at + ".address") || problems.IsBroken(at + ".port")) continue;
    if (const std::string* first = places.Earlier({real.address, real.port}, at)) {
      problems.Add(at, EndpointText(real.address, real.port) +
                           " is already a real of this service at " + problems.Where(*first));
    }
  }
}

void CheckFallback(const ConfigModel& model, const ServiceConfig& service, const std::string& path,
                   Problems& problems) {
  const FallbackConfig& fallback = *service.fallback;
  const std::string at = path + ".fallback";
  if (problems.IsUnreadable(at)) return;
  const Target target{fallback.address, fallback.port, fallback.forward.method};
  CheckTarget(model, service, target, at, problems);
  CheckTargetPort(service, target, at, problems);
  if (problems.IsBroken(at + ".address") || problems.IsBroken(at + ".port")) return;
  for (const RealConfig& real : service.reals) {
    if (real.address == fallback.address && real.port == fallback.port)
      problems.Add(at,
                   EndpointText(real.address, real.port) + " is already a real of this service");
  }
}

void CheckEngine(const ServiceConfig& service, const std::string& path, Problems& problems) {
  const std::string at = path + ".engine";
  if (!service.is_mark() && service.protocol != Protocol::kUdp &&
      !problems.IsUnreadable(path + ".protocol")) {
    problems.Add(at, "is only for UDP and mark services");
  }
  if (!service.persistence) {
    problems.Add(at, "needs persistence, whose templates it is for");
  } else if (!service.persistence->group.empty()) {
    problems.Add(at, "cannot be combined with persistence.group");
  }
}

// Who answers for the address of a router takes the way out off everybody on its network, and no
// packet goes to one host at the number or the broadcast address of a network. Of the services from
// `first` to `last`.
void CheckServiceAddresses(const ConfigModel& model, size_t first, size_t last,
                           Problems& problems) {
  AddressUsers users;
  for (size_t i = first; i < last; ++i) users.Ask(model.services[i].address);
  users.NoteNetworks(model);
  users.NoteGateways(model);
  for (size_t i = first; i < last; ++i) {
    const ServiceConfig& service = model.services[i];
    const std::string path = ItemPath("services", i) + ".address";
    if (service.is_mark() || problems.IsBroken(path)) continue;
    users.Report({service.address}, "cannot be", "give the service an address that nobody else has",
                 path, problems);
  }
}

void CheckService(const ConfigModel& model, size_t place, Problems& problems) {
  const ServiceConfig& service = model.services[place];
  const std::string path = ItemPath("services", place);
  const bool is_key_broken = IsKeyBroken(path, problems);
  CheckAnyPort(service, path, problems);
  CheckSchedulerNetmask(service, path, problems);
  if (service.one_packet && !service.is_mark() && service.protocol != Protocol::kUdp &&
      !is_key_broken)
    problems.Add(path + ".one_packet", "is only for UDP and mark services");
  if (service.engine != Engine::kNone && !problems.IsUnreadable(path + ".engine"))
    CheckEngine(service, path, problems);
  if (service.persistence) ValidatePersistence(model, service, path, problems);
  // What it has from the policy is said there.
  if (service.announce != model.policy.announce) {
    CheckAnnounce(model, service.announce, path + ".announce", problems);
  }
  CheckChecks(service, path, problems);
  CheckQuorum(service, path, problems);
  if (is_key_broken) return;
  CheckReals(model, service, path, problems);
  if (service.fallback) CheckFallback(model, service, path, problems);
  CheckFullnat(model, service, path, problems);
}

}  // namespace

void ValidateService(const ConfigModel& model, size_t place, Problems& problems) {
  CheckService(model, place, problems);
  CheckServiceAddresses(model, place, place + 1, problems);
}

void ValidateServiceAddresses(const ConfigModel& model, Problems& problems) {
  CheckServiceAddresses(model, 0, model.services.size(), problems);
}

void ValidateServices(const ConfigModel& model, Problems& problems) {
  FirstPlaces<std::string> names;
  FirstPlaces<ServiceKey> keys;
  for (size_t i = 0; i < model.services.size(); ++i) {
    const std::string path = ItemPath("services", i);
    if (problems.IsUnreadable(path)) continue;
    if (!IsKeyBroken(path, problems)) {
      const ServiceConfig& service = model.services[i];
      if (const std::string* first = keys.Earlier(KeyOf(service), path)) {
        problems.Add(path,
                     KeyText(service) + " is already the service at " + problems.Where(*first));
        problems.SetBroken(path + ".name");  // a derived name would repeat it
      }
      CheckName(names, service.name, path, problems);
    }
    CheckService(model, i, problems);
  }
  ValidateServiceAddresses(model, problems);
}

bool AreDistinct(const SharedList<ServiceConfig>& services) {
  struct Hash {
    size_t operator()(const ServiceKey& key) const noexcept {
      const auto& [mark, family, protocol, address, port] = key;
      const auto small =
          uint64_t{mark} << 24 | uint64_t{port} << 8 | static_cast<uint8_t>(protocol);
      return std::hash<IpAddress>{}(address) ^ (small * 0x9e3779b97f4a7c15u);
    }
  };
  std::unordered_set<ServiceKey, Hash> keys(services.size());
  std::unordered_set<std::string_view> names(services.size());
  return std::ranges::all_of(services, [&](const ServiceConfig& service) {
    return keys.insert(KeyOf(service)).second && names.insert(service.name).second;
  });
}

}  // namespace fairlead::control
