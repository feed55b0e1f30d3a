// Kernel twins as the kernel has them: persistent tap interfaces that carry a mark. They outlive
// the director, with their addresses and routes; dataplane/dpdk/tap.h makes and adopts them.
//
//   for (const Twin& twin : *ListTwins(*netlink)) {
//     if (!twin.is_held()) RemoveLink(*netlink, twin.link.index);
//   }
//
// The mark is the alias of the interface, so it lives as long as the interface, and `ip link` shows
// it: "fairlead: kernel twin of director edge-1".
// Threads: the caller's; each call waits for the kernel.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/link.h"

namespace fairlead::kernel {

struct Twin {
  Link link;
  std::string director;

  // By a process, which is then a director that runs.
  [[nodiscard]] bool is_held() const { return link.has_carrier; }
};

std::string TwinAlias(const std::string& director);
Result<std::vector<Twin>> ListTwins(Netlink& netlink);

}  // namespace fairlead::kernel
