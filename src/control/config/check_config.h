// `fairlead check` and `fairleadd --check`: a file as the loader sees it, and what else a start as
// the unit's user would stumble over on this machine.
//
//   const LoadResult loaded = CheckConfig("/etc/fairlead/fairlead.yaml");
//
// All that is found beyond the loader's errors is a warning: the file may be for another machine.
// Threads: any.
#pragma once

#include <string>

#include "control/config/yaml_loader.h"

namespace fairlead::control {

LoadResult CheckConfig(const std::string& path);

// The warnings alone, with `place` before them; for what has come from elsewhere than a file.
void AddMachineWarnings(const std::string& place, LoadResult* loaded);

}  // namespace fairlead::control
