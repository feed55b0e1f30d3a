// A NIC that does with a frame what it was told: it hashes by its registers or by its flow rules,
// read from what DPDK would hand to a driver.
//
//   FakeNic nic({.takes_rules = true}, /*rx_queues=*/4);
//   ConfigureSteering(nic, wish, &plan);
//   FinishSteering(nic, wish, &plan);
//   nic.QueueOf(frame)
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <vector>

#include "dataplane/dpdk/steering_nic.h"

namespace fairlead::edge {

struct FakeNicOptions {
  RssCapabilities can{};
  bool refuses_own_key = false;  // when it is configured
  bool refuses_table = false;
  bool says_hash = true;
  bool takes_rules = false;
  bool takes_key_in_rule = true;      // and queues
  bool takes_repeated_queues = true;  // the same one twice in a rule
  bool takes_vlans = true;
  bool forgets_key_with_rule = false;  // then it has its own again
  size_t rules_it_has_room_for = 64;
};

// Bytes of TCP or UDP over either family, as far as a NIC reads them.
struct FlowFrame {
  std::vector<uint8_t> from, to;  // addresses: 4 or 16 bytes
  uint16_t from_port = 0, to_port = 0;
  uint8_t protocol = 6;
  uint16_t vlan = 0;  // 0: no tag
};
std::vector<uint8_t> BytesOf(const FlowFrame& flow);

class FakeNic final : public SteeringNic {
 public:
  FakeNic(const FakeNicOptions& options, uint16_t rx_queues);

  [[nodiscard]] RssCapabilities capabilities() const override { return options_.can; }
  int Configure(const RssPlan& plan) override;
  int SetTable(std::span<const uint16_t> queues) override;
  bool ReadHash(uint64_t* flow_types, std::span<uint8_t> key) const override;
  int Validate(const SteeringRule& rule, std::string* why) override;
  rte_flow* Create(const SteeringRule& rule, std::string* why) override;
  void Destroy(rte_flow* rule) override;

  [[nodiscard]] uint16_t QueueOf(const std::vector<uint8_t>& frame) const;
  [[nodiscard]] size_t rules() const { return rules_.size(); }

 private:
  struct Hash {
    uint64_t types = 0;
    std::vector<uint8_t> key = {};
    std::vector<uint16_t> queues = {};
  };
  struct Rule {
    bool is_vlan_said = false, has_vlan = false;
    uint16_t vlan = 0;  // 0: any
    bool is_v4 = false, is_tcp = false;
    bool has_own_table = false;
    Hash hash;
  };
  static Rule ReadRule(const SteeringRule& rule);

  FakeNicOptions options_;
  Hash device_;
  std::list<Rule> rules_;
};

}  // namespace fairlead::edge
