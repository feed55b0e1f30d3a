// Tells systemd (Type=notify) how far we are: sd_notify(3)'s protocol, which is one datagram; and
// how often it wants to hear that we work (sd_watchdog_enabled(3)).
#pragma once

#include <chrono>
#include <string_view>

namespace fairlead {

// "READY=1", "WATCHDOG=1", "STOPPING=1". Does nothing when NOTIFY_SOCKET is not set. Never waits:
// false when the manager's queue is full and the state has to be sent again; other failures are
// logged.
bool NotifyServiceManager(std::string_view state);

// Within which the manager wants a WATCHDOG=1, else it ends us; 0: it does not ask this process.
std::chrono::microseconds WatchdogPeriod();

}  // namespace fairlead
