#include "dataplane/dpdk/rss_plan.h"

#include <rte_ethdev.h>

#include <algorithm>
#include <utility>

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

std::vector<uint16_t> OurTable(size_t entries, size_t workers) {
  std::vector<uint16_t> queues;
  for (size_t i = 0; i < entries; ++i) {
    queues.push_back(static_cast<uint16_t>(i % kIndirectionEntries % workers));
  }
  return queues;
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
    case PortSteering::kRules:
      return "rules";
    case PortSteering::kHardware:
      return "hardware";
  }
  return "";
}

RssPlan PlainRss(const RssCapabilities& can, std::string why_not) {
  const uint64_t types = can.flow_types & kAnyFlow;
  return {.steering = types != 0 ? PortSteering::kRss : PortSteering::kSoftware,
          .flow_types = types,
          .why_not = std::move(why_not)};
}

// What a longer key has behind ours is never used.
std::vector<uint8_t> KeyFor(const RssCapabilities& can, const ToeplitzKey& key) {
  std::vector<uint8_t> whole(can.key_bytes != 0 ? can.key_bytes : kToeplitzKeyBytes);
  std::copy_n(key.begin(), std::min(whole.size(), key.size()), whole.begin());
  return whole;
}

RssPlan PlanRss(const RssCapabilities& can, ClientSide clients, uint16_t rx_queues, size_t workers,
                const ToeplitzKey& key) {
  if (rx_queues == 1) return {.why_not = workers == 1 ? "one worker" : "one receive queue"};
  if ((can.flow_types & kAnyFlow) == 0) return {.why_not = "the port has no RSS"};
  if (const std::string_view missing = Missing(can, clients, rx_queues, workers);
      !missing.empty()) {
    return PlainRss(can, std::string(missing));
  }
  return {.steering = PortSteering::kHardware,
          .flow_types = (can.flow_types & kAnyFlow) | OneSide(clients),
          .key = KeyFor(can, key),
          .queues = OurTable(can.table_size, workers)};
}

RssPlan RssUnderRules(const RssCapabilities& can, std::string why_not, size_t workers,
                      const ToeplitzKey& key) {
  RssPlan plan = PlainRss(can, std::move(why_not));
  const bool has_room_for_key = can.key_bytes == 0 || can.key_bytes >= kUsedKeyBytes;
  if (plan.flow_types == 0 || !has_room_for_key || !CanHoldOurTable(can.table_size, workers)) {
    return plan;
  }
  plan.key = KeyFor(can, key);
  plan.queues = OurTable(can.table_size, workers);
  return plan;
}

}  // namespace fairlead::edge
