// What rules hold addresses and ports against.
//
//   rule.source = {.sets = {"aol"}, .prefixes = {*Prefix::Parse("10.0.0.0/8")}};
//   rule.destination_ports = {{80, 80}, {8000, 8099}};
//
// Threads: values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ip_address.h"

namespace fairlead::control {

// Any of these; both empty means every address.
struct AddressMatch {
  std::vector<std::string> sets{};  // names of prefix sets, without the "@"
  std::vector<Prefix> prefixes{};
  [[nodiscard]] bool is_any() const { return sets.empty() && prefixes.empty(); }
  friend bool operator==(const AddressMatch&, const AddressMatch&) = default;
};

struct PortRange {  // both ends included
  uint16_t first = 0;
  uint16_t last = 0;
  friend bool operator==(const PortRange&, const PortRange&) = default;
};

}  // namespace fairlead::control
