#include "dataplane/dpdk/rss_plan.h"

#include <rte_ethdev.h>

#include <algorithm>

#include "dataplane/shard/steering.h"

namespace fairlead::edge {
namespace {

using dataplane::kIndirectionEntries;

constexpr uint64_t kAnyFlow = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;
constexpr uint64_t kBalancedFlows = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP |
                                    RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP;
// What the longest input, an IPv6 address and a port, uses of the key: its bits and a word more.
constexpr size_t kUsedKeyBytes = 16 + 2 + 4;

uint64_t OneSide(ClientSide clients) {
  switch (clients) {
    case ClientSide::kSource:
      return RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L4_SRC_ONLY;
    case ClientSide::kDestination:
      return RTE_ETH_RSS_L3_DST_ONLY | RTE_ETH_RSS_L4_DST_ONLY;
    case ClientSide::kBoth:
      break;
  }
  return 0;
}

// A larger table repeats ours; a smaller one is ours when ours repeats it.
bool CanHoldOurTable(size_t entries, size_t workers) {
  if (entries == 0) return false;
  if (entries % kIndirectionEntries == 0) return true;
  return kIndirectionEntries % entries == 0 && entries % workers == 0;
}

std::string_view Missing(const RssCapabilities& can, ClientSide clients, uint16_t rx_queues,
                         size_t workers) {
  if (clients == ClientSide::kBoth) return "the port's role is both: clients are on either side";
  if (rx_queues < workers) return "fewer receive queues than workers";
  if ((can.flow_types & kBalancedFlows) != kBalancedFlows) {
    return "the port does not hash TCP and UDP of both families";
  }
  const uint64_t side = OneSide(clients);
  if ((can.flow_types & side) != side) return "the port does not hash one side only";
  if (can.key_bytes != 0 && can.key_bytes < kUsedKeyBytes)
    return "the port's hash key is too short";
  if (!CanHoldOurTable(can.table_size, workers)) return "the port's redirection table does not fit";
  return {};
}

}  // namespace

std::string_view NameOf(PortSteering steering) {
  switch (steering) {
    case PortSteering::kSoftware:
      return "software";
    case PortSteering::kRss:
      return "rss";
    case PortSteering::kHardware:
      return "hardware";
  }
  return "";
}

RssPlan PlainRss(const RssCapabilities& can, std::string_view why_not) {
  const uint64_t types = can.flow_types & kAnyFlow;
  return {.steering = types != 0 ? PortSteering::kRss : PortSteering::kSoftware,
          .flow_types = types,
          .why_not = why_not};
}

RssPlan PlanRss(const RssCapabilities& can, ClientSide clients, uint16_t rx_queues, size_t workers,
                const ToeplitzKey& key) {
  if (rx_queues == 1) return {.why_not = workers == 1 ? "one worker" : "one receive queue"};
  if ((can.flow_types & kAnyFlow) == 0) return {.why_not = "the port has no RSS"};
  if (const std::string_view missing = Missing(can, clients, rx_queues, workers);
      !missing.empty()) {
    return PlainRss(can, missing);
  }
  RssPlan plan{.steering = PortSteering::kHardware,
               .flow_types = (can.flow_types & kAnyFlow) | OneSide(clients)};
  // What a longer key has behind ours is never used.
  plan.key.resize(can.key_bytes != 0 ? can.key_bytes : kToeplitzKeyBytes);
  std::copy_n(key.begin(), std::min(plan.key.size(), key.size()), plan.key.begin());
  for (size_t i = 0; i < can.table_size; ++i) {
    plan.queues.push_back(static_cast<uint16_t>(i % kIndirectionEntries % workers));
  }
  return plan;
}

}  // namespace fairlead::edge
