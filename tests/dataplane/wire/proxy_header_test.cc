// The PROXY protocol's headers, byte by byte, and how they get into a stream or a datagram.
#include "dataplane/wire/proxy_header.h"

#include <gtest/gtest.h>

#include "frames.h"

namespace fairlead::dataplane::test::proxy_header_test {
namespace {

const Endpoint kClient4 = At("198.51.100.7:40000"), kVip4 = At("192.0.2.10:80");
const Endpoint kClient6 = At("[2001:db8::7]:40000"), kVip6 = At("[2001:db8:1::10]:443");

ProxyHeader Made(ProxyVersion version, Transport transport, const Endpoint& client,
                 const Endpoint& service) {
  ProxyHeader header;
  MakeProxyHeader(version, transport, client, service, &header);
  return header;
}
std::string Text(const Endpoint& client, const Endpoint& service) {
  const ProxyHeader header = Made(ProxyVersion::k1, Transport::kTcp, client, service);
  return {header.bytes().begin(), header.bytes().end()};
}

TEST(ProxyHeader, Version1IsALine) {
  EXPECT_EQ(Text(kClient4, kVip4), "PROXY TCP4 198.51.100.7 192.0.2.10 40000 80\r\n");
  EXPECT_EQ(Text(kClient6, kVip6), "PROXY TCP6 2001:db8::7 2001:db8:1::10 40000 443\r\n");
  EXPECT_EQ(Text(At("[::ffff:10.0.0.1]:1"), At("[::1]:2")),
            "PROXY TCP6 ::ffff:10.0.0.1 ::1 1 2\r\n");
}

TEST(ProxyHeader, TheLongestOfVersion1Fits) {
  const Endpoint longest = At("[2001:1111:2222:3333:4444:5555:6666:7777]:65535");
  EXPECT_EQ(Text(longest, longest),
            "PROXY TCP6 2001:1111:2222:3333:4444:5555:6666:7777 "
            "2001:1111:2222:3333:4444:5555:6666:7777 65535 65535\r\n");
  EXPECT_EQ(Text(longest, longest).size(), 104u);
  EXPECT_EQ(Text(At("255.255.255.255:65535"), At("255.255.255.255:65535")).size(), 56u);
}

TEST(ProxyHeader, Version2IsBinary) {
  const std::string signature = "0d0a0d0a000d0a515549540a";
  EXPECT_EQ(ToHex(Made(ProxyVersion::k2, Transport::kTcp, kClient4, kVip4).bytes()),
            signature + "2111000cc6336407c000020a9c400050");
  EXPECT_EQ(ToHex(Made(ProxyVersion::k2, Transport::kUdp, kClient4, kVip4).bytes()),
            signature + "2112000cc6336407c000020a9c400050");
  EXPECT_EQ(ToHex(Made(ProxyVersion::k2, Transport::kTcp, kClient6, kVip6).bytes()),
            signature +
                "21210024"
                "20010db8000000000000000000000007"
                "20010db8000100000000000000000010"
                "9c4001bb");
  EXPECT_EQ(ToHex(Made(ProxyVersion::k2, Transport::kUdp, kClient6, kVip6).bytes()).substr(24, 8),
            "21220024");
}

const Endpoint kLocal = At("10.0.1.3:1025"), kReal = At("10.0.0.11:8080");
const Endpoint kLocal6 = At("[fd00::103]:1025"), kReal6 = At("[fd00::11]:8080");
const char kTimestamps[] = "01 01 08 0a 11111111 22222222";

ParsedPacket ParsedOf(BytePacket& packet) {
  ParsedPacket parsed;
  EXPECT_EQ(Parse(packet, &parsed).kind, PacketKind::kFlow);
  return parsed;
}
Bytes Both(const ProxyHeader& header, const Bytes& data) {
  return Bytes{header.bytes().begin(), header.bytes().end()} + data;
}

TEST(ProxyHeader, ASegmentWithoutDataTakesItAlong) {
  for (const ProxyVersion version : {ProxyVersion::k1, ProxyVersion::k2}) {  // odd and even length
    const ProxyHeader header = Made(version, Transport::kTcp, kClient4, kVip4);
    BytePacket packet(Tcp(kLocal, kReal, kTcpAck, {}, 1001, 5001, Hex(kTimestamps)));
    ParsedPacket parsed = ParsedOf(packet);
    ASSERT_TRUE(PutData(packet, &parsed, header.bytes()));
    EXPECT_EQ(ToHex(packet.frame()), ToHex(Tcp(kLocal, kReal, kTcpAck | kTcpPsh, Both(header, {}),
                                               1001, 5001, Hex(kTimestamps))));
    EXPECT_EQ(parsed, ParsedOf(packet));
  }
}

TEST(ProxyHeader, AFinStaysBehindIt) {
  const ProxyHeader header = Made(ProxyVersion::k2, Transport::kTcp, kClient6, kVip6);
  BytePacket packet(Tcp(kLocal6, kReal6, kTcpAck | kTcpFin, {}, 1001, 5001));
  ParsedPacket parsed = ParsedOf(packet);
  ASSERT_TRUE(PutData(packet, &parsed, header.bytes()));
  EXPECT_EQ(ToHex(packet.frame()),
            ToHex(Tcp(kLocal6, kReal6, kTcpAck | kTcpFin | kTcpPsh, Both(header, {}), 1001, 5001)));
}

TEST(ProxyHeader, ASegmentWithDataGetsOneInFront) {
  const ProxyHeader header = Made(ProxyVersion::k1, Transport::kTcp, kClient4, kVip4);
  const Bytes with_data =
      Tcp(kLocal, kReal, kTcpAck | kTcpPsh | kTcpFin, Hex("616263"), 1001, 5001, Hex(kTimestamps));
  BytePacket packet(with_data), front;
  const ParsedPacket parsed = ParsedOf(packet);
  ParsedPacket fields;
  ASSERT_TRUE(CopyWithoutData(packet, parsed, front, &fields));
  EXPECT_EQ(ToHex(front.frame()),
            ToHex(Tcp(kLocal, kReal, kTcpAck, {}, 1001, 5001, Hex(kTimestamps))));
  EXPECT_EQ(fields, ParsedOf(front));
  ASSERT_TRUE(PutData(front, &fields, header.bytes()));
  EXPECT_EQ(ToHex(front.frame()), ToHex(Tcp(kLocal, kReal, kTcpAck | kTcpPsh, Both(header, {}),
                                            1001, 5001, Hex(kTimestamps))));
  EXPECT_EQ(ToHex(packet.frame()), ToHex(with_data));
}

TEST(ProxyHeader, WhatWasWrongInTheClientsSegmentStaysWrong) {
  Bytes frame = Tcp(kLocal, kReal, kTcpAck, Hex("616263"), 1001);
  frame.back() ^= 1;
  BytePacket packet(frame), front;
  ParsedPacket fields;
  ASSERT_TRUE(CopyWithoutData(packet, ParsedOf(packet), front, &fields));
  EXPECT_EQ(ChecksumProblem(front.frame()), "TCP checksum");
}

TEST(ProxyHeader, ABufferWithoutRoomIsLeftAlone) {
  BytePacket packet(Tcp(kLocal, kReal, kTcpAck));
  const ParsedPacket before = ParsedOf(packet);
  ParsedPacket parsed = before;
  const Bytes much(BytePacket::kRoom + BytePacket::kHeadroom, 'a');
  EXPECT_FALSE(PutData(packet, &parsed, much));
  EXPECT_EQ(parsed, before);
  EXPECT_EQ(ToHex(packet.frame()), ToHex(Tcp(kLocal, kReal, kTcpAck)));
}

TEST(ProxyHeader, ADatagramBeginsWithIt) {
  const ProxyHeader header = Made(ProxyVersion::k2, Transport::kUdp, kClient4, kVip4);
  for (const Bytes& data : {Hex("6869"), Hex("686921"), Bytes{}}) {
    BytePacket packet(Udp(kLocal, kReal, data));
    ParsedPacket parsed = ParsedOf(packet);
    ASSERT_TRUE(PutBeforeDatagram(packet, &parsed, header.bytes()));
    EXPECT_EQ(ToHex(packet.frame()), ToHex(Udp(kLocal, kReal, Both(header, data))));
    EXPECT_EQ(parsed, ParsedOf(packet));
    BytePacket packet6(Udp(kLocal6, kReal6, data));
    parsed = ParsedOf(packet6);
    ASSERT_TRUE(PutBeforeDatagram(packet6, &parsed, header.bytes()));
    EXPECT_EQ(ToHex(packet6.frame()), ToHex(Udp(kLocal6, kReal6, Both(header, data))));
  }
}

// The IP packet is longer than the datagram in it, which alone counts.
TEST(ProxyHeader, WhatLiesBehindADatagramIsNoData) {
  const ProxyHeader header = Made(ProxyVersion::k2, Transport::kUdp, kClient4, kVip4);
  const Bytes data = Hex("6869");
  const auto longer = [](Bytes frame) {
    frame.insert(frame.end(), {0, 0, 0, 0});
    Be16::FromHost(static_cast<uint16_t>(frame.size() - 14)).Store(&frame[16]);
    auto* ip = HeaderAt<Ipv4Header>(frame.data(), 14);
    ip->checksum = Be16{};
    ip->checksum = Checksum(ip, sizeof *ip);
    return frame;
  };
  BytePacket packet(longer(Udp(kLocal, kReal, data)));
  ParsedPacket parsed = ParsedOf(packet);
  ASSERT_TRUE(PutBeforeDatagram(packet, &parsed, header.bytes()));
  EXPECT_EQ(ToHex(packet.frame()), ToHex(longer(Udp(kLocal, kReal, Both(header, data)))));
}

TEST(ProxyHeader, ASegmentLosesItsData) {
  for (const Bytes& data : {Hex("6869"), Hex("686921")}) {
    BytePacket packet(Tcp(kLocal, kReal, kTcpSyn | kTcpPsh | kTcpFin, data));
    ParsedPacket parsed = ParsedOf(packet);
    CutData(packet, &parsed);
    EXPECT_EQ(ToHex(packet.frame()), ToHex(Tcp(kLocal, kReal, kTcpSyn)));
    EXPECT_EQ(parsed, ParsedOf(packet));
  }
}

TEST(ProxyHeader, ADatagramWithoutChecksumStaysWithout) {
  const ProxyHeader header = Made(ProxyVersion::k2, Transport::kUdp, kClient4, kVip4);
  Bytes frame = Udp(kLocal, kReal, Hex("6869"));
  frame[40] = frame[41] = 0;
  BytePacket packet(frame);
  ParsedPacket parsed = ParsedOf(packet);
  ASSERT_TRUE(PutBeforeDatagram(packet, &parsed, header.bytes()));
  EXPECT_EQ(packet.data()[40], 0);
  EXPECT_EQ(packet.data()[41], 0);
}

}  // namespace
}  // namespace fairlead::dataplane::test::proxy_header_test
