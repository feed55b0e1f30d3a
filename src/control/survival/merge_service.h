// One service, changed by hand on one side and in the file on the other.
//
//   std::vector<std::string> conflicts;
//   ServiceConfig merged = MergeService(file_before, running, file_now, &conflicts);
//
// Key by key, and real by real: who has changed it has it; where both have, the file, and the
// sentence says what it was about. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "control/config/model.h"

namespace fairlead::control {

ServiceConfig MergeService(const ServiceConfig& before, const ServiceConfig& running,
                           const ServiceConfig& now, std::vector<std::string>* conflicts);
TimeoutsConfig MergeTimeouts(const TimeoutsConfig& before, const TimeoutsConfig& running,
                             const TimeoutsConfig& now, std::vector<std::string>* conflicts);
PolicyConfig MergePolicy(const PolicyConfig& before, const PolicyConfig& running,
                         const PolicyConfig& now, std::vector<std::string>* conflicts);

}  // namespace fairlead::control
