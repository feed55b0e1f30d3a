// A drain that was asked for at run time: until when, and whether the real is removed after it.
//
//   overlay.SetDrain({service, real}, {.until = now + 10min, .then_remove = true});
//   for (const DrainStep& step : DueDrains(intent, ids, loads, now)) …carry it out…
//
// The life of one: `drain` (docs/draining.md) until no connection is left or the deadline passes;
// then its remains are reset, and the real goes if that was wanted. Setting another state, a reload
// and removing the real end it. Threads: pure; the control core.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/time_point.h"

namespace fairlead::sched {
class LoadBoard;
}

namespace fairlead::control {

class IdMap;
struct Intent;

struct DrainPlan {
  std::optional<TimePoint> until{};  // none: as long as it takes
  bool then_remove = false;
  bool is_over = false;  // the deadline has passed; what is left is reset
  friend bool operator==(const DrainPlan&, const DrainPlan&) = default;
};

// What a drain needs now.
struct DrainStep {
  enum class Kind : uint8_t { kReset, kRemove };
  Kind kind = Kind::kReset;
  std::string service, real;  // names
  uint64_t connections_left = 0;
};

// Precondition: the intent is in force on every worker, so that the counts can only fall.
std::vector<DrainStep> DueDrains(const Intent& intent, const IdMap& ids,
                                 const sched::LoadBoard& loads, TimePoint now);

// The intent with this drain's deadline passed.
Intent WithDrainOver(const Intent& intent, const DrainStep& step);

}  // namespace fairlead::control
