#include "dataplane/wire/icmp_build.h"

#include <gtest/gtest.h>

#include "frames.h"

namespace fairlead::dataplane::test::icmp_build_test {
namespace {

const Endpoint kClient4 = At("198.51.100.7:51356"), kVip4 = At("192.0.2.10:80");
const Endpoint kClient6 = At("[2001:db8::7]:51356"), kVip6 = At("[2001:db8:1::10]:80");

struct Received {
  explicit Received(const Bytes& bytes) : frame(bytes), packet(bytes) { Parse(packet, &parsed); }
  Bytes frame;
  BytePacket packet;
  ParsedPacket parsed;

  [[nodiscard]] bool may_error() const { return MayAnswerWithError(packet.data(), parsed); }
  [[nodiscard]] bool may_reset() const { return MayAnswerWithReset(packet.data(), parsed); }
};

// Swapped addresses, our TTL, right checksums, and `parsed` tells what the answer is.
void ExpectAnswer(Received& r, const IpAddress& source, const IpAddress& destination) {
  EXPECT_EQ(ToHex(r.packet.frame().first(12)), "02000000000c02000000000d");
  EXPECT_EQ(ChecksumProblem(r.packet.frame()), "");
  EXPECT_EQ(r.parsed.source(r.packet.data()), source);
  EXPECT_EQ(r.parsed.destination(r.packet.data()), destination);
  EXPECT_EQ(r.parsed.ttl, 64);
  EXPECT_EQ(r.parsed.l3_offset + r.parsed.ip_length, r.packet.length());
}

struct ErrorCase {
  IcmpError error;
  const char* v4;  // the ICMP header without its checksum: type code rest
  const char* v6;
};

constexpr ErrorCase kErrors[] = {
    {IcmpError::kPortUnreachable, "030300000000", "010400000000"},
    {IcmpError::kHostUnreachable, "030100000000", "010300000000"},
    {IcmpError::kNetUnreachable, "030000000000", "010000000000"},
    {IcmpError::kTooBig, "030400000578", "020000000578"},
    {IcmpError::kTimeExceeded, "0b0000000000", "030000000000"},
};

TEST(IcmpBuild, ErrorsQuoteThePacketAsItCame) {
  for (const ErrorCase& c : kErrors) {
    for (bool is_v4 : {true, false}) {
      const Endpoint client = is_v4 ? kClient4 : kClient6, vip = is_v4 ? kVip4 : kVip6;
      Received r(Tcp(client, vip, kTcpSyn, Hex("616263")));
      ASSERT_TRUE(r.may_error());
      ASSERT_TRUE(BuildIcmpError(r.packet, &r.parsed, c.error, vip.address, 1400));
      ExpectAnswer(r, vip.address, client.address);
      const std::string icmp = IpHex(r.packet).substr(is_v4 ? 40 : 80);
      EXPECT_EQ(icmp.substr(0, 4) + icmp.substr(8, 8), is_v4 ? c.v4 : c.v6);
      EXPECT_EQ(icmp.substr(16), ToHex(r.frame).substr(28));
      EXPECT_EQ(r.parsed.tos, is_v4 ? 0xc0 : 0);
      EXPECT_FALSE(r.may_error());  // nobody answers it
    }
  }
}

TEST(IcmpBuild, LongPacketsAreQuotedUpToTheLimit) {
  Received v4(Udp(kClient4, kVip4, Bytes(1472, 7)));
  ASSERT_TRUE(BuildIcmpError(v4.packet, &v4.parsed, IcmpError::kTooBig, kVip4.address, 1400));
  EXPECT_EQ(v4.packet.length(), 14u + 576);
  ExpectAnswer(v4, kVip4.address, kClient4.address);
  Received v6(Udp(kClient6, kVip6, Bytes(1452, 7)));
  ASSERT_TRUE(BuildIcmpError(v6.packet, &v6.parsed, IcmpError::kTooBig, kVip6.address, 1400));
  EXPECT_EQ(v6.packet.length(), 14u + 1280);
  ExpectAnswer(v6, kVip6.address, kClient6.address);
}

TEST(IcmpBuild, WhatNoErrorMayAnswer) {
  const IpAddress client = kClient4.address, vip = kVip4.address;
  for (uint8_t type : Hex("0304050b0c")) {
    EXPECT_FALSE(Received(Icmp(client, vip, type, 0, 0, Bytes(28))).may_error()) << int{type};
  }
  EXPECT_TRUE(Received(Icmp(client, vip, 8, 0, 0, {})).may_error());
  for (uint8_t type : Hex("01020304647f89")) {
    EXPECT_FALSE(Received(Icmp(kClient6.address, kVip6.address, type, 0, 0, Bytes(48))).may_error())
        << int{type};
  }
  EXPECT_TRUE(Received(Icmp(kClient6.address, kVip6.address, 128, 0, 0, {})).may_error());
  EXPECT_FALSE(Received(Udp(kClient4, At("224.0.0.18:1"), {})).may_error());
  EXPECT_FALSE(Received(Udp(kClient4, At("255.255.255.255:1"), {})).may_error());
  EXPECT_FALSE(Received(Udp(kClient6, At("[ff02::12]:1"), {})).may_error());
  EXPECT_FALSE(Received(Udp(kClient4, kVip4, Bytes(16), {.fragment = 2})).may_error());
  EXPECT_TRUE(Received(Udp(kClient4, kVip4, Bytes(16), {.fragment = 0x2000})).may_error());
  Bytes broadcast = Udp(kClient4, kVip4, {});
  for (size_t i = 0; i < 6; ++i) broadcast[i] = 0xff;
  EXPECT_FALSE(Received(broadcast).may_error());
}

TEST(IcmpBuild, NoHeadroomIsSaid) {
  Received r(Tcp(kClient4, kVip4, kTcpSyn));
  ASSERT_NE(r.packet.Prepend(BytePacket::kHeadroom - 20), nullptr);
  std::copy(r.frame.begin(), r.frame.end(), r.packet.data());
  r.packet.Resize(static_cast<uint32_t>(r.frame.size()));
  EXPECT_FALSE(BuildIcmpError(r.packet, &r.parsed, IcmpError::kPortUnreachable, kVip4.address));
}

struct ResetCase {
  uint8_t flags;
  size_t data;
  const char* tcp;  // sequence, acknowledgement, offset and flags
};

// The segment has sequence 1000 (0x3e8) and acknowledgement 5000 (0x1388).
constexpr ResetCase kResets[] = {
    {kTcpSyn, 0, "00000000000003e95014"},           {kTcpSyn, 3, "00000000000003ec5014"},
    {kTcpFin, 0, "00000000000003e95014"},           {0, 5, "00000000000003ed5014"},
    {kTcpAck, 5, "00001388000000005004"},           {kTcpSyn | kTcpAck, 0, "00001388000000005004"},
    {kTcpFin | kTcpAck, 0, "00001388000000005004"},
};

TEST(IcmpBuild, Resets) {
  for (const ResetCase& c : kResets) {
    for (bool is_v4 : {true, false}) {
      const Endpoint client = is_v4 ? kClient4 : kClient6, vip = is_v4 ? kVip4 : kVip6;
      Received r(Tcp(client, vip, c.flags, Bytes(c.data, 1), 1000, 5000));
      ASSERT_TRUE(r.may_reset());
      BuildReset(r.packet, &r.parsed);
      ExpectAnswer(r, vip.address, client.address);
      EXPECT_EQ(IpHex(r.packet).substr(is_v4 ? 40 : 80, 28), "0050c89c" + std::string(c.tcp));
      EXPECT_EQ(r.packet.length(), is_v4 ? 54u : 74u);
      EXPECT_FALSE(r.may_reset());  // a RST is never answered with a RST
    }
  }
}

TEST(IcmpBuild, WhatNoResetMayAnswer) {
  EXPECT_FALSE(Received(Udp(kClient4, kVip4, {})).may_reset());
  EXPECT_FALSE(Received(Tcp(kClient4, kVip4, kTcpRst | kTcpAck)).may_reset());
  EXPECT_FALSE(Received(Tcp(kClient4, At("224.0.0.1:80"), kTcpSyn)).may_reset());
}

TEST(IcmpBuild, EchoReplies) {
  for (bool is_v4 : {true, false}) {
    const IpAddress client = is_v4 ? kClient4.address : kClient6.address;
    const IpAddress vip = is_v4 ? kVip4.address : kVip6.address;
    Received r(Icmp(client, vip, is_v4 ? 8 : 128, 0, 0x12340001, Hex("0102030405"), 3));
    ASSERT_TRUE(IsEchoRequest(r.packet.data(), r.parsed));
    ASSERT_TRUE(BuildEchoReply(r.packet, &r.parsed));
    ExpectAnswer(r, vip, client);
    const std::string icmp = IpHex(r.packet).substr(is_v4 ? 40 : 80);
    EXPECT_EQ(icmp.substr(0, 4), is_v4 ? "0000" : "8100");
    EXPECT_EQ(icmp.substr(8), "123400010102030405");
    EXPECT_FALSE(IsEchoRequest(r.packet.data(), r.parsed));
  }
}

TEST(IcmpBuild, EchoReplyLeavesOptionsOut) {
  const Bytes message = Hex("0800f7fd 0001 0001");
  Received v4(
      Ip(kClient4.address, kVip4.address, {.protocol = 1, .extensions = Hex("01010100")}, message));
  ASSERT_TRUE(IsEchoRequest(v4.packet.data(), v4.parsed));
  ASSERT_TRUE(BuildEchoReply(v4.packet, &v4.parsed));
  ExpectAnswer(v4, kVip4.address, kClient4.address);
  EXPECT_EQ(v4.packet.length(), 14u + 28);
}

TEST(IcmpBuild, DamagedEchoRequestsAreNotAnswered) {
  Bytes frame = Icmp(kClient4.address, kVip4.address, 8, 0, 1, Hex("0102"));
  frame.back() ^= 1;
  Received r(frame);
  EXPECT_FALSE(BuildEchoReply(r.packet, &r.parsed));
  EXPECT_EQ(ToHex(r.packet.frame()), ToHex(frame));
}

}  // namespace
}  // namespace fairlead::dataplane::test::icmp_build_test
