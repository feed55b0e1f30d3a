// What health checks had found out, so that a dead real server stays dead over a restart.
//
//   std::string contents = EncodeHealth(monitor.Remembered());
//   Result<std::vector<KnownCheck>> checks = DecodeHealth(contents);
//   monitor.Recall(*std::move(checks));            // before the first SetChecks
//
// Only checks of which there is something to say: down, or with answers that speak against their
// state. All others are up, as at any start. Threads: values.
#pragma once

#include <cstdint>
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
};

std::string EncodeHealth(const std::vector<KnownCheck>& checks);
Result<std::vector<KnownCheck>> DecodeHealth(std::string_view contents);

}  // namespace fairlead::control
