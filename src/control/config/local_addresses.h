// The addresses that FULLNAT speaks from, one by one.
//
//   ExpandLocalAddresses(model.prefix_sets, forward.local_addresses);
//   // 10.0.1.0/30 → 10.0.1.0, 10.0.1.1, 10.0.1.2, 10.0.1.3
//
// Threads: pure.
#pragma once

#include <cstddef>
#include <vector>

#include "control/config/model.h"

namespace fairlead::control {

inline constexpr size_t kMaxLocalLists = 4096;  // that differ, of a configuration

// Sorted, IPv4 first, each once. More than kMaxLocalAddresses of them when there are too many, but
// never many more: a prefix may have more addresses than memory has bytes. Sets that do not exist
// have none.
std::vector<IpAddress> ExpandLocalAddresses(const std::vector<PrefixSet>& sets,
                                            const LocalAddresses& addresses);

// Of a list as it is written, for whoever keeps something for each list: 100,000 reals may have the
// same one.
struct LocalAddressesHash {
  size_t operator()(const LocalAddresses& addresses) const noexcept;
};

}  // namespace fairlead::control
