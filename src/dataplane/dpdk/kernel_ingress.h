// Keeps the kernel from hearing what the ports of packet sockets receive (kernel/ingress.h has
// how).
//
//   KernelIngress ingress;
//   ports[i].kernel_ingress = ingress.Close(spec);   // "closed", or "open: " and why
//   ingress.Own();                                   // the start is complete
//   ingress.Open();                                  // at the end, unless kernel twins stay
//
// What a start finds closed, an earlier director has left; it becomes ours to open when the start
// is complete. A start that fails leaves it as it was: perhaps that director is running.
// Nothing here stops a start: what cannot be closed is a warning with the remedy.
// Threads: main.
#pragma once

#include <string>
#include <vector>

#include "dataplane/dpdk/edge_config.h"

namespace fairlead::edge {

class KernelIngress {
 public:
  // What to show of the port, of a bond's members one that is open; empty when the kernel has no
  // part in it.
  std::string Close(const PortSpec& port);
  void Own();
  void Open();

 private:
  // Empty: it is closed; else why it stays open.
  std::string TryToClose(const PortSpec& port, const std::string& interface);

  std::vector<std::string> ours_;
  std::vector<std::string> found_;
};

}  // namespace fairlead::edge
