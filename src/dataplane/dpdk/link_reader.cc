#include "dataplane/dpdk/link_reader.h"

#include <rte_ethdev.h>

#include <optional>

#include "dataplane/dpdk/device.h"
#include "kernel/line.h"

namespace fairlead::edge {
namespace {

std::optional<kernel::Line> AskDriver(uint16_t dpdk_id) {
  rte_eth_link link{};
  if (rte_eth_link_get_nowait(dpdk_id, &link) != 0) return std::nullopt;
  const bool has_speed = link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN;
  return kernel::Line{.is_up = link.link_status == RTE_ETH_LINK_UP,
                      .speed_mbps = has_speed ? link.link_speed : 0,
                      .is_full_duplex = link.link_duplex == RTE_ETH_LINK_FULL_DUPLEX};
}

// An interface that is gone is down.
std::optional<kernel::Line> AskKernel(const std::string& interface) {
  const Result<std::optional<kernel::Line>> line = kernel::ReadLine(interface);
  if (!line) return std::nullopt;
  return line->value_or(kernel::Line{});
}

}  // namespace

kernel::Line LinkReader::Read(const std::string& device, uint16_t dpdk_id) {
  const std::string interface = KernelInterface(device);
  const std::optional<kernel::Line> now =
      interface.empty() ? AskDriver(dpdk_id) : AskKernel(interface);
  kernel::Line& last = last_.try_emplace(dpdk_id, kernel::Line{.is_up = true}).first->second;
  return last = now.value_or(last);
}

}  // namespace fairlead::edge
