// Tells systemd (Type=notify) how far we are: sd_notify(3)'s protocol, which is one datagram.
#pragma once

#include <string_view>

namespace fairlead {

// "READY=1", "STOPPING=1". Does nothing when NOTIFY_SOCKET is not set.
void NotifyServiceManager(std::string_view state);

}  // namespace fairlead
