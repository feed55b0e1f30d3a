// What FULLNAT's local addresses and its ways to tell a real of its client must hold.
#include <algorithm>
#include <map>
#include <unordered_set>
#include <utility>

#include "control/config/address_users.h"
#include "control/config/find_set.h"
#include "control/config/local_addresses.h"
#include "control/config/names.h"
#include "control/config/validate.h"
#include "control/config/validate_util.h"

namespace fairlead::control {
namespace {

// A list of local addresses, and which of all `forward` of the model has it first.
struct Written {
  static constexpr size_t kNone = ~size_t{0}, kFallback = kNone - 1;

  const LocalAddresses* addresses;
  size_t service = kNone;  // none: of the defaults
  size_t real = kNone;     // none: of the service

  [[nodiscard]] std::string Path() const {
    std::string path = "defaults";
    if (service != kNone) path = ItemPath("services", service);
    if (real == kFallback) {
      path += ".fallback";
    } else if (real != kNone) {
      path = ItemPath(path + ".reals", real);
    }
    return path + ".forward.local_addresses";
  }
};

// Every list once, however many services and reals have it. What is inherited stands where it is
// inherited from.
std::vector<Written> AllOf(const ConfigModel& model) {
  std::vector<Written> all;
  std::unordered_set<LocalAddresses, LocalAddressesHash> known;
  const auto add = [&](const Forwarding& forward, const Forwarding& inherited, size_t service,
                       size_t real) {
    if (!HasLocalAddresses(forward.method) || inherited == forward) return;
    if (!known.insert(forward.local_addresses).second) return;
    all.push_back({&forward.local_addresses, service, real});
  };
  add(model.defaults.forward, {}, Written::kNone, Written::kNone);
  for (size_t i = 0; i < model.services.size(); ++i) {
    const ServiceConfig& service = model.services[i];
    add(service.forward, model.defaults.forward, i, Written::kNone);
    for (size_t r = 0; r < service.reals.size(); ++r) {
      add(service.reals[r].forward, service.forward, i, r);
    }
    if (service.fallback) add(service.fallback->forward, service.forward, i, Written::kFallback);
  }
  return all;
}

// A port's own address may be a local one, unless a kernel twin may itself speak to a real server
// from it, by a port that is in use here.
void NoteTwins(const ConfigModel& model, AddressUsers& users) {
  for (const PortConfig& port : model.ports) {
    if (port.exception != ExceptionPath::kTap) continue;
    for (const Prefix& own : port.addresses) {
      users.Note(own.address, "which is also the kernel's, on port ", port.name);
    }
  }
}

// As virtual_addresses.h counts them.
void NoteVirtualAddresses(const ConfigModel& model, AddressUsers& users) {
  std::map<std::pair<uint32_t, Family>, const ServiceConfig*> by_mark;
  for (const ServiceConfig& service : model.services) {
    if (service.is_mark()) {
      by_mark.emplace(std::pair(service.mark, service.family), &service);
    } else {
      users.Note(service.address, "the address of service ", service.name);
    }
  }
  for (const ClassifierRule& rule : model.classifier) {
    for (const Prefix& to : rule.destination.prefixes) {
      const auto service = by_mark.find({rule.mark, to.address.family()});
      if (service == by_mark.end() || to.length != to.address.bit_length()) continue;
      users.Note(to.address, "a virtual address of service ", service->second->name);
    }
  }
}

void NoteAll(const ConfigModel& model, AddressUsers& users) {
  NoteTwins(model, users);
  users.NoteNetworks(model);
  users.NoteGateways(model);
  NoteVirtualAddresses(model, users);
  users.NoteReals(model);
  for (const SnatConfig& rule : model.snat) {
    for (const IpAddress& address : AddressesOf(rule)) {
      users.Note(address, "an address of the snat rule for ", rule.source);
    }
  }
}

// The addresses of a list; none, with a word, when it cannot be one.
std::vector<IpAddress> CheckList(const ConfigModel& model, const Written& written,
                                 Problems& problems) {
  const std::string at = written.Path();
  if (written.addresses->empty() || problems.IsBroken(at)) return {};
  CheckSets(model, written.addresses->match(), at, problems);
  if (problems.IsBroken(at) || problems.IsBroken("prefix_sets")) return {};
  std::vector<IpAddress> addresses = ExpandLocalAddresses(model.prefix_sets, *written.addresses);
  if (addresses.empty()) problems.Add(at, "has no address: its prefix sets are empty");
  if (addresses.size() <= kMaxLocalAddresses) return addresses;
  problems.Add(at, "has more than " + std::to_string(kMaxLocalAddresses) +
                       " addresses; write a longer prefix, such as 10.0.1.0/28 or "
                       "fd00:1::/124");
  return {};
}

bool HasOneOf(Family family, const ConfigModel& model, const LocalAddresses& addresses) {
  const auto is_of_it = [family](const Prefix& p) { return p.address.family() == family; };
  return std::ranges::any_of(addresses.prefixes, is_of_it) ||
         std::ranges::any_of(addresses.sets, [&](const std::string& name) {
           const PrefixSet* const set = FindPrefixSet(model.prefix_sets, name);
           // One that is not there is reported as such.
           return set == nullptr || std::ranges::any_of(set->prefixes, is_of_it);
         });
}

// `path`: of the `forward` of the service, the real or the fallback that is forwarded to like this.
void CheckUse(const ConfigModel& model, const ServiceConfig& service, const Forwarding& forward,
              const IpAddress& real, const std::string& path, Problems& problems) {
  const std::string addresses = path + ".local_addresses";
  // An empty list was found by the reader, wherever it is inherited from.
  if (!forward.local_addresses.empty() &&
      !HasOneOf(real.family(), model, forward.local_addresses) && !problems.IsBroken(addresses) &&
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

void CheckFullnat(const ConfigModel& model, Problems& problems) {
  for (size_t i = 0; i < model.services.size(); ++i) {
    CheckFullnat(model, model.services[i], ItemPath("services", i), problems);
  }
}

void ValidateLocalAddresses(const ConfigModel& model, Problems& problems) {
  const std::vector<Written> all = AllOf(model);
  if (all.size() > kMaxLocalLists) {
    problems.Add(all[kMaxLocalLists].Path(),
                 "is one of " + std::to_string(all.size()) + " different lists; at most " +
                     std::to_string(kMaxLocalLists) +
                     " are possible. Give real servers the same list, or a prefix set: a port "
                     "may be used towards each of them at once");
    return;
  }
  AddressUsers users;
  std::vector<std::vector<IpAddress>> lists;
  for (const Written& written : all) {
    for (const IpAddress& address : lists.emplace_back(CheckList(model, written, problems))) {
      users.Ask(address);
    }
  }
  if (all.empty()) return;
  NoteAll(model, users);
  for (size_t i = 0; i < all.size(); ++i) {
    users.Report(lists[i], "contains", "local addresses must be nobody else's", all[i].Path(),
                 problems);
  }
}

}  // namespace fairlead::control
