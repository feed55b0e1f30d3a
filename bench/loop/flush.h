// Empties the tables between two passes of the worker-loop benchmark, off the clock.
//
//   FlushNewClients(bed);      // those of Traffic::new_percent
//   FlushEverything(bed);      // connections and templates
//
// Threads: main, between two spans of the bed.
#pragma once

#include "bed.h"

namespace fairlead::bench {

void FlushNewClients(Bed& bed);
void FlushEverything(Bed& bed);

}  // namespace fairlead::bench
