// MbufPacket and BytePacket answer every operation alike: one script runs over both.
#include "dataplane/dpdk/mbuf_packet.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "eal_environment.h"

namespace fairlead::edge::mbuf_packet_test {
namespace {

using dataplane::BytePacket;

std::vector<uint8_t> Frame(size_t length) {
  std::vector<uint8_t> frame(length);
  for (size_t i = 0; i < length; ++i) frame[i] = static_cast<uint8_t>(i * 7 + 1);
  return frame;
}

MbufPacket* MakeMbufPacket(const std::vector<uint8_t>& frame, PortId port) {
  MbufPacket* packet = TestPool().Allocate();
  EXPECT_TRUE(packet->Resize(static_cast<uint32_t>(frame.size())));
  std::memcpy(packet->data(), frame.data(), frame.size());
  packet->meta().input_port = port;
  return packet;
}

template <typename P>
std::string Show(P& packet) {
  std::string text = std::to_string(packet.length()) + ":";
  for (uint32_t i = 0; i < packet.length(); ++i) text += " " + std::to_string(packet.data()[i]);
  return text;
}

// Headroom and tailroom differ in size, so the script stays within what both have.
TEST(MbufPacketTest, BehavesAsBytePacketOverRandomOperations) {
  std::mt19937 random(7);
  const std::vector<uint8_t> frame = Frame(200);
  BytePacket bytes(frame, PortId{3});
  MbufPacket* mbuf = MakeMbufPacket(frame, PortId{3});
  int front = 0;
  for (int step = 0; step < 500; ++step) {
    const auto n = static_cast<uint32_t>(random() % 40);
    switch (random() % 3) {
      case 0:
        if (front - static_cast<int>(n) < -100) break;
        front -= static_cast<int>(n);
        std::memset(bytes.Prepend(n), step, n);
        std::memset(mbuf->Prepend(n), step, n);
        break;
      case 1:
        if (n > bytes.length()) break;
        front += static_cast<int>(n);
        bytes.TrimFront(n);
        mbuf->TrimFront(n);
        break;
      case 2: {
        const uint32_t before = bytes.length();
        const uint32_t wanted = n * 10;
        ASSERT_EQ(bytes.Resize(wanted), mbuf->Resize(wanted));
        if (wanted > before) {
          std::memset(bytes.data() + before, 9, wanted - before);
          std::memset(mbuf->data() + before, 9, wanted - before);
        }
        break;
      }
    }
    ASSERT_EQ(Show(bytes), Show(*mbuf)) << "step " << step;
  }
  EXPECT_EQ(mbuf->mbuf()->pkt_len, mbuf->length());
  PacketPool::Free(mbuf);
}

TEST(MbufPacketTest, RefusesWhatDoesNotFitAndChangesNothing) {
  MbufPacket* packet = MakeMbufPacket(Frame(60), PortId{0});
  const uint8_t* start = packet->data();
  EXPECT_EQ(packet->Prepend(RTE_PKTMBUF_HEADROOM + 1), nullptr);
  EXPECT_FALSE(packet->Resize(2048 + 1));
  EXPECT_EQ(packet->data(), start);
  EXPECT_EQ(packet->length(), 60u);
  EXPECT_TRUE(packet->Resize(2048));
  EXPECT_NE(packet->Prepend(RTE_PKTMBUF_HEADROOM), nullptr);
  PacketPool::Free(packet);
}

TEST(MbufPacketTest, MetaStaysWithTheMbufAndIsFreshOnReceive) {
  MbufPacket* packet = MakeMbufPacket(Frame(60), PortId{1});
  packet->meta().real = RealId{5};
  packet->meta().wants_ip_checksum = true;
  rte_mbuf* mbuf = packet->mbuf();
  EXPECT_EQ(static_cast<void*>(packet), rte_mbuf_to_priv(mbuf));
  mbuf->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD;
  MbufPacket* again = MbufPacket::Receive(mbuf, PortId{2});
  EXPECT_EQ(again, packet);
  EXPECT_EQ(again->meta().input_port, PortId{2});
  EXPECT_TRUE(again->meta().real.is_none());
  EXPECT_FALSE(again->meta().wants_ip_checksum);
  EXPECT_TRUE(again->meta().ip_checksum_good);
  mbuf->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_BAD;
  EXPECT_FALSE(MbufPacket::Receive(mbuf, PortId{2})->meta().ip_checksum_good);
  PacketPool::Free(again);
}

TEST(PacketPoolTest, GivesBackWhatItGave) {
  const uint32_t before = TestPool().in_use();
  std::vector<MbufPacket*> taken;
  for (int i = 0; i < 1000; ++i) taken.push_back(TestPool().Allocate());
  EXPECT_EQ(TestPool().in_use(), before + 1000);
  for (MbufPacket* packet : taken) PacketPool::Free(packet);
  EXPECT_EQ(TestPool().in_use(), before);
}

TEST(PacketPoolTest, PlanGrowsWithQueuesAndFrames) {
  EdgeConfig config;
  config.ports = {{.name = "a", .device = "net_null0"}, {.name = "b", .device = "net_null1"}};
  const PoolPlan one = PlanPool(config, 2048);
  config.workers = 2;
  config.ports[0].mtu_bytes = 9000;
  const PoolPlan two = PlanPool(config, 2048);
  EXPECT_GE(two.packets, one.packets + 2 * 2048 + 2 * 2 * 1024);
  EXPECT_EQ(one.data_room_bytes, 2048u + RTE_PKTMBUF_HEADROOM);
  EXPECT_GE(two.data_room_bytes, 9018u + RTE_PKTMBUF_HEADROOM);
  // A second port of one device brings no queues.
  config.ports[1].device = "net_null0";
  EXPECT_EQ(PlanPool(config, 2048).packets, two.packets - 2 * 2 * 1024);
  config.data_room_bytes = 256;
  EXPECT_EQ(PlanPool(config, 2048).data_room_bytes, 256u + RTE_PKTMBUF_HEADROOM);
}

}  // namespace
}  // namespace fairlead::edge::mbuf_packet_test
