// Whether a start would take up an arena, asked while another process still has it.
//
//   if (Status s = CheckTakeUp(spec); !s) …do not begin; s.error() says why…
//
// It reads and maps read-only, and changes nothing, so that the process that runs is not disturbed;
// what it asks can have changed when the arena is opened. Threads: one; start-up only.
#pragma once

#include "base/result.h"
#include "dataplane/tables/arena_spec.h"

namespace fairlead::dataplane {

// Errors: there is no arena, its records would be lost, or there is no room for those that would
// have to be moved.
Status CheckTakeUp(ArenaSpec spec);

}  // namespace fairlead::dataplane
