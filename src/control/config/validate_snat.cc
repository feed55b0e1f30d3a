#include <algorithm>
#include <optional>
#include <set>

#include "control/config/address_users.h"
#include "control/config/machine_warnings.h"
#include "control/config/names.h"
#include "control/config/validate.h"
#include "control/config/validate_util.h"

namespace fairlead::control {
namespace {

// Addresses of a network, at most one more than a rule may have.
size_t CountOf(const Prefix& prefix) {
  const int bits = prefix.address.bit_length() - prefix.length;
  return bits > 8 ? kMostSnatAddresses + 1 : size_t{1} << bits;
}

IpAddress AddressAt(const Prefix& prefix, size_t index) {
  if (prefix.address.is_v4()) {
    const uint32_t first = prefix.network().v4().value.host();
    return Ipv4Address::FromHost(first + static_cast<uint32_t>(index));
  }
  Ipv6Address address = prefix.network().v6();
  address.bytes[15] = static_cast<uint8_t>(address.bytes[15] + index);  // 256 at the most
  return address;
}

void CheckAddresses(const SnatConfig& rule, const std::string& path, Problems& problems) {
  size_t count = 0;
  for (const Prefix& prefix : rule.addresses) {
    if (prefix.address.family() != rule.source.address.family()) {
      problems.Add(path + ".addresses", prefix.ToString() + " is not of the IP version of source");
      return;
    }
    count += CountOf(prefix);
  }
  if (count > kMostSnatAddresses) {
    problems.Add(path + ".addresses",
                 "are more than " + std::to_string(kMostSnatAddresses) +
                     "; one address serves 64,512 ports for each endpoint in the world");
    return;
  }
  std::set<IpAddress> seen;
  for (const IpAddress& address : AddressesOf(rule)) {
    if (seen.insert(address).second) continue;
    problems.Add(path + ".addresses", "have " + address.ToString() + " twice");
    return;
  }
}

// Who cannot have an address of a rule: what comes from a real server is no reply of the world, and
// who answers for a router's address or for a whole network takes both off the network. A port's
// own address may be one. (FULLNAT's addresses: validate_fullnat.cc.)
AddressUsers OthersAmong(const ConfigModel& model) {
  AddressUsers users;
  for (const SnatConfig& rule : model.snat) {
    for (const IpAddress& address : AddressesOf(rule)) users.Ask(address);
  }
  users.NoteNetworks(model);
  users.NoteGateways(model);
  users.NoteReals(model);
  return users;
}

// Whether every packet that `later` matches is one that `earlier` has taken.
bool Covers(const SnatConfig& earlier, const SnatConfig& later) {
  return (earlier.output.empty() || earlier.output == later.output) &&
         earlier.source.length <= later.source.length &&
         earlier.source.Contains(later.source.address);
}

bool HasOutput(const ConfigModel& model, const SnatConfig& rule) {
  return rule.output.empty() ||
         std::ranges::find(model.ports, rule.output, &PortConfig::name) != model.ports.end();
}

// The network of a port from which packets leave by this rule.
bool IsOnLink(const ConfigModel& model, const SnatConfig& rule, const IpAddress& address) {
  return std::ranges::any_of(model.ports, [&](const PortConfig& port) {
    const bool is_output =
        rule.output.empty() ? port.role != PortRole::kInside : port.name == rule.output;
    return is_output && std::ranges::any_of(port.addresses, [&](const Prefix& own) {
             return own.Contains(address);
           });
  });
}

void WarnOfServices(const ConfigModel& model, const SnatConfig& rule, const IpAddress& address,
                    const std::string& path, const AddWarning& add) {
  for (const ServiceConfig& service : model.services) {
    if (service.is_mark() || service.address != address) continue;
    if (service.port == 0) {
      add(path, address.ToString() + " is the address of service " + Quote(service.name) +
                    ", which takes all ports: none is left for " +
                    std::string(ToWord(service.protocol)) + " flows of this rule");
    } else if (service.port >= rule.ports.first && service.port <= rule.ports.last) {
      add(path, "port " + std::to_string(service.port) + " of " + address.ToString() +
                    " belongs to service " + Quote(service.name) +
                    ": flows of this rule get others");
    }
  }
}

void WarnOfTwins(const ConfigModel& model, const IpAddress& address, const std::string& path,
                 const AddWarning& add) {
  for (const PortConfig& port : model.ports) {
    if (port.exception != ExceptionPath::kTap) continue;
    if (std::ranges::find(port.addresses, address, &Prefix::address) == port.addresses.end()) {
      continue;
    }
    add(path, address.ToString() + " is also the kernel's, on the twin of port " +
                  Quote(port.name) +
                  ": keep `ports` apart from net.ipv4.ip_local_port_range, or give the rule an "
                  "address of its own");
  }
}

// UDP has no first packet: what such a real server sends may be a late answer to a client.
void WarnOfAnyPortReals(const ConfigModel& model, const AddWarning& add) {
  const auto is_translated = [&model](const IpAddress& address) {
    return std::ranges::any_of(
        model.snat, [&](const SnatConfig& rule) { return rule.source.Contains(address); });
  };
  for (size_t i = 0; i < model.services.size(); ++i) {
    const ServiceConfig& service = model.services[i];
    if (service.port != 0 || service.protocol == Protocol::kTcp) continue;
    const auto real = std::ranges::find_if(service.reals, [&](const RealConfig& each) {
      return each.forward.method == ForwardMethod::kNat && is_translated(each.address);
    });
    if (real == service.reals.end()) continue;
    const auto place = static_cast<size_t>(real - service.reals.begin());
    add(ItemPath(ItemPath("services", i) + ".reals", place),
        "is a real server of NAT for UDP on every port: what " + real->address.ToString() +
            " itself asks over UDP, such as DNS questions, leaves with its own address and not by "
            "a rule of snat. Let it ask over TCP, forward to it by dr, tun or fullnat, or give "
            "the service one port");
  }
}

}  // namespace

std::string TextOf(const SnatConfig& rule) {
  return rule.source.ToString() + (rule.output.empty() ? "" : " output " + rule.output);
}

std::vector<IpAddress> AddressesOf(const SnatConfig& rule) {
  std::vector<IpAddress> all;
  for (const Prefix& prefix : rule.addresses) {
    for (size_t i = 0; i < CountOf(prefix); ++i) all.push_back(AddressAt(prefix, i));
  }
  return all;
}

void ValidateSnat(const ConfigModel& model, Problems& problems) {
  if (model.snat.size() > kMostSnatRules) {
    problems.Add("snat", "has " + std::to_string(model.snat.size()) + " rules; at most " +
                             std::to_string(kMostSnatRules) + " are possible");
    return;
  }
  FirstPlaces<std::string> matches;
  std::optional<AddressUsers> users;
  for (size_t i = 0; i < model.snat.size(); ++i) {
    const SnatConfig& rule = model.snat[i];
    const std::string path = ItemPath("snat", i);
    if (problems.IsBroken(path + ".source")) continue;
    if (const std::string* first = matches.Earlier(TextOf(rule), path)) {
      problems.Add(path, "can never match: the rule at " + problems.Where(*first) +
                             " has the same source and output, and the first one counts");
    }
    const std::string addresses = path + ".addresses";
    if (!problems.IsBroken(addresses)) CheckAddresses(rule, path, problems);
    if (!problems.IsBroken(addresses)) {
      if (!users) users = OthersAmong(model);
      users->Report(AddressesOf(rule), "contain", "source NAT needs addresses that nobody else has",
                    addresses, problems);
    }
    if (problems.IsBroken("ports") || HasOutput(model, rule)) continue;
    problems.Add(path + ".output",
                 "there is no port " + Quote(rule.output) +
                     DidYouMean(rule.output, model.ports, &PortConfig::name, problems));
  }
}

void WarnOfSnat(const ConfigModel& model, const AddWarning& add) {
  if (!model.snat.empty()) WarnOfAnyPortReals(model, add);
  for (size_t i = 0; i < model.snat.size(); ++i) {
    const SnatConfig& rule = model.snat[i];
    const std::string path = ItemPath("snat", i);
    for (size_t earlier = 0; earlier < i; ++earlier) {
      if (!Covers(model.snat[earlier], rule)) continue;
      add(path, "will never match: " + ItemPath("snat", earlier) +
                    " takes all of its packets; put the narrower rule first");
      break;
    }
    bool is_strange = false;  // said of one address of a rule
    for (const IpAddress& address : AddressesOf(rule)) {
      WarnOfServices(model, rule, address, path + ".addresses", add);
      WarnOfTwins(model, address, path + ".addresses", add);
      if (is_strange || IsOnLink(model, rule, address)) continue;
      is_strange = true;
      add(path + ".addresses", address.ToString() +
                                   " is in no network of an output port: the routers there need a "
                                   "route to it by this director, or no reply comes back");
    }
  }
}

}  // namespace fairlead::control
