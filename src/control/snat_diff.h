// What a reload changes of source NAT, in sentences: the part of model_diff.h that is about `snat`.
// Threads: pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "control/config/model.h"

namespace fairlead::control {

std::vector<std::string> DescribeSnatChanges(const ConfigModel& before, const ConfigModel& after);
// As PortsWaitedFor says it of rules.
void AddSnatPortsWaitedFor(const ConfigModel& model, std::vector<Error>* errors);

}  // namespace fairlead::control
