// Which commands a change by hand may name: programs of director.scripts, and what its service has
// named already. And which files with passwords: those that its service has named already, since
// who names a file and the server that is asked could else read it.
//
//   CheckCommands(service, &earlier, director.scripts, "services[2]", problems);
//
// Asked when a change is made, and when it is made again over a file after a restart. Pure.
#pragma once

#include <string>
#include <vector>

#include "control/config/model.h"
#include "control/config/problems.h"

namespace fairlead::control {

// `earlier`: the service as it is in force, or in the file; null: it is new. `path`: of `service`.
void CheckCommands(const ServiceConfig& service, const ServiceConfig* earlier,
                   const std::vector<std::string>& scripts, const std::string& path,
                   Problems& problems);

}  // namespace fairlead::control
