#include "dataplane/dpdk/attach.h"

#include <rte_dev.h>
#include <rte_errno.h>

#include <string>
#include <utility>

#include "base/log.h"
#include "dataplane/dpdk/eal_log.h"

namespace fairlead::edge {

namespace {

Status AttachOne(const DeviceUse& use, size_t workers) {
  const std::string device = DeviceArguments(use, workers);
  TakeDpdkErrors();  // of what was before
  const int error = rte_dev_probe(device.c_str());
  if (error == 0) return Done{};
  std::string why = TakeDpdkErrors();
  if (why.empty()) why = rte_strerror(-error);
  if (why.find("parse device") != std::string::npos) {
    why +=
        "; a device is a PCI address or a vdev of a driver DPDK has, such as net_af_packet0,"
        "iface=NAME (also net_af_xdp, net_memif, net_pcap, net_ring, net_tap)";
  }
  return Error{ErrorCode::kSystem, "DPDK does not take " + device + ": " + why,
               "port " + use.port.name};
}

void DetachOne(const std::string& device) {
  if (!IsPciDevice(device)) return;
  const std::string name = DeviceName(device);
  if (const int error = rte_eal_hotplug_remove("pci", name.c_str()); error != 0) {
    LogWarning("cannot give the device back before the process ends",
               {{"device", name}, {"reason", rte_strerror(-error)}});
  }
}

}  // namespace

Status AttachDevice(const DeviceUse& use, size_t workers) {
  for (PortSpec& member : MembersOf(use.port)) {
    DeviceUse one = use;
    one.port = std::move(member);
    if (Status s = AttachOne(one, workers); !s) return s;
  }
  return Done{};
}

void DetachDevice(const PortSpec& port) {
  for (const PortSpec& member : MembersOf(port)) DetachOne(member.device);
}

}  // namespace fairlead::edge
