// Tells systemd (Type=notify) how far we are: sd_notify(3)'s protocol, which is one datagram.
#pragma once

#include <string_view>

namespace fairlead {

// "READY=1", "STOPPING=1". Does nothing when NOTIFY_SOCKET is not set. Never waits: false when the
// manager's queue is full and the state has to be sent again; other failures are logged.
bool NotifyServiceManager(std::string_view state);

}  // namespace fairlead
