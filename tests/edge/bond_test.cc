// Bonds of devices whose lines the test decides. What takes members of packet sockets out is shown
// end to end (tests/e2e/test_bond.py).
#include "dataplane/dpdk/bond.h"

#include <gtest/gtest.h>
#include <rte_ethdev.h>

#include <cstring>
#include <optional>

#include "dataplane/dpdk/attach.h"
#include "dataplane/dpdk/port.h"
#include "eal_environment.h"
#include "frames.h"

namespace fairlead::edge::bond_test {
namespace {

constexpr kernel::Line kUp{.is_up = true, .speed_mbps = 10'000, .is_full_duplex = true};
constexpr kernel::Line kDown{};

// A bond of two devices that take and give frames without end, and are gone after the test.
class Rig {
 public:
  Rig(const std::string& name, BondMode mode, const std::string& primary = "") {
    BondSpec bond{mode, {"net_null_" + name + "1,size=64", "net_null_" + name + "2,size=64"}};
    bond.primary = primary.empty() ? "" : "net_null_" + name + primary;
    use_.port = {.name = name, .device = "net_bonding_" + name, .queues = 1};
    use_.port.bond = bond;
    const Status attached = AttachDevice(use_, 1);
    EXPECT_TRUE(attached) << attached.error().ToString();
    Result<Bond> made = Bond::Create(use_);
    EXPECT_TRUE(made) << made.error().ToString();
    bond_ = std::move(*made);
    Result<Port> port = Port::Start(use_, PortId{0}, dataplane::Steering(1), TestPool());
    EXPECT_TRUE(port) << port.error().ToString();
    port_ = std::move(*port);
    bond_->Begin();
  }
  ~Rig() { port_->Stop(); }

  Port& port() { return *port_; }
  Bond& bond() { return *bond_; }
  PortLine Follow(kernel::Line first, kernel::Line second) {
    const kernel::Line lines[] = {first, second};
    return bond_->Follow(lines, gate_);
  }
  // Packets that each member has sent.
  std::vector<uint64_t> Sent() {
    std::vector<uint64_t> sent;
    for (const Bond::Member& member : bond_->members()) {
      rte_eth_stats stats{};
      rte_eth_stats_get(member.dpdk_id, &stats);
      sent.push_back(stats.opackets);
    }
    return sent;
  }
  // A packet of each of 64 connections.
  uint16_t Send() {
    constexpr uint16_t kPackets = 64;
    rte_mbuf* burst[kPackets];
    for (uint16_t i = 0; i < kPackets; ++i) {
      const std::vector<uint8_t> frame = BuildTcp({.from = 0xc6336407,
                                                   .to = 0xc0000250,
                                                   .from_port = static_cast<uint16_t>(2000 + i),
                                                   .to_port = 80});
      burst[i] = rte_pktmbuf_alloc(TestPool().get());
      std::memcpy(rte_pktmbuf_append(burst[i], static_cast<uint16_t>(frame.size())), frame.data(),
                  frame.size());
    }
    return rte_eth_tx_burst(port_->dpdk_id(), 0, burst, kPackets);
  }

 private:
  DeviceUse use_;
  std::optional<Bond> bond_;
  std::optional<Port> port_;
  TurnGate gate_;
};

TEST(BondTest, BalanceXorSendsByAllMembersAndCountsThemTogether) {
  Rig rig("xor", BondMode::kBalanceXor);
  EXPECT_EQ(rig.Send(), 64);
  const std::vector<uint64_t> sent = rig.Sent();
  EXPECT_GT(sent[0], 10u);
  EXPECT_GT(sent[1], 10u);
  EXPECT_EQ(sent[0] + sent[1], 64u);
  EXPECT_EQ(rig.port().ReadStats().tx_packets, 64u);
  EXPECT_FALSE(rig.port().speaks_lacp());
}

TEST(BondTest, ActiveBackupSendsByItsPrimary) {
  Rig rig("backup", BondMode::kActiveBackup, "2");
  EXPECT_EQ(rig.Send(), 64);
  EXPECT_EQ(rig.Sent(), (std::vector<uint64_t>{0, 64}));
  const PortLine line = rig.Follow(kUp, kUp);
  EXPECT_TRUE(line.line.is_up);
  EXPECT_EQ(line.line.speed_mbps, 10'000u) << "of the one that carries";
  EXPECT_FALSE(line.members[0].is_active);
  EXPECT_TRUE(line.members[1].is_active);
}

TEST(BondTest, TheLineIsThatOfTheMembersInUse) {
  Rig rig("line", BondMode::kBalanceXor);
  PortLine line = rig.Follow(kUp, kUp);
  ASSERT_EQ(line.members.size(), 2u);
  EXPECT_EQ(line.members[0].device, "net_null_line1");
  EXPECT_EQ(line.line.speed_mbps, 20'000u);
  line = rig.Follow(kDown, kUp);
  EXPECT_TRUE(line.line.is_up);
  EXPECT_EQ(line.line.speed_mbps, 10'000u);
  EXPECT_FALSE(line.members[0].is_up);
  EXPECT_FALSE(line.members[0].is_active);
  EXPECT_TRUE(line.members[1].is_active);
  EXPECT_FALSE(rig.Follow(kDown, kDown).line.is_up);
}

// Nobody answers, so nothing is agreed.
TEST(BondTest, LacpWithoutAPartnerIsDown) {
  Rig rig("lacp", BondMode::k8023ad);
  EXPECT_TRUE(rig.port().speaks_lacp());
  const PortLine line = rig.Follow(kUp, kUp);
  EXPECT_FALSE(line.line.is_up);
  EXPECT_TRUE(line.members[0].is_up);
  EXPECT_FALSE(line.members[0].is_active);
  EXPECT_EQ(rig.Send(), 0) << "the caller keeps what nobody takes";
}

TEST(BondTest, CountersNameTheirMember) {
  Rig rig("names", BondMode::kBalanceXor);
  rig.Send();
  uint64_t sent = 0;
  for (const DriverCounter& counter : rig.port().ReadDriverCounters()) {
    if (counter.name == "net_null_names1.tx_good_packets") sent += counter.value;
    if (counter.name == "net_null_names2.tx_good_packets") sent += counter.value;
  }
  EXPECT_EQ(sent, 64u);
}

TEST(BondTest, AMemberThatIsNotThereIsNamed) {
  DeviceUse use;
  use.port = {.name = "p", .device = "net_bonding_none"};
  use.port.bond = BondSpec{BondMode::kBalanceXor, {"net_null_nowhere"}};
  const Result<Bond> bond = Bond::Create(use);
  ASSERT_FALSE(bond);
  EXPECT_NE(bond.error().ToString().find("port p: DPDK has no device net_null_nowhere"),
            std::string::npos);
}

}  // namespace
}  // namespace fairlead::edge::bond_test
