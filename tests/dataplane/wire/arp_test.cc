#include "dataplane/wire/arp.h"

#include <gtest/gtest.h>

#include "frames.h"

namespace fairlead::dataplane::test::arp_test {
namespace {

// Who has 192.0.2.10? Tell 198.51.100.7.
const char* const kRequest = "0001080006040001 02000000000c c6336407 000000000000 c000020a";

bool Accepts(const char* hex) {
  const Bytes frame = Ethernet(0x0806, Hex(hex));
  ArpMessage arp;
  return ParseArp(frame.data(), static_cast<uint32_t>(frame.size()), &arp);
}

TEST(Arp, ARequestBecomesItsReply) {
  Bytes frame = Ethernet(0x0806, Hex(kRequest), kClientMac, kBroadcastMac);
  frame.resize(60);
  BytePacket packet(frame);
  ArpMessage arp;
  ASSERT_TRUE(ParseArp(packet.data(), packet.length(), &arp));
  EXPECT_TRUE(arp.is_request);
  EXPECT_FALSE(arp.is_gratuitous());
  EXPECT_EQ(arp.sender_mac, kClientMac);
  EXPECT_EQ(IpAddress(arp.sender), Address("198.51.100.7"));
  EXPECT_EQ(IpAddress(arp.target), Address("192.0.2.10"));
  TurnIntoArpReply(packet, kOurMac);
  EXPECT_EQ(ToHex(packet.frame()),
            "02000000000c02000000000d0806"
            "0001080006040002"
            "02000000000dc000020a"
            "02000000000cc6336407");
  ASSERT_TRUE(ParseArp(packet.data(), packet.length(), &arp));
  EXPECT_FALSE(arp.is_request);
}

TEST(Arp, AProbeIsAnsweredToo) {
  BytePacket packet(
      Ethernet(0x0806, Hex("0001080006040001 02000000000c 00000000 000000000000 c000020a")));
  ArpMessage arp;
  ASSERT_TRUE(ParseArp(packet.data(), packet.length(), &arp));
  EXPECT_TRUE(arp.sender.is_unspecified());
}

TEST(Arp, Malformed) {
  EXPECT_TRUE(Accepts(kRequest));
  EXPECT_FALSE(Accepts("0006080006040001 02000000000c c6336407 000000000000 c000020a"));
  EXPECT_FALSE(Accepts("000186dd06040001 02000000000c c6336407 000000000000 c000020a"));
  EXPECT_FALSE(Accepts("0001080008040001 02000000000c c6336407 000000000000 c000020a"));
  EXPECT_FALSE(Accepts("0001080006100001 02000000000c c6336407 000000000000 c000020a"));
  EXPECT_FALSE(Accepts("0001080006040003 02000000000c c6336407 000000000000 c000020a"));
  EXPECT_FALSE(Accepts("0001080006040001 03000000000c c6336407 000000000000 c000020a"));
  EXPECT_FALSE(Accepts("0001080006040001 000000000000 c6336407 000000000000 c000020a"));
  EXPECT_FALSE(Accepts("0001080006040001 02000000000c e0000001 000000000000 c000020a"));
  EXPECT_FALSE(Accepts("0001080006040001 02000000000c 7f000001 000000000000 c000020a"));
  EXPECT_FALSE(Accepts("0001080006040001 02000000000c c6336407 000000000000 c00002"));
}

TEST(Arp, BuildsRequestsAndAnnouncements) {
  uint8_t frame[kArpFrameLength];
  ASSERT_EQ(BuildArpRequest(frame, kOurMac, Address("192.0.2.1").v4(), Address("192.0.2.9").v4()),
            42u);
  EXPECT_EQ(ToHex(frame),
            "ffffffffffff02000000000d0806"
            "0001080006040001"
            "02000000000dc0000201"
            "000000000000c0000209");
  ASSERT_EQ(BuildGratuitousArp(frame, kOurMac, Address("192.0.2.10").v4()), 42u);
  EXPECT_EQ(ToHex(frame),
            "ffffffffffff02000000000d0806"
            "0001080006040001"
            "02000000000dc000020a"
            "000000000000c000020a");
  ArpMessage arp;
  ASSERT_TRUE(ParseArp(frame, sizeof frame, &arp));
  EXPECT_TRUE(arp.is_gratuitous());
}

}  // namespace
}  // namespace fairlead::dataplane::test::arp_test
