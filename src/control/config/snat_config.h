// Source NAT (docs/snat.md): whose packets leave with which addresses.
//
//   for (const SnatConfig& rule : model.snat) …the first that matches counts…
//
// Threads: values.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "control/config/address_match.h"

namespace fairlead::control {

// Packets of these hosts that no service takes leave with another source (docs/snat.md).
struct SnatConfig {
  Prefix source{};
  std::string output{};             // name of a port; empty: every port but those of role inside
  std::vector<Prefix> addresses{};  // of the family of `source`; all of a network's are used
  PortRange ports{1024, 65535};     // of the addresses; identifiers of pings too
  friend bool operator==(const SnatConfig&, const SnatConfig&) = default;
};

inline constexpr size_t kMostSnatRules = 64;
inline constexpr size_t kMostSnatAddresses = 256;  // of one rule

// "10.0.0.0/24 output outside": what names a rule in sentences.
std::string TextOf(const SnatConfig& rule);
// Every single address of the rule. Precondition: the rule is valid.
std::vector<IpAddress> AddressesOf(const SnatConfig& rule);

}  // namespace fairlead::control
