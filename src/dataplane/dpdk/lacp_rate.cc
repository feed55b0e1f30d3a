#include "dataplane/dpdk/lacp_rate.h"

#include <rte_errno.h>
#include <rte_eth_bond_8023ad.h>
#include <rte_ethdev.h>

namespace fairlead::edge {
namespace {

constexpr uint32_t kShortTimeoutMs = 3000;

uint16_t OnTransmit(uint16_t /*port*/, uint16_t /*queue*/, rte_mbuf** packets, uint16_t count,
                    void* /*unused*/) {
  for (uint16_t i = 0; i < count; ++i) {
    SetShortTimeout({rte_pktmbuf_mtod(packets[i], uint8_t*), rte_pktmbuf_data_len(packets[i])});
  }
  return count;
}

}  // namespace

bool SetShortTimeout(std::span<uint8_t> frame) {
  if (frame.size() < sizeof(lacpdu_header)) return false;
  auto* const header = reinterpret_cast<lacpdu_header*>(frame.data());
  if (header->eth_hdr.ether_type != RTE_BE16(RTE_ETHER_TYPE_SLOW) ||
      header->lacpdu.subtype != SLOW_SUBTYPE_LACP) {
    return false;
  }
  header->lacpdu.actor.state |= STATE_LACP_SHORT_TIMEOUT;
  return true;
}

int GiveUpSoon(uint16_t bond) {
  rte_eth_bond_8023ad_conf conf{};
  if (int e = rte_eth_bond_8023ad_conf_get(bond, &conf); e != 0) return e;
  conf.long_timeout_ms = kShortTimeoutMs;
  conf.short_timeout_ms = kShortTimeoutMs - 1;  // the driver wants it to be less
  return rte_eth_bond_8023ad_setup(bond, &conf);
}

int AskForFastRate(uint16_t member) {
  rte_eth_dev_info info{};
  if (int e = rte_eth_dev_info_get(member, &info); e != 0) return e;
  for (uint16_t queue = 0; queue < info.nb_tx_queues; ++queue) {
    if (rte_eth_add_tx_callback(member, queue, OnTransmit, nullptr) == nullptr) return -rte_errno;
  }
  return 0;
}

}  // namespace fairlead::edge
