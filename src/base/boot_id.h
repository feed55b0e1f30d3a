// Which start of the kernel this is. What counts time from then on means something else after
// another one.
#pragma once

#include <string>

namespace fairlead {

// From /proc/sys/kernel/random/boot_id: 36 characters. Empty: it cannot be read.
std::string BootId();

}  // namespace fairlead
