// Ports that are VLANs of one device, over a wire that the test holds.
#include <gtest/gtest.h>

#include "loop_rig.h"

namespace fairlead::edge::vlan_test {
namespace {

using dataplane::DropReason;
using dataplane::EthernetHeader;
using dataplane::Fabric;
using dataplane::HeaderAt;
using dataplane::Ipv4Header;
using dataplane::kEthernetHeaderLength;
using dataplane::WorkerCounters;

// The frame with an 802.1Q tag of this VLAN and priority 5.
std::vector<uint8_t> Tagged(std::vector<uint8_t> frame, uint16_t vlan) {
  const uint8_t tag[] = {0x81, 0x00, static_cast<uint8_t>(0xa0 | vlan >> 8),
                         static_cast<uint8_t>(vlan)};
  frame.insert(frame.begin() + 12, std::begin(tag), std::end(tag));
  return frame;
}

// Without its tag, which must be this VLAN's.
std::vector<uint8_t> Untagged(std::vector<uint8_t> frame, uint16_t vlan) {
  EXPECT_EQ(frame[12] << 8 | frame[13], 0x8100);
  EXPECT_EQ((frame[14] << 8 | frame[15]) & 0xfff, vlan);
  frame.erase(frame.begin() + 12, frame.begin() + 16);
  return frame;
}

class VlanTest : public testing::TestWithParam<size_t> {};  // workers

TEST_P(VlanTest, TwoPortsOfOneDeviceForwardBothWays) {
  Rig rig({.workers = GetParam(),
           .director = {.method = ForwardMethod::kNat},
           .is_one_device = true,
           .outside_vlan = 120,
           .inside_vlan = 130});
  const auto queue = [&](uint16_t n) { return static_cast<unsigned>(n % GetParam()); };
  for (uint16_t i = 0; i < 64; ++i) {
    ASSERT_TRUE(rig.outside().Put(Tagged(FromClient(2000 + i), 120), queue(i)));
  }
  rig.TurnUntilQuiet();
  const Frames requests = rig.outside().Take();
  ASSERT_EQ(requests.size(), 64u);
  for (const std::vector<uint8_t>& tagged : requests) {
    const std::vector<uint8_t> frame = Untagged(tagged, 130);
    ASSERT_TRUE(HasGoodChecksums(frame));
    const auto* ip = HeaderAt<Ipv4Header>(frame.data(), kEthernetHeaderLength);
    const auto* tcp = HeaderAt<dataplane::TcpHeader>(frame.data(), kEthernetHeaderLength + 20);
    const uint32_t real = ip->destination.get().Fold() - kFirstReal;
    ASSERT_LT(real, kReals);
    const uint16_t client = tcp->source_port.get().host();
    ASSERT_TRUE(rig.outside().Put(Tagged(FromReal(real, client), 130), queue(client)));
  }
  rig.TurnUntilQuiet();
  const Frames replies = rig.outside().Take();
  ASSERT_EQ(replies.size(), 64u);
  for (const std::vector<uint8_t>& tagged : replies) {
    const std::vector<uint8_t> frame = Untagged(tagged, 120);
    EXPECT_TRUE(HasGoodChecksums(frame));
    EXPECT_EQ(HeaderAt<Ipv4Header>(frame.data(), kEthernetHeaderLength)->source.get(),
              Ipv4Address::FromHost(kVipHost));
  }
  for (const PortId port : {kOutside, kInside}) {
    EXPECT_EQ(rig.fabric().stats.SumPort(port, &dataplane::PortCounters::rx_packets), 64u);
    EXPECT_EQ(rig.fabric().stats.SumPort(port, &dataplane::PortCounters::tx_packets), 64u);
    EXPECT_EQ(rig.fabric().stats.SumPort(port, &dataplane::PortCounters::tx_bytes), 64u * 64);
  }
  rig.Finish();
  rig.ExpectNothingLost();
}

TEST_P(VlanTest, FramesOfNoPortAreDropped) {
  Rig rig({.workers = GetParam(), .is_one_device = true, .outside_vlan = 120, .inside_vlan = 130});
  constexpr uint16_t kOthers[] = {0, 1, 121, 4095};
  for (const uint16_t vlan : kOthers) {
    ASSERT_TRUE(rig.outside().Put(Tagged(FromClient(2000), vlan), 0));
  }
  ASSERT_TRUE(rig.outside().Put(FromClient(2001), 0));
  // Cut off in the tag.
  const std::vector<uint8_t> whole = Tagged(FromClient(2002), 120);
  for (const size_t length : {14u, 15u, 17u}) {
    ASSERT_TRUE(rig.outside().Put({whole.begin(), whole.begin() + static_cast<long>(length)}, 0));
  }
  rig.TurnUntilQuiet();
  EXPECT_EQ(rig.Dropped(DropReason::kUnknownVlan), 8u);
  EXPECT_TRUE(rig.outside().Take().empty());
  rig.Finish();
  rig.ExpectNothingLost();
}

// VLAN 0 is a priority without a VLAN.
TEST_P(VlanTest, APortWithoutAVlanSharesTheDevice) {
  Rig rig({.workers = GetParam(), .is_one_device = true, .inside_vlan = 130});
  ASSERT_TRUE(rig.outside().Put(FromClient(2000), 0));
  ASSERT_TRUE(rig.outside().Put(Tagged(FromClient(2001), 0), 0));
  ASSERT_TRUE(rig.outside().Put(Tagged(FromClient(2002), 120), 0));
  rig.TurnUntilQuiet();
  const Frames sent = rig.outside().Take();
  ASSERT_EQ(sent.size(), 2u);
  for (const std::vector<uint8_t>& frame : sent) {
    EXPECT_TRUE(HasGoodChecksums(Untagged(frame, 130)));
  }
  EXPECT_EQ(rig.Dropped(DropReason::kUnknownVlan), 1u);
  rig.Finish();
  rig.ExpectNothingLost();
}

TEST_P(VlanTest, OneTagIsTakenOff) {
  for (const uint16_t outside_vlan : {uint16_t{120}, uint16_t{0}}) {
    Rig rig({.workers = GetParam(),
             .is_one_device = true,
             .outside_vlan = outside_vlan,
             .inside_vlan = 130});
    for (const uint16_t second : {uint16_t{130}, uint16_t{120}, uint16_t{0}}) {
      ASSERT_TRUE(rig.outside().Put(Tagged(Tagged(FromClient(2000), second), outside_vlan), 0));
    }
    rig.TurnUntilQuiet();
    EXPECT_TRUE(rig.outside().Take().empty());
    EXPECT_EQ(rig.Dropped(DropReason::kSecondVlanTag), 3u);
    rig.Finish();
    rig.ExpectNothingLost();
  }
}

// Of a device without VLANs: what carries a priority alone is as any other frame.
TEST_P(VlanTest, APortThatIsNoVlanTakesPriorityTagsOff) {
  Rig rig({.workers = GetParam(), .director = {.method = ForwardMethod::kNat}});
  ASSERT_TRUE(rig.outside().Put(FromClient(2000), 0));
  ASSERT_TRUE(rig.outside().Put(Tagged(FromClient(2001), 0), 0));
  ASSERT_TRUE(rig.outside().Put(Tagged(FromClient(2002), 120), 0));
  ASSERT_TRUE(rig.outside().Put(Tagged(Tagged(FromClient(2003), 0), 0), 0));
  rig.TurnUntilQuiet();
  const Frames sent = rig.inside().Take();
  ASSERT_EQ(sent.size(), 2u);
  for (const std::vector<uint8_t>& frame : sent) {
    EXPECT_EQ(frame[12] << 8 | frame[13], 0x0800);
    EXPECT_TRUE(HasGoodChecksums(frame));
  }
  EXPECT_EQ(rig.Dropped(DropReason::kUnknownVlan), 1u);
  EXPECT_EQ(rig.Dropped(DropReason::kSecondVlanTag), 1u);
  rig.Finish();
  rig.ExpectNothingLost();
}

INSTANTIATE_TEST_SUITE_P(Workers, VlanTest, testing::Values(1, 2));

}  // namespace
}  // namespace fairlead::edge::vlan_test
