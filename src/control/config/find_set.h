// A prefix set by its name. Threads: pure.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "control/config/model.h"

namespace fairlead::control {

// Null when there is none. Precondition: `sets` are a model's, sorted by name: as many rules as a
// file has may name as many sets.
inline const PrefixSet* FindPrefixSet(const std::vector<PrefixSet>& sets, std::string_view name) {
  const auto it = std::ranges::lower_bound(sets, name, {}, &PrefixSet::name);
  return it == sets.end() || it->name != name ? nullptr : &*it;
}

}  // namespace fairlead::control
