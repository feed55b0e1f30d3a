#include "dataplane/dpdk/rss_plan.h"

#include <gtest/gtest.h>
#include <rte_ethdev.h>
#include <rte_thash.h>

#include <random>

#include "dataplane/shard/steering.h"

namespace fairlead::edge::rss_plan_test {
namespace {

constexpr uint64_t kTypes = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;
constexpr uint64_t kSource = RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L4_SRC_ONLY;
constexpr uint64_t kDestination = RTE_ETH_RSS_L3_DST_ONLY | RTE_ETH_RSS_L4_DST_ONLY;
constexpr uint64_t kFull = kTypes | kSource | kDestination;

struct Case {
  const char* name;
  RssCapabilities can;
  ClientSide clients;
  uint16_t rx_queues;
  size_t workers;
  PortSteering steering;
  uint64_t flow_types;
  size_t key_bytes, entries;
  const char* why_not;
};

constexpr Case kCases[] = {
    {"one worker",
     {kFull, 128, 40},
     ClientSide::kSource,
     1,
     1,
     PortSteering::kSoftware,
     0,
     0,
     0,
     "one worker"},
    {"one queue",
     {kFull, 128, 40},
     ClientSide::kSource,
     1,
     4,
     PortSteering::kSoftware,
     0,
     0,
     0,
     "one receive queue"},
    {"no RSS",
     {0, 0, 0},
     ClientSide::kSource,
     2,
     2,
     PortSteering::kSoftware,
     0,
     0,
     0,
     "the port has no RSS"},
    {"outside",
     {kFull, 128, 40},
     ClientSide::kSource,
     2,
     2,
     PortSteering::kHardware,
     kTypes | kSource,
     40,
     128,
     ""},
    {"inside",
     {kFull, 128, 40},
     ClientSide::kDestination,
     2,
     2,
     PortSteering::kHardware,
     kTypes | kDestination,
     40,
     128,
     ""},
    {"key length not said",
     {kFull, 128, 0},
     ClientSide::kSource,
     2,
     2,
     PortSteering::kHardware,
     kTypes | kSource,
     40,
     128,
     ""},
    {"longer key, larger table",
     {kFull, 512, 52},
     ClientSide::kSource,
     3,
     3,
     PortSteering::kHardware,
     kTypes | kSource,
     52,
     512,
     ""},
    {"smaller table that repeats",
     {kFull, 64, 40},
     ClientSide::kSource,
     4,
     4,
     PortSteering::kHardware,
     kTypes | kSource,
     40,
     64,
     ""},
    {"smaller table that does not",
     {kFull, 64, 40},
     ClientSide::kSource,
     3,
     3,
     PortSteering::kRss,
     kTypes,
     0,
     0,
     "the port's redirection table does not fit"},
    {"table of no multiple",
     {kFull, 192, 40},
     ClientSide::kSource,
     2,
     2,
     PortSteering::kRss,
     kTypes,
     0,
     0,
     "the port's redirection table does not fit"},
    {"no table",
     {kFull, 0, 40},
     ClientSide::kSource,
     2,
     2,
     PortSteering::kRss,
     kTypes,
     0,
     0,
     "the port's redirection table does not fit"},
    {"short key",
     {kFull, 128, 16},
     ClientSide::kSource,
     2,
     2,
     PortSteering::kRss,
     kTypes,
     0,
     0,
     "the port's hash key is too short"},
    {"both sides only",
     {kTypes, 128, 40},
     ClientSide::kSource,
     2,
     2,
     PortSteering::kRss,
     kTypes,
     0,
     0,
     "the port does not hash one side only"},
    {"the other side only",
     {kTypes | kDestination, 128, 40},
     ClientSide::kSource,
     2,
     2,
     PortSteering::kRss,
     kTypes,
     0,
     0,
     "the port does not hash one side only"},
    {"addresses only",
     {RTE_ETH_RSS_IP | kSource, 128, 40},
     ClientSide::kSource,
     2,
     2,
     PortSteering::kRss,
     RTE_ETH_RSS_IP,
     0,
     0,
     "the port does not hash TCP and UDP of both families"},
    {"one-armed",
     {kFull, 128, 40},
     ClientSide::kBoth,
     2,
     2,
     PortSteering::kRss,
     kTypes,
     0,
     0,
     "the port's role is both: clients are on either side"},
    {"fewer queues",
     {kFull, 128, 40},
     ClientSide::kSource,
     2,
     4,
     PortSteering::kRss,
     kTypes,
     0,
     0,
     "fewer receive queues than workers"},
};

TEST(RssPlan, DependsOnWhatThePortCan) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const RssPlan plan = PlanRss(c.can, c.clients, c.rx_queues, c.workers, kDefaultToeplitzKey);
    EXPECT_EQ(NameOf(plan.steering), NameOf(c.steering));
    EXPECT_EQ(plan.flow_types, c.flow_types);
    EXPECT_EQ(plan.key.size(), c.key_bytes);
    EXPECT_EQ(plan.queues.size(), c.entries);
    EXPECT_EQ(plan.why_not, c.why_not);
  }
}

// The queue by DPDK's own Toeplitz, as a NIC that hashes one side would find it. Bytes behind the
// port are zeros, which add nothing.
template <size_t kWords>
uint16_t QueueOf(const RssPlan& plan, const uint8_t (&endpoint)[4 * kWords]) {
  uint32_t words[kWords];
  for (size_t i = 0; i < kWords; ++i) {
    words[i] = uint32_t{endpoint[4 * i]} << 24 | uint32_t{endpoint[4 * i + 1]} << 16 |
               uint32_t{endpoint[4 * i + 2]} << 8 | endpoint[4 * i + 3];
  }
  return plan.queues[rte_softrss(words, kWords, plan.key.data()) % plan.queues.size()];
}

TEST(RssPlan, ThePortsQueueIsTheOwnersInBothFamilies) {
  std::mt19937 random(7);
  for (const auto& [workers, table] : {std::pair<size_t, uint16_t>{2, 128}, {3, 512}, {4, 64}}) {
    ToeplitzKey key;
    for (uint8_t& byte : key) byte = static_cast<uint8_t>(random());
    const RssPlan plan = PlanRss({kFull, table, 52}, ClientSide::kSource,
                                 static_cast<uint16_t>(workers), workers, key);
    ASSERT_EQ(plan.steering, PortSteering::kHardware);
    const dataplane::Steering steering(workers, key);
    for (int n = 0; n < 1000; ++n) {
      uint8_t four[8] = {}, six[20] = {};
      for (size_t i = 0; i < 6; ++i) four[i] = static_cast<uint8_t>(random());
      for (size_t i = 0; i < 18; ++i) six[i] = static_cast<uint8_t>(random());
      EXPECT_EQ(QueueOf<2>(plan, four),
                steering.ConnectionOwner(Ipv4Address::Load(four), Be16::Load(four + 4)).index());
      EXPECT_EQ(QueueOf<5>(plan, six),
                steering.ConnectionOwner(Ipv6Address::Load(six), Be16::Load(six + 16)).index());
    }
  }
}

}  // namespace
}  // namespace fairlead::edge::rss_plan_test
