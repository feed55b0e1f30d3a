// Says in the log that a rule of source NAT has no port left.
//
//   watch.Look(*in_force.model, *snapshot, fabric.stats, now);     // every few seconds
//
// Workers only count (SnatCounters::exhausted): a line for each packet would be a flood of its own.
// A rule is named at most once in kSnatWarningInterval. Threads: the control core.
#pragma once

#include <array>

#include "control/config/model.h"
#include "control/time_point.h"
#include "dataplane/shard/counters.h"
#include "dataplane/snapshot/snapshot.h"

namespace fairlead::control {

inline constexpr std::chrono::seconds kSnatWarningInterval{10};

class SnatWatch {
 public:
  // Returns how many rules were named.
  size_t Look(const ConfigModel& model, const dataplane::Snapshot& snapshot,
              const dataplane::StatsBoard& stats, TimePoint now);

 private:
  struct Seen {
    uint64_t exhausted = 0;  // when the rule was last named
    TimePoint next{};
  };
  std::array<Seen, dataplane::kSnatSlots> seen_{};
};

}  // namespace fairlead::control
