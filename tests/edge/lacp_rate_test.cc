#include "dataplane/dpdk/lacp_rate.h"

#include <gtest/gtest.h>
#include <rte_ethdev.h>
#include <time.h>

#include <optional>
#include <vector>

#include "dataplane/dpdk/bond.h"
#include "dataplane/dpdk/port.h"
#include "eal_environment.h"
#include "ring_port.h"

namespace fairlead::edge::lacp_rate_test {
namespace {

constexpr size_t kFrame = 124, kActorState = 32;  // bytes; where it is (IEEE 802.1AX-2014, 6.4.2.3)
constexpr uint8_t kShortTimeout = 0x02;

std::vector<uint8_t> LacpFrame() {
  std::vector<uint8_t> frame(kFrame);
  frame[12] = 0x88;
  frame[13] = 0x09;
  frame[14] = 1;  // LACP
  frame[15] = 1;
  frame[kActorState] = 0x3d;
  return frame;
}

TEST(LacpRate, SetsOneBitOfFramesOfLacpAndOfNoOther) {
  std::vector<uint8_t> frame = LacpFrame(), expected = frame;
  expected[kActorState] = 0x3f;
  EXPECT_TRUE(SetShortTimeout(frame));
  EXPECT_EQ(frame, expected);
  EXPECT_TRUE(SetShortTimeout(frame));
  EXPECT_EQ(frame, expected) << "once is enough";

  std::vector<uint8_t> marker = LacpFrame(), other = LacpFrame(), cut = LacpFrame();
  marker[14] = 2;
  other[12] = 0x08;
  other[13] = 0x00;
  cut.resize(60);
  for (std::vector<uint8_t>* each : {&marker, &other, &cut}) {
    const std::vector<uint8_t> before = *each;
    EXPECT_FALSE(SetShortTimeout(*each));
    EXPECT_EQ(*each, before);
  }
}

// The state that the first frame of LACP by each member has; none: there was no frame.
std::vector<std::optional<uint8_t>> FirstStates(const std::string& name, bool asks_fast) {
  RingPort one(name + "1", {.rx_queues = 1, .tx_queues = 1});
  RingPort two(name + "2", {.rx_queues = 1, .tx_queues = 1});
  DeviceUse use;
  use.port = {.name = name, .device = "net_bonding_" + name, .queues = 1};
  use.port.bond = BondSpec{BondMode::k8023ad, {one.spec().device, two.spec().device}};
  use.port.bond->asks_fast = asks_fast;
  Result<Bond> bond = Bond::Create(use);
  EXPECT_TRUE(bond) << bond.error().ToString();
  Result<Port> port = Port::Start(use, PortId{0}, dataplane::Steering(1), TestPool());
  EXPECT_TRUE(port) << port.error().ToString();
  bond->Begin();
  std::vector<std::optional<uint8_t>> states(2);
  for (int looks = 0; looks < 500 && !(states[0] && states[1]); ++looks) {
    rte_eth_tx_burst(port->dpdk_id(), 0, nullptr, 0);
    RingPort* const members[] = {&one, &two};
    for (size_t i = 0; i < 2; ++i) {
      for (const std::vector<uint8_t>& frame : members[i]->Take()) {
        if (frame.size() == kFrame && frame[14] == 1 && !states[i]) states[i] = frame[kActorState];
      }
    }
    const timespec length{0, 10'000'000};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &length, nullptr);
  }
  port->Stop();
  return states;
}

TEST(LacpRate, ABondAsksForWhatItIsToldByEachMember) {
  for (const bool asks_fast : {false, true}) {
    for (const std::optional<uint8_t>& state :
         FirstStates(asks_fast ? "fastlacp" : "slowlacp", asks_fast)) {
      ASSERT_TRUE(state);
      EXPECT_EQ((*state & kShortTimeout) != 0, asks_fast);
    }
  }
}

}  // namespace
}  // namespace fairlead::edge::lacp_rate_test
