// The addresses clients connect to, and those that source NAT writes: what the director answers
// ARP, ND and echo for.
//
//   for (const VirtualAddress& v : VirtualAddresses(model)) Announce(v.address, v.announce);
//
// Of an address service its address. A mark service has none of its own: its virtual addresses are
// the single addresses (not networks, not sets) that the destination of a rule with its mark names.
// Those of source NAT, which replies come to, are announced as policy.announce says.
// Threads: pure.
#pragma once

#include <vector>

#include "control/config/model.h"

namespace fairlead::control {

struct VirtualAddress {
  IpAddress address;
  Announce announce = Announce::kNever;  // that of its services which says most
  friend bool operator==(const VirtualAddress&, const VirtualAddress&) = default;
};

// Each once, sorted by address. An address of a port may be among them.
std::vector<VirtualAddress> VirtualAddresses(const ConfigModel& model);

}  // namespace fairlead::control
