// What there is to know of the line of a port: its own, and those of the members of its bond.
//
//   for (const MemberLine& member : line.members) …
//
// Threads: a value.
#pragma once

#include <string>
#include <vector>

#include "kernel/line.h"

namespace fairlead::edge {

struct MemberLine {
  std::string device;      // its name in DPDK: "net_af_packet0"
  bool is_up = false;      // its own line
  bool is_active = false;  // the bond uses it: sends by it, and takes what it receives
};

struct PortLine {
  // Of a bond: up while a member is active, with the speed of all of them.
  kernel::Line line;
  std::vector<MemberLine> members = {};  // empty: no bond
};

}  // namespace fairlead::edge
