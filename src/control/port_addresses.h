// Which addresses the ports have: those of the configuration, and whatever is on their kernel
// twins, whoever put it there.
//
//   PortAddresses addresses = AddressesOf(model, kernel);
//   for (const Prefix& prefix : addresses[port.index()]) …        // configured ones first
//
// Which of all are answered for says presence.h. Threads: pure.
#pragma once

#include <vector>

#include "control/config/model.h"
#include "control/kernel_network.h"

namespace fairlead::control {

// By PortId; host bits are the address.
using PortAddresses = std::vector<std::vector<Prefix>>;

// `kernel`: null, the twins have what the configuration names.
PortAddresses AddressesOf(const ConfigModel& model, const KernelNetwork* kernel);

}  // namespace fairlead::control
