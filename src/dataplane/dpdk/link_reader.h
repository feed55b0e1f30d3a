// Whether the line of a device is up, and how fast it is.
//
//   LinkReader reader;
//   kernel::Line line = reader.Read("net_af_packet0,iface=eth1", dpdk_id);
//
// A NIC in user space is asked through its driver. net_af_packet and net_af_xdp call every
// interface up, so there the kernel is asked for the interface's carrier. A device for which
// nobody answers is as it was last, and up before the first answer. Threads: one.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "kernel/line.h"

namespace fairlead::edge {

class LinkReader {
 public:
  // `device` as configured.
  kernel::Line Read(const std::string& device, uint16_t dpdk_id);

 private:
  std::map<uint16_t, kernel::Line> last_;  // by DPDK's id
};

}  // namespace fairlead::edge
