// What FULLNAT's local addresses and its ways to tell a real of its client must hold.
#include <algorithm>
#include <unordered_map>

#include "control/config/find_set.h"
#include "control/config/local_addresses.h"
#include "control/config/names.h"
#include "control/config/validate.h"
#include "control/config/validate_util.h"

namespace fairlead::control {
namespace {

// What is written of FULLNAT, and where. What is inherited stands where it is inherited from.
struct Written {
  const Forwarding& forward;
  std::string path;
};

// Every `forward` of the model that says fullnat, each once.
std::vector<Written> AllOf(const ConfigModel& model) {
  std::vector<Written> all;
  const auto add = [&all](const Forwarding& forward, const Forwarding& inherited,
                          const std::string& path) {
    if (!HasLocalAddresses(forward.method)) return;
    if (inherited == forward) return;
    all.push_back({forward, path + ".forward"});
  };
  const Forwarding none;
  add(model.defaults.forward, none, "defaults");
  for (size_t i = 0; i < model.services.size(); ++i) {
    const ServiceConfig& service = model.services[i];
    const std::string path = ItemPath("services", i);
    add(service.forward, model.defaults.forward, path);
    for (size_t r = 0; r < service.reals.size(); ++r) {
      add(service.reals[r].forward, service.forward, ItemPath(path + ".reals", r));
    }
    if (service.fallback) add(service.fallback->forward, service.forward, path + ".fallback");
  }
  return all;
}

// Who has an address already. Words are made for the one that is found: there may be 100,000 reals.
class Owners {
 public:
  explicit Owners(const ConfigModel& model) {
    for (const PortConfig& port : model.ports) {
      for (const Prefix& own : port.addresses) {
        // A kernel twin may itself speak to a real server from it, by a port that is in use here.
        if (port.exception == ExceptionPath::kTap) {
          owners_.emplace(own.address, Owner{"which is also the kernel's, on port ", &port.name});
        }
        if (!own.address.is_v4() || own.length > 30) continue;
        owners_.emplace(own.network(), Owner{"the number of the network of port ", &port.name});
        owners_.emplace(Broadcast(own), Owner{"the broadcast address of port ", &port.name});
      }
    }
    for (const ServiceConfig& service : model.services) {
      if (!service.is_mark()) {
        owners_.emplace(service.address, Owner{"the address of service ", &service.name});
      }
      for (const RealConfig& real : service.reals) {
        owners_.emplace(real.address, Owner{"a real server of service ", &service.name});
      }
      if (service.fallback) {
        owners_.emplace(service.fallback->address,
                        Owner{"the fallback of service ", &service.name});
      }
    }
  }
  // Empty: nobody.
  [[nodiscard]] std::string WordsOf(const IpAddress& address) const {
    const auto it = owners_.find(address);
    return it == owners_.end() ? "" : it->second.words + Quote(*it->second.name);
  }

 private:
  struct Owner {
    const char* words;
    const std::string* name;
  };

