// The addresses that FULLNAT speaks from, one by one.
//
//   ExpandLocalAddresses(model.prefix_sets, forward.local_addresses);
//   // 10.0.1.0/30 → 10.0.1.0, 10.0.1.1, 10.0.1.2, 10.0.1.3
//
// Threads: pure.
#pragma once

#include <vector>

#include "control/config/model.h"

namespace fairlead::control {

// Sorted, IPv4 first, each once. More than kMaxLocalAddresses of them when there are too many, but
// never many more: a prefix may have more addresses than memory has bytes. Sets that do not exist
// have none.
std::vector<IpAddress> ExpandLocalAddresses(const std::vector<PrefixSet>& sets,
                                            const LocalAddresses& addresses);

}  // namespace fairlead::control
