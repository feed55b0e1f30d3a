// The interfaces of this network namespace, as rtnetlink lists them.
//
//   Result<std::optional<Link>> link = FindLink(*netlink, "fl-outside");
//   if (*link && (*link)->is_tap) RemoveLink(*netlink, (*link)->index);
//
// Threads: the caller's; each call waits for the kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/netlink.h"

namespace fairlead::kernel {

struct Link {
  unsigned index = 0;
  std::string name;
  std::string kind;                    // "veth", "tun", …; empty: the device of a driver
  std::string alias;                   // text that belongs to the interface: ip link set … alias
  unsigned master = 0;                 // index of the bridge or bond
  unsigned below = 0;                  // index of the interface it is made on; a veth: of its peer
  bool is_of_other_namespace = false;  // `below` is
  bool has_carrier = false;            // of a tap: a process has it open
  bool is_tap = false;
  bool is_multi_queue = false;  // a tap that several descriptors may share
  bool has_headers = false;     // a tap that puts headers before its frames (PI, virtio)
};

Result<std::vector<Link>> ListLinks(Netlink& netlink);
// Empty: there is none of that name.
Result<std::optional<Link>> FindLink(Netlink& netlink, const std::string& name);

// Up, without ARP and ND: the workers resolve, the kernel never asks. `alias`: at most 255 bytes.
Status BringUp(Netlink& netlink, unsigned interface, uint32_t mtu_bytes, const std::string& alias);
Status RemoveLink(Netlink& netlink, unsigned interface);

}  // namespace fairlead::kernel