  static IpAddress Broadcast(const Prefix& prefix) {
    const uint32_t host_bits = 0xffffffffu >> prefix.length;
    return Ipv4Address::FromHost(prefix.network().v4().value.host() | host_bits);
  }
  std::unordered_map<IpAddress, Owner> owners_;
};

void CheckAddresses(const ConfigModel& model, const Written& written, const Owners& owners,
                    Problems& problems) {
  const std::string at = written.path + ".local_addresses";
  if (written.forward.local_addresses.empty() || problems.IsBroken(at)) return;
  CheckSets(model, written.forward.local_addresses.match(), at, problems);
  if (problems.IsBroken(at) || problems.IsBroken("prefix_sets")) return;
  const std::vector<IpAddress> addresses =
      ExpandLocalAddresses(model.prefix_sets, written.forward.local_addresses);
  if (addresses.empty()) {
    problems.Add(at, "has no address: its prefix sets are empty");
  } else if (addresses.size() > kMaxLocalAddresses) {
    problems.Add(at, "has more than " + std::to_string(kMaxLocalAddresses) +
                         " addresses; write a longer prefix, such as 10.0.1.0/28 or "
                         "fd00:1::/124");
  } else {
    for (const IpAddress& address : addresses) {
      const std::string owner = owners.WordsOf(address);
      if (owner.empty()) continue;
      problems.Add(at, "contains " + address.ToString() + ", " + owner +
                           "; local addresses must be nobody else's");
      return;
    }
  }
}

bool HasOneOf(Family family, const ConfigModel& model, const LocalAddresses& addresses) {
  const auto is_of_it = [family](const Prefix& p) { return p.address.family() == family; };
  return std::ranges::any_of(addresses.prefixes, is_of_it) ||
         std::ranges::any_of(addresses.sets, [&](const std::string& name) {
           const PrefixSet* const set = FindPrefixSet(model.prefix_sets, name);
           return set != nullptr && std::ranges::any_of(set->prefixes, is_of_it);
         });
}

// `path`: of the `forward` of the service, the real or the fallback that is forwarded to like this.
void CheckUse(const ConfigModel& model, const ServiceConfig& service, const Forwarding& forward,
              const IpAddress& real, const std::string& path, Problems& problems) {
  const std::string addresses = path + ".local_addresses";
  if (!HasOneOf(real.family(), model, forward.local_addresses) && !problems.IsBroken(addresses) &&
      !problems.IsBroken("prefix_sets")) {
    problems.Add(addresses, "has no " + std::string(real.is_v4() ? "IPv4" : "IPv6") +
                                " address, which the director needs to speak to " +
                                real.ToString());
  }
  const std::string told = path + ".client_address";
  if (problems.IsBroken(told)) return;
  if (forward.client_address == ClientAddress::kToa && service.family == Family::kIpv4 &&
      !real.is_v4()) {
    problems.Add(told, "\"toa\" of an IPv4 client is read in IPv4 alone, and " + real.ToString() +
                           " is reached by IPv6; use proxy-v1, proxy-v2 or none");
    return;
  }
  if (service.is_mark()) return;
  if (CanTell(forward.client_address, static_cast<Transport>(service.protocol))) return;
  problems.Add(told, Quote(std::string(ToWord(forward.client_address))) +
                         (forward.client_address == ClientAddress::kToa
                              ? " is a TCP option, and this service is for UDP"
                              : " is for TCP, and this service is for UDP") +
                         "; use proxy-v2 or none");
}

}  // namespace

void CheckFullnat(const ConfigModel& model, const ServiceConfig& service, const std::string& path,
                  Problems& problems) {
  // What reals inherit is looked at once for each IP version.
  bool is_checked4 = false, is_checked6 = false;
  const auto check = [&](const Forwarding& forward, const IpAddress& address,
                         const std::string& real_path) {
    if (!HasLocalAddresses(forward.method) || problems.IsBroken(real_path + ".address")) return;
    const bool is_inherited = forward == service.forward;
    bool& is_checked = address.is_v4() ? is_checked4 : is_checked6;
    if (is_inherited && is_checked) return;
    is_checked |= is_inherited;
    const std::string at = is_inherited ? path : real_path;
    CheckUse(model, service, forward, address, at + ".forward", problems);
  };
  for (size_t i = 0; i < service.reals.size(); ++i) {
    check(service.reals[i].forward, service.reals[i].address, ItemPath(path + ".reals", i));
  }
  if (service.fallback) {
    check(service.fallback->forward, service.fallback->address, path + ".fallback");
  }
}

void ValidateLocalAddresses(const ConfigModel& model, Problems& problems) {
  const std::vector<Written> all = AllOf(model);
  if (all.empty()) return;
  const Owners owners(model);
  for (const Written& written : all) CheckAddresses(model, written, owners, problems);
}

}  // namespace fairlead::control
