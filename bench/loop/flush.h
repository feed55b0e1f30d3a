// What is done to the tables between two passes of the worker-loop benchmark, off the clock.
//
//   FlushNewClients(bed);      // those of Traffic::new_percent
//   FlushEverything(bed);      // connections and templates
//   MarkTold(bed);             // FULLNAT with TOA: each real has shown that it knows its client
//
// Threads: main, between two spans of the bed.
#pragma once

#include "bed.h"

namespace fairlead::bench {

void FlushNewClients(Bed& bed);
void FlushEverything(Bed& bed);
// As an answer of each real would (path/client_told.h); the bed has none.
void MarkTold(Bed& bed);

}  // namespace fairlead::bench
