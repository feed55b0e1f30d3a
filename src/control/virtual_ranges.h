// The addresses that clients may take for ours although no service is found for them: networks that
// the rules of a mark name, and what was virtual once and is no more.
//
//   VirtualRanges ranges;                            // remembers what was virtual before
//   snapshot.virtual_ranges = ranges.Build(model, true);   // the same map while nothing differs
//
// decision.h (ClaimOn) says what workers make of them. What is gone is known until
// the director starts anew, and up to kMostGone of it. Threads: the control core.
#pragma once

#include <memory>
#include <vector>

#include "control/config/model.h"
#include "dataplane/snapshot/snapshot.h"

namespace fairlead::control {

class VirtualRanges {
 public:
  using Map = dataplane::PrefixMap<dataplane::VirtualRange>;
  static constexpr size_t kMostGone = 65536;

  // Null: there are none. `has_new_addresses`: virtual addresses or rules may differ from those of
  // the last call.
  const std::shared_ptr<const Map>& Build(const ConfigModel& model, bool has_new_addresses);

 private:
  std::vector<PrefixSet> sets_;  // of the last call
  std::vector<Prefix> virtual_;  // likewise, sorted: virtual addresses and ranges
  std::vector<Prefix> gone_;     // sorted
  std::shared_ptr<const Map> map_;
};

}  // namespace fairlead::control
