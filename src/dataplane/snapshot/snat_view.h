// The rules of source NAT as workers see them: inside hosts reach the world with an address of the
// director (docs/snat.md).
//
//   const SnatRule* rule = view.Find(source, destination, output, role_of_output);   // null: none
//   if (view.addresses.contains(destination)) …replies of the world come to such addresses…
//
// The first rule that matches counts. What goes to the rule's own network is not for the world, and
// keeps its source. Threads: immutable once it is in a snapshot.
#pragma once

#include <cstdint>
#include <unordered_set>
#include <vector>

#include "base/ids.h"
#include "base/ip_address.h"

namespace fairlead::dataplane {

// Places of counters; those of rules that are gone are used again last.
inline constexpr size_t kSnatSlots = 128;

struct SnatRule {
  Prefix source;
  PortId output;  // none: any port that is not inside
  std::vector<IpAddress> addresses;
  uint16_t first_port = 1024;
  uint16_t last_port = 65535;
  uint16_t slot = 0;  // below kSnatSlots
};

struct SnatView {
  std::vector<SnatRule> rules;
  std::unordered_set<IpAddress> addresses;  // of all rules
  std::vector<Prefix> past_sources;         // of rules that are gone: flows may be left

  // `is_inside`: the role of the output.
  [[nodiscard]] const SnatRule* Find(const IpAddress& source, const IpAddress& destination,
                                     PortId output, bool is_inside) const noexcept {
    for (const SnatRule& rule : rules) {
      if (!rule.source.Contains(source)) continue;
      if (rule.output.is_none() ? is_inside : rule.output != output) continue;
      const bool is_everywhere = rule.source.length == 0;
      return !is_everywhere && rule.source.Contains(destination) ? nullptr : &rule;
    }
    return nullptr;
  }
  [[nodiscard]] bool MayBePast(const IpAddress& source) const noexcept {
    for (const Prefix& past : past_sources) {
      if (past.Contains(source)) return true;
    }
    return false;
  }
  [[nodiscard]] bool MayBeFrom(const IpAddress& source) const noexcept {
    for (const SnatRule& rule : rules) {
      if (rule.source.Contains(source)) return true;
    }
    return false;
  }
};

}  // namespace fairlead::dataplane
