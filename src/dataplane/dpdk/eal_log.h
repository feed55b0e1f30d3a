// DPDK's log, line by line, through ours; its errors are also kept for the message of a failure.
//
//   SendDpdkLogToOurs();                 // once, before rte_eal_init
//   …something fails…
//   "…: " + TakeDpdkErrors()
//
// Threads: any; a lock. Never on the packet path: drivers log at start and at faults.
#pragma once

#include <string>

namespace fairlead::edge {

void SendDpdkLogToOurs();

// The latest error lines since the last call, joined by "; ".
std::string TakeDpdkErrors();

}  // namespace fairlead::edge
