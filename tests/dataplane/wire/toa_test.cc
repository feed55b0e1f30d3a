// The client's address as a TCP option: where it stands, what it says, and when it does not fit.
#include "dataplane/wire/toa.h"

#include <gtest/gtest.h>

#include "frames.h"

namespace fairlead::dataplane::test::toa_test {
namespace {

const Endpoint kLocal4 = At("10.0.1.3:1025"), kReal4 = At("10.0.0.11:8080");
const Endpoint kLocal6 = At("[fd00::103]:1025"), kReal6 = At("[fd00::11]:8080");
const Ipv4Address kClient4 = Address("198.51.100.7").v4();
const Ipv6Address kClient6 = Address("2001:db8::7").v6();
constexpr uint16_t kPort = 40000;
const char kToa4[] = "fe 08 9c40 c6336407";
const char kToa6[] = "fe 14 9c40 20010db8000000000000000000000007";
const char kTimestamps[] = "01 01 08 0a 11111111 22222222";

ParsedPacket ParsedOf(BytePacket& packet) {
  ParsedPacket parsed;
  EXPECT_EQ(Parse(packet, &parsed).kind, PacketKind::kFlow);
  return parsed;
}

template <typename Client>
ToaOutcome Add(BytePacket& packet, const Client& client, uint32_t mtu = 1500) {
  ParsedPacket parsed = ParsedOf(packet);
  const ToaOutcome outcome = AddToa(packet, &parsed, client, Port(kPort), mtu);
  if (outcome == ToaOutcome::kAdded) {
    EXPECT_EQ(parsed, ParsedOf(packet)) << "what the caller goes on with is what is there";
  }
  return outcome;
}

TEST(Toa, EveryByteOfAHandshakesThirdSegment) {
  BytePacket packet(Tcp(kLocal4, kReal4, kTcpAck, {}, 0x1001, 0x2001));
  ASSERT_EQ(Add(packet, kClient4), ToaOutcome::kAdded);
  EXPECT_EQ(IpHex(packet),
            "4500003012344000400613870a0001030a00000b"  // 48 bytes
            "04011f900000100100002001"
            "7010ffff62a70000"  // seven words of header
            "fe089c40c6336407");
}

TEST(Toa, StandsInFrontOfTheOtherOptionsAndTheData) {
  const Bytes data = Hex("474554202f0d0a");
  BytePacket packet(Tcp(kLocal4, kReal4, kTcpAck, data, 7, 8, Hex(kTimestamps)));
  ASSERT_EQ(Add(packet, kClient4), ToaOutcome::kAdded);
  EXPECT_EQ(ToHex(packet.frame()),
            ToHex(Tcp(kLocal4, kReal4, kTcpAck, data, 7, 8, Hex(kToa4) + Hex(kTimestamps))));
}

TEST(Toa, OfEveryFamilyInEveryFamily) {
  const Bytes data = Hex("61");
  BytePacket packet(Tcp(kLocal6, kReal6, kTcpAck, data));
  ASSERT_EQ(Add(packet, kClient6), ToaOutcome::kAdded);
  EXPECT_EQ(ToHex(packet.frame()), ToHex(Tcp(kLocal6, kReal6, kTcpAck, data, 1000, 0, Hex(kToa6))));
  packet.Assign(Tcp(kLocal6, kReal6, kTcpAck, data));
  ASSERT_EQ(Add(packet, kClient4), ToaOutcome::kAdded);
  EXPECT_EQ(ToHex(packet.frame()), ToHex(Tcp(kLocal6, kReal6, kTcpAck, data, 1000, 0, Hex(kToa4))));
  packet.Assign(Tcp(kLocal4, kReal4, kTcpAck, data));
  ASSERT_EQ(Add(packet, kClient6), ToaOutcome::kAdded);
  EXPECT_EQ(ToHex(packet.frame()), ToHex(Tcp(kLocal4, kReal4, kTcpAck, data, 1000, 0, Hex(kToa6))));
}

TEST(Toa, FillsTheHeaderToItsLastByteAndNoFurther) {
  const Bytes full(32, kTcpOptionNop), fuller(36, kTcpOptionNop);
  BytePacket packet(Tcp(kLocal4, kReal4, kTcpAck, {}, 1, 2, full));
  ASSERT_EQ(Add(packet, kClient4), ToaOutcome::kAdded);
  EXPECT_EQ(ToHex(packet.frame()),
            ToHex(Tcp(kLocal4, kReal4, kTcpAck, {}, 1, 2, Hex(kToa4) + full)));
  const Bytes before = Tcp(kLocal4, kReal4, kTcpAck, {}, 1, 2, fuller);
  packet.Assign(before);
  EXPECT_EQ(Add(packet, kClient4), ToaOutcome::kNoRoomInHeader);
  EXPECT_EQ(ToHex(packet.frame()), ToHex(before));
}

TEST(Toa, FillsTheMtuToItsLastByteAndNoFurther) {
  const Bytes before = Tcp(kLocal4, kReal4, kTcpAck, Bytes(100, 'a'));  // 140 bytes
  BytePacket packet(before);
  EXPECT_EQ(Add(packet, kClient4, 147), ToaOutcome::kTooLong);
  EXPECT_EQ(ToHex(packet.frame()), ToHex(before));
  EXPECT_EQ(Add(packet, kClient4, 148), ToaOutcome::kAdded);
  EXPECT_EQ(packet.length(), 14u + 148);
  const Bytes longest = Tcp(kLocal4, kReal4, kTcpAck, Bytes(9000, 'a'));
  packet.Assign(longest);
  EXPECT_EQ(Add(packet, kClient4, 0xffffffff), ToaOutcome::kAdded);
}

TEST(Toa, ABufferWithoutRoomInFrontIsLeftAlone) {
  const Bytes before = Tcp(kLocal4, kReal4, kTcpAck);
  BytePacket packet(before);
  packet.Prepend(BytePacket::kHeadroom - 7);
  std::memcpy(packet.data(), before.data(), before.size());
  packet.Resize(static_cast<uint32_t>(before.size()));
  EXPECT_EQ(Add(packet, kClient4), ToaOutcome::kNoRoomInBuffer);
  EXPECT_EQ(ToHex(packet.frame()), ToHex(before));
}

TEST(Toa, ABadChecksumStaysBad) {
  Bytes frame = Tcp(kLocal4, kReal4, kTcpAck, Hex("616263"));
  frame.back() ^= 1;
  BytePacket packet(frame);
  ASSERT_EQ(Add(packet, kClient4), ToaOutcome::kAdded);
  EXPECT_EQ(ChecksumProblem(packet.frame()), "TCP checksum");
}

TEST(Toa, WhatAClientSaysOfItselfIsBlanked) {
  // At an odd byte, and another behind it.
  const Bytes forged = Hex("01") + Hex(kToa4) + Hex("fe03ff") + Hex("0402 0000");
  BytePacket packet(Tcp(kLocal4, kReal4, kTcpSyn, {}, 1, 0, forged));
  BlankOption(packet.data(), ParsedOf(packet), kTcpOptionToa);
  EXPECT_EQ(ToHex(packet.frame()), ToHex(Tcp(kLocal4, kReal4, kTcpSyn, {}, 1, 0,
                                             Bytes(12, kTcpOptionNop) + Hex("0402 0000"))));
}

TEST(Toa, NonsenseEndsTheOptions) {
  for (const char* options : {"fe000000", "fe010000", "010101fe", "0000fe08", "fe0afe04"}) {
    const Bytes before = Tcp(kLocal4, kReal4, kTcpAck, {}, 1, 0, Hex(options));
    BytePacket packet(before);
    BlankOption(packet.data(), ParsedOf(packet), kTcpOptionToa);
    EXPECT_EQ(ToHex(packet.frame()), ToHex(before)) << options;
  }
}

TEST(LowerMss, MakesRoomForWhatIsPutInLater) {
  const auto lowered = [](const char* options, uint16_t by) {
    BytePacket packet(Tcp(kReal4, kLocal4, kTcpSyn | kTcpAck, {}, 1, 2, Hex(options)));
    LowerMss(packet.data(), ParsedOf(packet), by);
    EXPECT_EQ(ChecksumProblem(packet.frame()), "");
    return ToHex(packet.frame().subspan(54));
  };
  EXPECT_EQ(lowered("020405b4", 8), "020405ac");
  EXPECT_EQ(lowered("01020405b4010101", 20), "01020405a0010101") << "at an odd byte";
  EXPECT_EQ(lowered("02040048", 8), "02040040");
  EXPECT_EQ(lowered("02040047", 8), "02040047") << "too small to be lowered";
  EXPECT_EQ(lowered("020305b4", 8), "020305b4") << "none that anybody takes";
}

}  // namespace
}  // namespace fairlead::dataplane::test::toa_test
