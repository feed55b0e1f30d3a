// Hands devices to DPDK, which is started without any: so it can start while another process still
// has them (docs/upgrade.md).
//
//   Status attached = AttachDevice(DeviceUseOf(config.ports, p), config.workers);
//   …Port::Start, Port::Stop…
//   DetachDevice(config.ports[p]);             // another process may have it
//
// Threads: the one that started DPDK.
#pragma once

#include <cstddef>

#include "base/result.h"
#include "dataplane/dpdk/device.h"

namespace fairlead::edge {

// Of a bond each member. Errors: no driver of DPDK knows it, or it refuses.
Status AttachDevice(const DeviceUse& use, size_t workers);
// Of a stopped port. What is no PCI device has nothing left to give back.
void DetachDevice(const PortSpec& port);

}  // namespace fairlead::edge
