// Limits of the process that are set at start.
#pragma once

namespace fairlead {

// Open files: as many as the process may have. The default soft limit of 1,024 is for programs that
// use select(); health checks and API clients need one each. Before anything counts on it.
void RaiseDescriptorLimit();

}  // namespace fairlead
