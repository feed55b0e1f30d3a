// A flow rule (rte_flow) that brings each client's packets of one protocol to their owner.
//
//   const SteeringRule rule({.flow = RuledFlow::kTcp4, .side = {0, ClientSide::kSource}},
//                           RuleShape::kOwnTable, rule_values);
//   rte_flow_create(port, &rule.attributes(), rule.pattern(), rule.actions(), &error);
//
// It matches TCP or UDP of one family, of one VLAN where the device has several, and hashes the
// client's side alone. Drivers differ in what of a hash they take by rule, hence the shapes.
//
// Threads: a value, but for its address: its parts point to each other.
#pragma once

#include <rte_flow.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/dpdk/edge_config.h"

namespace fairlead::edge {

enum class RuledFlow : uint8_t { kTcp4, kUdp4, kTcp6, kUdp6 };
inline constexpr RuledFlow kRuledFlows[] = {RuledFlow::kTcp4, RuledFlow::kUdp4, RuledFlow::kTcp6,
                                            RuledFlow::kUdp6};
std::string NameOf(RuledFlow flow);  // "TCP over IPv4"

struct RuledPackets {
  RuledFlow flow = RuledFlow::kTcp4;
  VlanSide side;
  bool tells_vlans_apart = false;  // else frames with and without a tag are meant
};

enum class RuleShape : uint8_t {
  kQueues,       // with the key and each queue once: the owner's when the workers are 2^n
  kOwnTable,     // with the key and the queue of each of our entries
  kDeviceTable,  // only says what is hashed; key and table are those that the device was told
};
inline constexpr RuleShape kRuleShapes[] = {RuleShape::kQueues, RuleShape::kOwnTable,
                                            RuleShape::kDeviceTable};

class SteeringRule {
 public:
  // `key`: as long as the port's. Precondition: packets.side.clients is not kBoth.
  SteeringRule(const RuledPackets& packets, RuleShape shape, std::vector<uint8_t> key,
               size_t workers);
  SteeringRule(const SteeringRule&) = delete;
  SteeringRule& operator=(const SteeringRule&) = delete;

  [[nodiscard]] const rte_flow_attr& attributes() const { return attributes_; }
  [[nodiscard]] const rte_flow_item* pattern() const { return pattern_.data(); }
  [[nodiscard]] const rte_flow_action* actions() const { return actions_.data(); }

 private:
  rte_flow_attr attributes_{};
  rte_flow_item_eth ethernet_{}, ethernet_mask_{};
  rte_flow_item_vlan vlan_{}, vlan_mask_{};
  std::vector<uint8_t> key_;
  std::vector<uint16_t> queues_;
  rte_flow_action_rss rss_{};
  std::array<rte_flow_item, 5> pattern_{};  // Ethernet, VLAN, IP, transport, end
  std::array<rte_flow_action, 2> actions_{};
};

}  // namespace fairlead::edge
