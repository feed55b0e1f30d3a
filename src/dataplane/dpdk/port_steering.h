// Brings packets to the worker that owns them, as far as a port can: by a hash over the client's
// side, else by flow rules that say the same, else not at all, and workers hand over.
//
//   RssPlan plan;
//   if (int e = ConfigureSteering(nic, wish, &plan); e != 0) …the device cannot be configured
//   …start it…
//   FinishSteering(nic, wish, &plan);
//   plan.steering, plan.why_not      // what it has come to
//
// Theory. Flow rules are for two cases: a driver that hashes one side only where a rule says so,
// and a device whose VLANs have different roles, so that the side differs from frame to frame.
// There is one for TCP and UDP of each family and VLAN. All are taken or none; which shape of rule
// a driver takes is tried out (steering_rule.h). A driver that takes a rule and does something else
// costs speed alone: what arrives at the wrong worker is handed over, and counted.
//
// Threads: main, at the start.
#pragma once

#include <cstdint>
#include <vector>

#include "base/toeplitz.h"
#include "dataplane/dpdk/rss_plan.h"
#include "dataplane/dpdk/steering_nic.h"

namespace fairlead::edge {

struct SteeringWish {
  std::vector<VlanSide> sides;  // of the device's ports; at least one
  uint16_t rx_queues = 1;
  size_t workers = 1;
  ToeplitzKey key = kDefaultToeplitzKey;
};

// Returns the driver's error when it refuses even the least.
int ConfigureSteering(SteeringNic& nic, const SteeringWish& wish, RssPlan* plan);
void FinishSteering(SteeringNic& nic, const SteeringWish& wish, RssPlan* plan);

}  // namespace fairlead::edge
