// A NIC that was told how to steer.
//
//   FakeNic outside(options, /*rx_queues=*/2);
//   const RssPlan plan = Tell(outside, WishOf({{0, ClientSide::kSource}}, 2, key));
#pragma once

#include <gtest/gtest.h>
#include <rte_ethdev.h>

#include <utility>
#include <vector>

#include "dataplane/dpdk/port_steering.h"
#include "fake_nic.h"

namespace fairlead::edge {

inline constexpr uint64_t kHashTypes = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;
inline constexpr uint64_t kOneSidedHash = kHashTypes | RTE_ETH_RSS_L3_SRC_ONLY |
                                          RTE_ETH_RSS_L4_SRC_ONLY | RTE_ETH_RSS_L3_DST_ONLY |
                                          RTE_ETH_RSS_L4_DST_ONLY;
inline constexpr RssCapabilities kHashesBothEnds{kHashTypes, 128, 40};
inline constexpr RssCapabilities kHashesOneSide{kOneSidedHash, 128, 40};

inline SteeringWish WishOf(std::vector<VlanSide> sides, size_t workers, const ToeplitzKey& key) {
  return {std::move(sides), static_cast<uint16_t>(workers), workers, key};
}

inline RssPlan Tell(FakeNic& nic, const SteeringWish& wish) {
  RssPlan plan;
  EXPECT_EQ(ConfigureSteering(nic, wish, &plan), 0);
  FinishSteering(nic, wish, &plan);
  return plan;
}

}  // namespace fairlead::edge
