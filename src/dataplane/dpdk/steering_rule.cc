#include "dataplane/dpdk/steering_rule.h"

#include <rte_ethdev.h>

#include <utility>

#include "dataplane/shard/steering.h"

namespace fairlead::edge {
namespace {

constexpr uint16_t kVlanIdMask = 0x0fff;

bool IsV4(RuledFlow flow) { return flow == RuledFlow::kTcp4 || flow == RuledFlow::kUdp4; }
bool IsTcp(RuledFlow flow) { return flow == RuledFlow::kTcp4 || flow == RuledFlow::kTcp6; }

uint64_t TypeOf(RuledFlow flow) {
  if (IsV4(flow)) {
    return IsTcp(flow) ? RTE_ETH_RSS_NONFRAG_IPV4_TCP : RTE_ETH_RSS_NONFRAG_IPV4_UDP;
  }
  return IsTcp(flow) ? RTE_ETH_RSS_NONFRAG_IPV6_TCP : RTE_ETH_RSS_NONFRAG_IPV6_UDP;
}

uint64_t SideOf(ClientSide clients) {
  return clients == ClientSide::kSource ? RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L4_SRC_ONLY
                                        : RTE_ETH_RSS_L3_DST_ONLY | RTE_ETH_RSS_L4_DST_ONLY;
}

}  // namespace

std::string NameOf(RuledFlow flow) {
  return std::string(IsTcp(flow) ? "TCP" : "UDP") + (IsV4(flow) ? " over IPv4" : " over IPv6");
}

SteeringRule::SteeringRule(const RuledPackets& packets, RuleShape shape, std::vector<uint8_t> key,
                           size_t workers)
    : key_(std::move(key)) {
  attributes_.ingress = 1;
  size_t items = 0;
  const auto match = [&](rte_flow_item_type type, const void* value, const void* mask) {
    pattern_[items++] = {.type = type, .spec = value, .last = nullptr, .mask = mask};
  };
  const bool is_untagged = packets.tells_vlans_apart && packets.side.vlan == 0;
  ethernet_mask_.has_vlan = 1;
  match(RTE_FLOW_ITEM_TYPE_ETH, is_untagged ? &ethernet_ : nullptr,
        is_untagged ? &ethernet_mask_ : nullptr);
  if (packets.side.vlan != 0) {
    vlan_.hdr.vlan_tci = rte_cpu_to_be_16(packets.side.vlan);
    vlan_mask_.hdr.vlan_tci = rte_cpu_to_be_16(kVlanIdMask);
    match(RTE_FLOW_ITEM_TYPE_VLAN, &vlan_, &vlan_mask_);
  }
  match(IsV4(packets.flow) ? RTE_FLOW_ITEM_TYPE_IPV4 : RTE_FLOW_ITEM_TYPE_IPV6, nullptr, nullptr);
  match(IsTcp(packets.flow) ? RTE_FLOW_ITEM_TYPE_TCP : RTE_FLOW_ITEM_TYPE_UDP, nullptr, nullptr);
  match(RTE_FLOW_ITEM_TYPE_END, nullptr, nullptr);

  rss_.func = RTE_ETH_HASH_FUNCTION_TOEPLITZ;
  rss_.types = TypeOf(packets.flow) | SideOf(packets.side.clients);
  if (shape != RuleShape::kDeviceTable) {
    const size_t entries = shape == RuleShape::kQueues ? workers : dataplane::kIndirectionEntries;
    for (size_t i = 0; i < entries; ++i) queues_.push_back(static_cast<uint16_t>(i % workers));
    rss_.key = key_.data();
    rss_.key_len = static_cast<uint32_t>(key_.size());
    rss_.queue = queues_.data();
    rss_.queue_num = static_cast<uint32_t>(queues_.size());
  }
  actions_[0] = {.type = RTE_FLOW_ACTION_TYPE_RSS, .conf = &rss_};
  actions_[1] = {.type = RTE_FLOW_ACTION_TYPE_END, .conf = nullptr};
}

}  // namespace fairlead::edge
