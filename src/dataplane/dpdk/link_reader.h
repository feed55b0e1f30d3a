// Whether the line of a device is up, and how fast it is.
//
//   LinkReader reader;
//   LinkState link = reader.Read("net_af_packet0,iface=eth1", dpdk_id);
//
// A NIC in user space is asked through its driver. net_af_packet and net_af_xdp call every
// interface up, so there the kernel is asked for the interface's carrier. A device for which
// nobody answers is as it was last. Threads: one.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace fairlead::edge {

struct LinkState {
  bool is_up = true;
  uint32_t speed_mbps = 0;      // 0: unknown
  bool is_full_duplex = false;  // with a speed
  friend bool operator==(const LinkState&, const LinkState&) = default;
};

class LinkReader {
 public:
  // `device` as configured.
  LinkState Read(const std::string& device, uint16_t dpdk_id);

 private:
  std::map<uint16_t, LinkState> last_;  // by DPDK's id
};

}  // namespace fairlead::edge
