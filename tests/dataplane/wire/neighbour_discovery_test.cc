#include "dataplane/wire/neighbour_discovery.h"

#include <gtest/gtest.h>

#include "frames.h"

namespace fairlead::dataplane::test::neighbour_discovery_test {
namespace {

const Ipv6Address kClient = Address("2001:db8::7").v6();
const Ipv6Address kVip = Address("2001:db8::10").v6();
const Ipv6Address kGroup = Address("ff02::1:ff00:10").v6();
const char* const kTarget = "20010db8000000000000000000000010";
const char* const kSourceLink = "010102000000000c";

struct Received {
  explicit Received(const Bytes& frame) : packet(frame) {
    EXPECT_EQ(Parse(packet, &parsed).kind, PacketKind::kIcmp);
    EXPECT_TRUE(IsNeighbourMessage(parsed));
    is_good = ParseNeighbourMessage(packet.data(), parsed, &message);
  }
  BytePacket packet;
  ParsedPacket parsed;
  NeighbourMessage message;
  bool is_good;
};

Bytes Solicitation(const IpAddress& source, const IpAddress& destination, const std::string& body,
                   uint8_t hop_limit = 255, uint8_t code = 0) {
  return Icmp(source, destination, 135, code, 0, Hex(body), hop_limit);
}

TEST(NeighbourDiscovery, ASolicitationBecomesItsAdvertisement) {
  Received r(Solicitation(kClient, kGroup, std::string(kTarget) + kSourceLink));
  ASSERT_TRUE(r.is_good);
  EXPECT_TRUE(r.message.is_solicitation);
  EXPECT_EQ(r.message.target, kVip);
  EXPECT_TRUE(r.message.has_link_address);
  EXPECT_EQ(r.message.link_address, kClientMac);
  ASSERT_TRUE(TurnIntoNeighbourAdvertisement(r.packet, &r.parsed, kOurMac));
  EXPECT_EQ(ToHex(r.packet.frame().first(14)), "02000000000c02000000000d86dd");
  EXPECT_EQ(ChecksumProblem(r.packet.frame()), "");
  Received answer(Bytes(r.packet.frame().begin(), r.packet.frame().end()));
  ASSERT_TRUE(answer.is_good);
  EXPECT_FALSE(answer.message.is_solicitation);
  EXPECT_TRUE(answer.message.is_solicited);
  EXPECT_TRUE(answer.message.is_override);
  EXPECT_EQ(answer.message.target, kVip);
  EXPECT_EQ(answer.message.link_address, kOurMac);
  EXPECT_EQ(answer.parsed.ttl, 255);
  EXPECT_EQ(answer.parsed.source(answer.packet.data()), IpAddress(kVip));
  EXPECT_EQ(answer.parsed.destination(answer.packet.data()), IpAddress(kClient));
}

// Unicast probes carry no option: the answer is longer than the question.
TEST(NeighbourDiscovery, AnAnswerMayGrow) {
  Received r(Solicitation(kClient, kVip, kTarget));
  ASSERT_TRUE(r.is_good);
  EXPECT_FALSE(r.message.has_link_address);
  ASSERT_TRUE(TurnIntoNeighbourAdvertisement(r.packet, &r.parsed, kOurMac));
  EXPECT_EQ(r.packet.length(), kNeighbourFrameLength);
  EXPECT_EQ(ChecksumProblem(r.packet.frame()), "");
}

TEST(NeighbourDiscovery, DuplicateAddressDetectionIsAnsweredToAll) {
  Received r(Solicitation(Address("::"), kGroup, kTarget));
  ASSERT_TRUE(r.is_good);
  ASSERT_TRUE(TurnIntoNeighbourAdvertisement(r.packet, &r.parsed, kOurMac));
  EXPECT_EQ(ToHex(r.packet.frame().first(6)), "333300000001");
  EXPECT_EQ(r.parsed.destination(r.packet.data()), Address("ff02::1"));
  Received answer(Bytes(r.packet.frame().begin(), r.packet.frame().end()));
  ASSERT_TRUE(answer.is_good);
  EXPECT_FALSE(answer.message.is_solicited);
}

TEST(NeighbourDiscovery, WhatAReceiverMustDiscard) {
  const std::string target = kTarget;
  const auto good = [](const Bytes& frame) { return Received(frame).is_good; };
  EXPECT_TRUE(good(Solicitation(kClient, kGroup, target + "0e01000000000000" + kSourceLink)));
  EXPECT_FALSE(good(Solicitation(kClient, kGroup, target, 254)));
  EXPECT_FALSE(good(Solicitation(kClient, kGroup, target, 255, 1)));
  EXPECT_FALSE(good(Solicitation(kClient, kGroup, target.substr(0, 30))));
  EXPECT_FALSE(good(Solicitation(kClient, kGroup, target + "010002000000000c")));
  EXPECT_FALSE(good(Solicitation(kClient, kGroup, target + "010202000000000c")));
  EXPECT_FALSE(good(Solicitation(kClient, kGroup, target + "01010200")));
  EXPECT_FALSE(good(Solicitation(kClient, kGroup, "ff020000000000000000000000000001")));
  EXPECT_FALSE(good(Solicitation(Address("::"), kVip, target)));
  EXPECT_FALSE(good(Solicitation(Address("::"), kGroup, target + kSourceLink)));
  Bytes damaged = Solicitation(kClient, kGroup, target);
  damaged.back() ^= 1;
  EXPECT_FALSE(good(damaged));
  // An advertisement to all cannot be an answer.
  EXPECT_FALSE(good(Icmp(kVip, Address("ff02::1"), 136, 0, 0x40000000, Hex(target), 255)));
  EXPECT_TRUE(good(Icmp(kVip, Address("ff02::1"), 136, 0, 0x20000000, Hex(target), 255)));
  EXPECT_FALSE(good(Icmp(Address("::"), kClient, 136, 0, 0x40000000, Hex(target), 255)));
}

TEST(NeighbourDiscovery, BuildsSolicitationsAndAnnouncements) {
  Bytes frame(kNeighbourFrameLength);
  ASSERT_EQ(BuildNeighbourSolicitation(frame.data(), kOurMac, kVip, kClient), 86u);
  EXPECT_EQ(ToHex(frame).substr(0, 28), "3333ff00000702000000000d86dd");
  EXPECT_EQ(ChecksumProblem(frame), "");
  Received asked(frame);
  ASSERT_TRUE(asked.is_good);
  EXPECT_EQ(asked.message.target, kClient);
  EXPECT_EQ(asked.message.link_address, kOurMac);
  EXPECT_EQ(asked.parsed.destination(frame.data()), Address("ff02::1:ff00:7"));

  ASSERT_EQ(BuildUnsolicitedAdvertisement(frame.data(), kOurMac, kVip), 86u);
  EXPECT_EQ(ChecksumProblem(frame), "");
  Received told(frame);
  ASSERT_TRUE(told.is_good);
  EXPECT_TRUE(told.message.is_override);
  EXPECT_EQ(told.message.target, kVip);
  EXPECT_EQ(told.message.link_address, kOurMac);
}

}  // namespace
}  // namespace fairlead::dataplane::test::neighbour_discovery_test
