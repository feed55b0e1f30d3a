// Tags are taken off and put on as DPDK does it; the bytes and the lengths are compared with its.
#include "dataplane/dpdk/vlan_tag.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "eal_environment.h"
#include "loop_rig.h"

namespace fairlead::edge::vlan_tag_test {
namespace {

constexpr uint16_t kVlan = 0x123;

// An mbuf with a frame of bytes that all differ, and a tag of priority 5 if there is a VLAN.
class TaggedFrame {
 public:
  TaggedFrame(uint32_t length, uint16_t ethertype) : packet_(TestPool().Allocate()) {
    EXPECT_TRUE(packet_->Resize(length));
    for (uint32_t i = 0; i < length; ++i) packet_->data()[i] = static_cast<uint8_t>(i * 7 + 1);
    if (length < 16) return;
    packet_->data()[12] = static_cast<uint8_t>(ethertype >> 8);
    packet_->data()[13] = static_cast<uint8_t>(ethertype);
    packet_->data()[14] = 0xa0 | kVlan >> 8;
    packet_->data()[15] = kVlan & 0xff;
  }
  ~TaggedFrame() { PacketPool::Free(packet_); }

  rte_mbuf* mbuf() { return packet_->mbuf(); }
  // Lengths, place and bytes.
  std::string Show() {
    std::string text = std::to_string(mbuf()->data_off) + " " + std::to_string(mbuf()->data_len) +
                       " " + std::to_string(mbuf()->pkt_len) + ":";
    for (uint32_t i = 0; i < packet_->length(); ++i) {
      text += " " + std::to_string(packet_->data()[i]);
    }
    return text;
  }

 private:
  MbufPacket* packet_;
};

TEST(VlanTagTest, IsTakenOffAsDpdkDoesIt) {
  for (const uint32_t length : {18u, 19u, 60u, 64u, 1518u}) {
    TaggedFrame ours(length, RTE_ETHER_TYPE_VLAN), theirs(length, RTE_ETHER_TYPE_VLAN);
    EXPECT_EQ(TakeTag(ours.mbuf()), kVlan);
    ASSERT_EQ(rte_vlan_strip(theirs.mbuf()), 0);
    EXPECT_EQ(ours.Show(), theirs.Show());
    EXPECT_EQ(ours.mbuf()->data_len, length - 4);
  }
}

TEST(VlanTagTest, AFrameWithoutAWholeTagStaysAsItIs) {
  for (const uint32_t length : {0u, 14u, 16u, 17u}) {
    TaggedFrame cut(length, RTE_ETHER_TYPE_VLAN);
    const std::string before = cut.Show();
    EXPECT_EQ(TakeTag(cut.mbuf()), 0) << length;
    EXPECT_EQ(cut.Show(), before);
  }
  for (const int other : {0x0800, 0x86dd, 0x88a8, 0x0081}) {
    TaggedFrame frame(64, static_cast<uint16_t>(other));
    const std::string before = frame.Show();
    EXPECT_EQ(TakeTag(frame.mbuf()), 0) << other;
    EXPECT_EQ(frame.Show(), before);
  }
}

TEST(VlanTagTest, ATagThatTheDeviceHasTakenOffCounts) {
  TaggedFrame frame(64, RTE_ETHER_TYPE_VLAN);  // a second tag, below the one that is gone
  frame.mbuf()->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
  frame.mbuf()->vlan_tci = 0xe000 | 77;
  const std::string before = frame.Show();
  EXPECT_EQ(TakeTag(frame.mbuf()), 77);
  EXPECT_EQ(frame.Show(), before);
}

TEST(VlanTagTest, IsPutOnAsDpdkDoesIt) {
  for (const uint32_t length : {14u, 60u, 1514u}) {
    TaggedFrame ours(length, 0x0800), theirs(length, 0x0800);
    EXPECT_TRUE(PutTag(ours.mbuf(), kVlan));
    rte_mbuf* other = theirs.mbuf();
    other->vlan_tci = kVlan;
    ASSERT_EQ(rte_vlan_insert(&other), 0);
    EXPECT_EQ(ours.Show(), theirs.Show());
    EXPECT_EQ(TakeTag(ours.mbuf()), kVlan);
  }
}

// Where the device has something to do with the headers it must know that they begin later, and a
// tag that it took off is not there any more.
TEST(VlanTagTest, WhatTheMbufSaysOfTheHeadersStaysTrue) {
  TaggedFrame frame(60, 0x0800);
  frame.mbuf()->ol_flags |=
      RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_RX_VLAN_STRIPPED;
  frame.mbuf()->l2_len = RTE_ETHER_HDR_LEN;
  EXPECT_TRUE(PutTag(frame.mbuf(), kVlan));
  EXPECT_EQ(frame.mbuf()->l2_len, RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN);
  EXPECT_EQ(frame.mbuf()->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED, 0u);
  EXPECT_EQ(frame.mbuf()->data_len, 64u);
  EXPECT_EQ(TakeTag(frame.mbuf()), kVlan);
}

TEST(VlanTagTest, WithoutRoomInFrontNothingChanges) {
  for (const int room : {0, 3}) {
    TaggedFrame frame(60, 0x0800);
    frame.mbuf()->data_off = static_cast<uint16_t>(room);
    const std::string before = frame.Show();
    EXPECT_FALSE(PutTag(frame.mbuf(), kVlan)) << room;
    EXPECT_EQ(frame.Show(), before);
  }
}

// A worker without a transmit queue passes its frames on, and they get one tag, not two.
TEST(VlanTagTest, WorkersThatShareAQueuePutOneTagOn) {
  Rig rig({.workers = 2,
           .outside = {.rx_queues = 2, .tx_queues = 1},
           .is_one_device = true,
           .outside_vlan = 120,
           .inside_vlan = 130});
  for (uint16_t i = 0; i < 64; ++i) {
    std::vector<uint8_t> frame = FromClient(2000 + i);
    frame.insert(frame.begin() + 12, {0x81, 0x00, 0x00, 120});
    ASSERT_TRUE(rig.outside().Put(frame, i % 2));
  }
  rig.TurnUntilQuiet();
  const Frames sent = rig.outside().Take();
  ASSERT_EQ(sent.size(), 64u);
  for (const std::vector<uint8_t>& frame : sent) {
    EXPECT_EQ(frame.size(), 64u);
    EXPECT_EQ(frame[12] << 8 | frame[13], 0x8100);
    EXPECT_EQ(frame[14] << 8 | frame[15], 130);
    EXPECT_EQ(frame[16] << 8 | frame[17], 0x0800);
  }
  EXPECT_GT(rig.counters(1).handed_off.value(), 0u);
  rig.Finish();
  rig.ExpectNothingLost();
}

}  // namespace
}  // namespace fairlead::edge::vlan_tag_test
