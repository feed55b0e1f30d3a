// What health checks had found out, so that a dead real server stays dead over a restart.
//
//   std::string contents = EncodeHealth({.checks = monitor.Remembered(), .lost_quorums = …});
//   Result<KnownHealth> known = DecodeHealth(contents);
//   monitor.Recall(std::move(known->checks));      // before the first SetChecks
//
// Only checks of which there is something to say: down, or with answers that speak against their
// state, or that have been down before. All others are as at any start. Times are those of a clock
// on the wall, in milliseconds since 1970. Threads: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "control/identity.h"

namespace fairlead::control {

struct KnownCheck {
  std::string key{}, question{};  // of the check (health/monitor.h)
  std::vector<std::pair<ServiceIdentity, RealIdentity>> reals{};
  bool is_down = false;
  uint32_t streak = 0;  // answers in a row that speak against the state
  std::string detail{};
  // Behind all of the above in the file: one that lacks it is read as well.
  bool is_proven = true,
       is_back = false;   // as in CheckFacts (health/health_state.h), like the rest
  uint64_t since_ms = 0;  // 0: not known
  uint32_t downs = 0;
  uint64_t downtime_ms = 0;
  std::optional<uint32_t> weight{}, percent{};
  uint8_t wanted = 0;

  friend bool operator==(const KnownCheck&, const KnownCheck&) = default;
};

struct KnownHealth {
  std::vector<KnownCheck> checks{};
  std::vector<ServiceIdentity> lost_quorums{};
  friend bool operator==(const KnownHealth&, const KnownHealth&) = default;
};

std::string EncodeHealth(const KnownHealth& known);
Result<KnownHealth> DecodeHealth(std::string_view contents);

}  // namespace fairlead::control
