// Which devices the ports of a model take: those of their own, or the members of a bond.
//
//   for (const std::string& device : DevicesOf(port)) …
//   IsSameDevice("3b:00.0", "0000:3b:00.0,rx_vec_en=1")   // true
//
// Threads: pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/config/model.h"

namespace fairlead::control {

std::vector<std::string> DevicesOf(const PortConfig& port);

// The same PCI device, the same name in DPDK, or the same interface of the kernel.
bool IsSameDevice(std::string_view one, std::string_view other);
// The same PCI device or the same name in DPDK, whatever the arguments are.
bool HasSameName(std::string_view one, std::string_view other);

// What is wrong with the form of a device, with a remedy; empty: nothing is known to be. Names that
// nobody here has heard of are DPDK's to judge, which has drivers and buses of its own.
std::string FaultOfDevice(std::string_view device);

// What stands before the arguments: "net_af_packet0".
std::string_view DeviceName(std::string_view device);
// The arguments with the comma before them: ",iface=eth1"; empty: there are none.
std::string_view ArgumentsOf(std::string_view device);

// The whole of a bond in one line, the same for bonds that are the same:
// "bond active-backup: 0000:3b:00.0 0000:3b:00.1 primary 0000:3b:00.1".
std::string BondText(const BondConfig& bond);

}  // namespace fairlead::control
