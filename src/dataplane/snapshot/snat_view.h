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
#include "dataplane/tables/local_ports.h"

namespace fairlead::dataplane {

// Places of counters; those of rules that are gone are used again last.
inline constexpr size_t kSnatSlots = 128;

struct SnatRule : LocalPool {
  Prefix source;
  PortId output;      // none: any port that is not inside
  uint16_t slot = 0;  // of its counters; below kSnatSlots
  uint32_t use = 0;   // how many other rules had the slot before
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
  // Whether a packet of some source of a rule is translated on its way to this destination.
  [[nodiscard]] bool MayTranslateTo(const IpAddress& destination, PortId output,
                                    bool is_inside) const noexcept {
    for (const SnatRule& rule : rules) {
      if (rule.output.is_none() ? is_inside : rule.output != output) continue;
      if (rule.source.address.family() != destination.family()) continue;
      if (rule.source.length == 0 || !rule.source.Contains(destination)) return true;
    }
    return false;
  }
  // The first rule that this host belongs to.
  [[nodiscard]] const SnatRule* Of(const IpAddress& source) const noexcept {
    for (const SnatRule& rule : rules) {
      if (rule.source.Contains(source)) return &rule;
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
    return Of(source) != nullptr;
  }
};

}  // namespace fairlead::dataplane
