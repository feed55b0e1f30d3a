#include "fake_nic.h"

#include <rte_thash.h>

#include <algorithm>
#include <cerrno>
#include <set>

namespace fairlead::edge {
namespace {

constexpr uint8_t kTcp = 6, kUdp = 17;

// What a driver has before it is told anything.
std::vector<uint8_t> DriversKey() { return std::vector<uint8_t>(40, 0x5a); }

// A frame as the parser of a NIC sees it.
struct Seen {
  bool has_vlan = false, is_v4 = false, is_tcp = false, is_flow = false;
  uint16_t vlan = 0;
  std::vector<uint8_t> source, destination, source_port, destination_port;
};

Seen Look(const std::vector<uint8_t>& frame) {
  Seen seen;
  size_t at = 12;
  const auto word = [&] { return static_cast<uint16_t>(frame[at] << 8 | frame[at + 1]); };
  if (word() == 0x8100) {
    at += 2;
    seen.has_vlan = true;
    seen.vlan = word() & 0x0fff;
    at += 2;
  }
  const uint16_t ethertype = word();
  at += 2;
  if (ethertype != 0x0800 && ethertype != 0x86dd) return seen;
  seen.is_v4 = ethertype == 0x0800;
  const uint8_t protocol = frame[at + (seen.is_v4 ? 9 : 6)];
  const size_t address = seen.is_v4 ? 4 : 16;
  const auto part = [&frame](size_t from, size_t length) {
    const auto begin = frame.begin() + static_cast<ptrdiff_t>(from);
    return std::vector<uint8_t>(begin, begin + static_cast<ptrdiff_t>(length));
  };
  const size_t addresses = at + (seen.is_v4 ? 12 : 8);
  seen.source = part(addresses, address);
  seen.destination = part(addresses + address, address);
  const size_t ports = addresses + 2 * address;
  seen.source_port = part(ports, 2);
  seen.destination_port = part(ports + 2, 2);
  seen.is_tcp = protocol == kTcp;
  seen.is_flow = seen.is_tcp || protocol == kUdp;
  return seen;
}

uint64_t TypeOf(const Seen& seen) {
  if (seen.is_v4) return seen.is_tcp ? RTE_ETH_RSS_NONFRAG_IPV4_TCP : RTE_ETH_RSS_NONFRAG_IPV4_UDP;
  return seen.is_tcp ? RTE_ETH_RSS_NONFRAG_IPV6_TCP : RTE_ETH_RSS_NONFRAG_IPV6_UDP;
}

// By DPDK's own Toeplitz; bytes behind the last are zeros, which add nothing.
uint32_t HashOf(const Seen& seen, uint64_t types, const std::vector<uint8_t>& key) {
  std::vector<uint8_t> input;
  const auto add = [&input](const std::vector<uint8_t>& bytes) {
    input.insert(input.end(), bytes.begin(), bytes.end());
  };
  if ((types & RTE_ETH_RSS_L3_DST_ONLY) == 0) add(seen.source);
  if ((types & RTE_ETH_RSS_L3_SRC_ONLY) == 0) add(seen.destination);
  if ((types & RTE_ETH_RSS_L4_DST_ONLY) == 0) add(seen.source_port);
  if ((types & RTE_ETH_RSS_L4_SRC_ONLY) == 0) add(seen.destination_port);
  input.resize((input.size() + 3) / 4 * 4);
  std::vector<uint32_t> words;
  for (size_t i = 0; i < input.size(); i += 4) {
    words.push_back(uint32_t{input[i]} << 24 | uint32_t{input[i + 1]} << 16 |
                    uint32_t{input[i + 2]} << 8 | input[i + 3]);
  }
  return rte_softrss(words.data(), static_cast<uint32_t>(words.size()), key.data());
}

void Append16(std::vector<uint8_t>* bytes, uint16_t value) {
  bytes->push_back(static_cast<uint8_t>(value >> 8));
  bytes->push_back(static_cast<uint8_t>(value));
}

}  // namespace

std::vector<uint8_t> BytesOf(const FlowFrame& flow) {
  std::vector<uint8_t> bytes(12, 0x02);
  if (flow.vlan != 0) {
    Append16(&bytes, 0x8100);
    Append16(&bytes, flow.vlan);
  }
  const bool is_v4 = flow.from.size() == 4;
  Append16(&bytes, is_v4 ? 0x0800 : 0x86dd);
  std::vector<uint8_t> ip(is_v4 ? 12 : 8);
  ip[0] = is_v4 ? 0x45 : 0x60;
  ip[is_v4 ? 9 : 6] = flow.protocol;
  bytes.insert(bytes.end(), ip.begin(), ip.end());
  bytes.insert(bytes.end(), flow.from.begin(), flow.from.end());
  bytes.insert(bytes.end(), flow.to.begin(), flow.to.end());
  Append16(&bytes, flow.from_port);
  Append16(&bytes, flow.to_port);
  return bytes;
}

FakeNic::FakeNic(const FakeNicOptions& options, uint16_t rx_queues) : options_(options) {
  device_.key = DriversKey();
  const size_t entries = std::max<size_t>(options.can.table_size, rx_queues);
  for (size_t i = 0; i < entries; ++i) {
    device_.queues.push_back(static_cast<uint16_t>(i % rx_queues));
  }
}

int FakeNic::Configure(const RssPlan& plan) {
  if (options_.refuses_own_key && !plan.key.empty()) return -EINVAL;
  if ((plan.flow_types & ~options_.can.flow_types) != 0) return -EINVAL;
  device_.types = plan.flow_types;
  device_.key = plan.key.empty() ? DriversKey() : plan.key;
  return 0;
}

int FakeNic::SetTable(std::span<const uint16_t> queues) {
  if (options_.refuses_table || queues.size() != options_.can.table_size) return -EINVAL;
  device_.queues.assign(queues.begin(), queues.end());
  return 0;
}

bool FakeNic::ReadHash(uint64_t* flow_types, std::span<uint8_t> key) const {
  if (!options_.says_hash) return false;
  *flow_types = device_.types;
  std::copy_n(device_.key.begin(), std::min(key.size(), device_.key.size()), key.begin());
  return true;
}

FakeNic::Rule FakeNic::ReadRule(const SteeringRule& given) {
  Rule rule;
  for (const rte_flow_item* item = given.pattern(); item->type != RTE_FLOW_ITEM_TYPE_END; ++item) {
    if (item->type == RTE_FLOW_ITEM_TYPE_ETH && item->mask != nullptr) {
      rule.is_vlan_said = static_cast<const rte_flow_item_eth*>(item->mask)->has_vlan != 0;
      rule.has_vlan = static_cast<const rte_flow_item_eth*>(item->spec)->has_vlan != 0;
    } else if (item->type == RTE_FLOW_ITEM_TYPE_VLAN) {
      const auto* vlan = static_cast<const rte_flow_item_vlan*>(item->spec);
      const auto* mask = static_cast<const rte_flow_item_vlan*>(item->mask);
      rule.is_vlan_said = rule.has_vlan = true;
      rule.vlan = rte_be_to_cpu_16(vlan->hdr.vlan_tci & mask->hdr.vlan_tci);
    } else if (item->type == RTE_FLOW_ITEM_TYPE_IPV4) {
      rule.is_v4 = true;
    } else if (item->type == RTE_FLOW_ITEM_TYPE_TCP) {
      rule.is_tcp = true;
    }
  }
  const auto* rss = static_cast<const rte_flow_action_rss*>(given.actions()[0].conf);
  rule.hash.types = rss->types;
  rule.hash.key.assign(rss->key, rss->key + rss->key_len);
  rule.hash.queues.assign(rss->queue, rss->queue + rss->queue_num);
  rule.has_own_table = rss->queue_num != 0;
  return rule;
}

int FakeNic::Validate(const SteeringRule& given, std::string* why) {
  if (!options_.takes_rules) {
    *why = "Function not implemented";
    return -ENOSYS;
  }
  const Rule rule = ReadRule(given);
  const std::set<uint16_t> distinct(rule.hash.queues.begin(), rule.hash.queues.end());
  if (rule.has_own_table && !options_.takes_key_in_rule) {
    *why = "a key is not supported";
  } else if (distinct.size() != rule.hash.queues.size() && !options_.takes_repeated_queues) {
    *why = "a queue is there twice";
  } else if (rule.is_vlan_said && !options_.takes_vlans) {
    *why = "VLAN item is not supported";
  } else {
    return 0;
  }
  return -ENOTSUP;
}

rte_flow* FakeNic::Create(const SteeringRule& rule, std::string* why) {
  if (rules_.size() == options_.rules_it_has_room_for) {
    *why = "no space left";
    return nullptr;
  }
  rules_.push_back(ReadRule(rule));
  if (options_.forgets_key_with_rule) device_.key = DriversKey();
  return reinterpret_cast<rte_flow*>(&rules_.back());
}

void FakeNic::Destroy(rte_flow* rule) {
  rules_.remove_if(
      [rule](const Rule& each) { return reinterpret_cast<const rte_flow*>(&each) == rule; });
}

uint16_t FakeNic::QueueOf(const std::vector<uint8_t>& frame) const {
  const Seen seen = Look(frame);
  if (!seen.is_flow) return 0;
  Hash used = device_;
  for (const Rule& rule : rules_) {
    if (rule.is_v4 != seen.is_v4 || rule.is_tcp != seen.is_tcp) continue;
    if (rule.is_vlan_said && rule.has_vlan != seen.has_vlan) continue;
    if (rule.vlan != 0 && rule.vlan != seen.vlan) continue;
    used.types = rule.hash.types;
    if (rule.has_own_table) used = rule.hash;
    break;
  }
  if ((used.types & TypeOf(seen)) == 0) return 0;
  return used.queues[HashOf(seen, used.types, used.key) % used.queues.size()];
}

}  // namespace fairlead::edge
