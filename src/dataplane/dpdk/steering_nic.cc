#include "dataplane/dpdk/steering_nic.h"

#include <rte_errno.h>

#include <vector>

#include "dataplane/dpdk/eal_log.h"

namespace fairlead::edge {
namespace {

std::string ReasonOf(const rte_flow_error& error, int code) {
  TakeDpdkErrors();  // of a try
  return error.message != nullptr ? error.message : rte_strerror(code < 0 ? -code : code);
}

}  // namespace

RssCapabilities DpdkNic::capabilities() const {
  rte_eth_dev_info info{};
  if (rte_eth_dev_info_get(dpdk_id_, &info) != 0) return {};
  return {info.flow_type_rss_offloads, info.reta_size, info.hash_key_size};
}

int DpdkNic::Configure(const RssPlan& plan) {
  TakeDpdkErrors();  // of the try before
  std::vector<uint8_t> key = plan.key;
  rte_eth_conf conf = conf_;
  conf.rxmode.mq_mode = plan.flow_types != 0 ? RTE_ETH_MQ_RX_RSS : RTE_ETH_MQ_RX_NONE;
  conf.rx_adv_conf.rss_conf.rss_hf = plan.flow_types;
  conf.rx_adv_conf.rss_conf.rss_key = key.empty() ? nullptr : key.data();
  conf.rx_adv_conf.rss_conf.rss_key_len = static_cast<uint8_t>(key.size());
  return rte_eth_dev_configure(dpdk_id_, rx_queues_, tx_queues_, &conf);
}

int DpdkNic::SetTable(std::span<const uint16_t> queues) {
  std::vector<rte_eth_rss_reta_entry64> groups((queues.size() + RTE_ETH_RETA_GROUP_SIZE - 1) /
                                               RTE_ETH_RETA_GROUP_SIZE);
  for (size_t i = 0; i < queues.size(); ++i) {
    rte_eth_rss_reta_entry64& group = groups[i / RTE_ETH_RETA_GROUP_SIZE];
    group.mask |= uint64_t{1} << (i % RTE_ETH_RETA_GROUP_SIZE);
    group.reta[i % RTE_ETH_RETA_GROUP_SIZE] = queues[i];
  }
  return rte_eth_dev_rss_reta_update(dpdk_id_, groups.data(), static_cast<uint16_t>(queues.size()));
}

bool DpdkNic::ReadHash(uint64_t* flow_types, std::span<uint8_t> key) const {
  rte_eth_rss_conf got{};
  got.rss_key = key.data();
  got.rss_key_len = static_cast<uint8_t>(key.size());
  if (rte_eth_dev_rss_hash_conf_get(dpdk_id_, &got) != 0) return false;
  *flow_types = got.rss_hf;
  return true;
}

int DpdkNic::Validate(const SteeringRule& rule, std::string* why) {
  rte_flow_error error{};
  const int code =
      rte_flow_validate(dpdk_id_, &rule.attributes(), rule.pattern(), rule.actions(), &error);
  if (code != 0) *why = ReasonOf(error, code);
  return code;
}

rte_flow* DpdkNic::Create(const SteeringRule& rule, std::string* why) {
  rte_flow_error error{};
  rte_flow* const made =
      rte_flow_create(dpdk_id_, &rule.attributes(), rule.pattern(), rule.actions(), &error);
  if (made == nullptr) *why = ReasonOf(error, rte_errno);
  return made;
}

void DpdkNic::Destroy(rte_flow* rule) {
  rte_flow_error error{};
  rte_flow_destroy(dpdk_id_, rule, &error);
  TakeDpdkErrors();
}

}  // namespace fairlead::edge
