// What a port can be asked and told about steering. The tests have one that computes what a NIC
// does with what it was told.
//
//   DpdkNic nic(dpdk_id, conf, rx_queues, tx_queues);
//   RssPlan plan;
//   const int error = ConfigureSteering(nic, wish, &plan);   // port_steering.h
//
// Threads: main, at the start.
#pragma once

#include <rte_ethdev.h>
#include <rte_flow.h>

#include <cstdint>
#include <span>
#include <string>

#include "dataplane/dpdk/rss_plan.h"
#include "dataplane/dpdk/steering_rule.h"

namespace fairlead::edge {

// Errors are DPDK's: negative, and 0 for none.
class SteeringNic {
 public:
  virtual ~SteeringNic() = default;

  [[nodiscard]] virtual RssCapabilities capabilities() const = 0;
  // Before the start: queues, and what the plan says of the hash.
  virtual int Configure(const RssPlan& plan) = 0;
  // The rest when it runs. The redirection table:
  virtual int SetTable(std::span<const uint16_t> queues) = 0;
  // What it hashes, and with which key. False: the driver does not say.
  virtual bool ReadHash(uint64_t* flow_types, std::span<uint8_t> key) const = 0;
  virtual int Validate(const SteeringRule& rule, std::string* why) = 0;
  virtual rte_flow* Create(const SteeringRule& rule, std::string* why) = 0;  // null: refused
  virtual void Destroy(rte_flow* rule) = 0;
};

class DpdkNic final : public SteeringNic {
 public:
  // `conf`: all but RSS.
  DpdkNic(uint16_t dpdk_id, const rte_eth_conf& conf, uint16_t rx_queues, uint16_t tx_queues)
      : conf_(conf), dpdk_id_(dpdk_id), rx_queues_(rx_queues), tx_queues_(tx_queues) {}

  [[nodiscard]] RssCapabilities capabilities() const override;
  int Configure(const RssPlan& plan) override;
  int SetTable(std::span<const uint16_t> queues) override;
  bool ReadHash(uint64_t* flow_types, std::span<uint8_t> key) const override;
  int Validate(const SteeringRule& rule, std::string* why) override;
  rte_flow* Create(const SteeringRule& rule, std::string* why) override;
  void Destroy(rte_flow* rule) override;

 private:
  rte_eth_conf conf_;
  uint16_t dpdk_id_, rx_queues_, tx_queues_;
};

}  // namespace fairlead::edge
