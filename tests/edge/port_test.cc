#include "dataplane/dpdk/port.h"

#include <gtest/gtest.h>
#include <rte_ethdev.h>

#include "eal_environment.h"

namespace fairlead::edge::port_test {
namespace {

TEST(PortTest, StartsAndCounts) {
  const PortSpec spec{.name = "null", .device = kNullDevice, .queues = 1};
  Result<Port> port = Port::Start({spec}, PortId{0}, dataplane::Steering(2), TestPool());
  ASSERT_TRUE(port) << port.error().ToString();
  EXPECT_EQ(port->name(), "null");
  EXPECT_EQ(port->rx_queues(), 1);  // of two workers the second one polls nothing
  EXPECT_EQ(port->steering(), PortSteering::kSoftware);
  EXPECT_EQ(port->why_not_hardware(), "one receive queue");
  EXPECT_EQ(port->tx_queues(), 1);
  EXPECT_EQ(port->mtu_bytes(), 1500);

  rte_mbuf* burst[32];
  EXPECT_EQ(rte_eth_rx_burst(port->dpdk_id(), 0, burst, 32), 32);
  const dataplane::PortStats stats = port->ReadStats();
  EXPECT_EQ(stats.rx_packets, 32u);
  EXPECT_EQ(rte_eth_tx_burst(port->dpdk_id(), 0, burst, 32), 32);
  EXPECT_EQ(port->ReadStats().tx_packets, 32u);
  ASSERT_EQ(rte_eth_dev_stop(port->dpdk_id()), 0);
}

TEST(PortTest, GivesEveryWorkerAQueue) {
  const PortSpec spec{.name = "null", .device = kNullDevice};
  Result<Port> port = Port::Start({spec}, PortId{0}, dataplane::Steering(2), TestPool());
  ASSERT_TRUE(port) << port.error().ToString();
  EXPECT_EQ(port->rx_queues(), 2);
  EXPECT_EQ(port->tx_queues(), 2);
  // net_null has RSS, but not over one side.
  EXPECT_EQ(port->steering(), PortSteering::kRss);
  EXPECT_EQ(port->why_not_hardware(), "the port's role is both: clients are on either side");
  ASSERT_EQ(rte_eth_dev_stop(port->dpdk_id()), 0);
}

TEST(PortTest, UnknownDeviceNamesThoseSeen) {
  const Result<Port> port = Port::Start({{.name = "p", .device = "net_ring77"}}, PortId{0},
                                        dataplane::Steering(1), TestPool());
  ASSERT_FALSE(port);
  EXPECT_EQ(port.error().ToString(),
            "port p: DPDK has no device net_ring77; devices seen: net_null0");
}

}  // namespace
}  // namespace fairlead::edge::port_test
