// Properties of every rewriting: checksums stay right, there and back again is the same packet.
#include <gtest/gtest.h>

#include <random>

#include "dataplane/wire/rewrite_dr.h"
#include "dataplane/wire/rewrite_nat.h"
#include "dataplane/wire/rewrite_tun.h"
#include "frames.h"

namespace fairlead::dataplane::test::rewrite_test {
namespace {

class Random {
 public:
  uint32_t operator()() { return static_cast<uint32_t>(engine_()); }
  Endpoint Of(Family family) {
    const Be16 port = Port(static_cast<uint16_t>(engine_()));
    if (family == Family::kIpv4) return {Ipv4Address::FromHost(0x0a000000 | (*this)() >> 8), port};
    Ipv6Address a;
    for (auto& byte : a.bytes) byte = static_cast<uint8_t>(engine_());
    a.bytes[0] = 0x20;
    return {a, port};
  }
  Bytes Data(size_t most) {
    Bytes data(engine_() % most);
    for (auto& byte : data) byte = static_cast<uint8_t>(engine_());
    return data;
  }

 private:
  std::mt19937 engine_{20};
};

template <typename Address>
void ThereAndBack(Random& random) {
  const Endpoint client = random.Of(Address::kFamily), vip = random.Of(Address::kFamily),
                 real = random.Of(Address::kFamily);
  const Bytes data = random.Data(60);
  const bool is_tcp = random() % 2 != 0;
  const Bytes request = is_tcp ? Tcp(client, vip, kTcpAck, data) : Udp(client, vip, data);
  BytePacket packet(request);
  ParsedPacket parsed;
  ASSERT_EQ(Parse(packet, &parsed).kind, PacketKind::kFlow);
  RewriteNat<NatDirection::kForward>(packet, &parsed, real.address.As<Address>(), real.port);
  ASSERT_EQ(ChecksumProblem(packet.frame()), "");
  // The same packet as if the client had spoken to the real server, but for the TTL.
  BytePacket direct(is_tcp ? Tcp(client, real, kTcpAck, data) : Udp(client, real, data));
  ParsedPacket direct_parsed;
  Parse(direct, &direct_parsed);
  RewriteDr(direct, &direct_parsed);
  ASSERT_EQ(IpHex(packet), IpHex(direct));

  // The real server answers, and the client must see the VIP.
  BytePacket answer(is_tcp ? Tcp(real, client, kTcpAck, data) : Udp(real, client, data));
  ASSERT_EQ(Parse(answer, &parsed).kind, PacketKind::kFlow);
  RewriteNat<NatDirection::kReply>(answer, &parsed, vip.address.As<Address>(), vip.port);
  ASSERT_EQ(ChecksumProblem(answer.frame()), "");
  EXPECT_EQ(parsed.source(answer.data()), vip.address);
  EXPECT_EQ(parsed.source_port, vip.port);
  EXPECT_EQ(parsed.ttl, 63);

  // Back: the destination restored, only the TTL tells.
  ASSERT_EQ(Parse(packet, &parsed).kind, PacketKind::kFlow);
  RewriteNat<NatDirection::kForward>(packet, &parsed, vip.address.As<Address>(), vip.port);
  BytePacket twice(request);
  Parse(twice, &parsed);
  RewriteDr(twice, &parsed);
  RewriteDr(twice, &parsed);
  ASSERT_EQ(IpHex(packet), IpHex(twice));
}

TEST(RewriteNat, ThereAndBackIsTheSamePacket) {
  Random random;
  for (int i = 0; i < 5000; ++i) {
    ThereAndBack<Ipv4Address>(random);
    ThereAndBack<Ipv6Address>(random);
    if (HasFatalFailure()) return;
  }
}

TEST(RewriteNat, UdpChecksumZeroStaysZero) {
  Bytes frame = Udp(At("198.51.100.7:5000"), At("192.0.2.10:53"), Hex("6869"));
  frame[40] = frame[41] = 0;
  BytePacket packet(frame);
  ParsedPacket parsed;
  ASSERT_EQ(Parse(packet, &parsed).kind, PacketKind::kFlow);
  RewriteNat<NatDirection::kForward>(packet, &parsed, Address("10.0.0.11").v4(), Port(5353));
  EXPECT_EQ(packet.data()[40], 0);
  EXPECT_EQ(packet.data()[41], 0);
}

// Among all ports one makes the sum zero; it must be written as 0xFFFF.
TEST(RewriteNat, UdpChecksumThatComesToZeroIsWrittenAsOnes) {
  int ones = 0;
  for (uint32_t port = 0; port < 65536; ++port) {
    BytePacket packet(Udp(At("198.51.100.7:5000"), At("192.0.2.10:53"), Hex("6869")));
    ParsedPacket parsed;
    Parse(packet, &parsed);
    RewriteNat<NatDirection::kForward>(packet, &parsed, Address("10.0.0.11").v4(),
                                       Port(static_cast<uint16_t>(port)));
    const int sum = packet.data()[40] << 8 | packet.data()[41];
    ASSERT_NE(sum, 0);
    ones += sum == 0xffff;
    ASSERT_EQ(ChecksumProblem(packet.frame()), "");
  }
  EXPECT_EQ(ones, 1);
}

TEST(RewriteNat, ABadChecksumStaysBad) {
  Bytes frame = Tcp(At("198.51.100.7:5000"), At("192.0.2.10:80"), kTcpAck, Hex("616263"));
  frame.back() ^= 1;
  BytePacket packet(frame);
  ParsedPacket parsed;
  ASSERT_EQ(Parse(packet, &parsed).kind, PacketKind::kFlow);
  RewriteNat<NatDirection::kForward>(packet, &parsed, Address("10.0.0.11").v4(), Port(8080));
  EXPECT_EQ(ChecksumProblem(packet.frame()), "TCP checksum");
}

TEST(RewriteNat, OptionsAndExtensionsStay) {
  BytePacket v4(Udp(At("198.51.100.7:5000"), At("192.0.2.10:53"), Hex("6869"),
                    {.extensions = Hex("01010100")}));
  ParsedPacket parsed;
  ASSERT_EQ(Parse(v4, &parsed).kind, PacketKind::kFlow);
  RewriteNat<NatDirection::kForward>(v4, &parsed, Address("10.0.0.11").v4(), Port(5353));
  EXPECT_EQ(ChecksumProblem(v4.frame()), "");
  BytePacket v6(Udp(At("[2001:db8::7]:5000"), At("[2001:db8::10]:53"), Hex("6869"),
                    {.extensions = Hex("1100010400000000"), .next_header = 60}));
  ASSERT_EQ(Parse(v6, &parsed).kind, PacketKind::kFlow);
  RewriteNat<NatDirection::kForward>(v6, &parsed, Address("fd00::11").v6(), Port(5353));
  EXPECT_EQ(ChecksumProblem(v6.frame()), "");
}

TEST(RewriteDr, OnlyTheHopLimitChanges) {
  const Bytes frame = Tcp(At("[2001:db8::7]:5000"), At("[2001:db8::10]:53"), kTcpSyn);
  BytePacket packet(frame);
  ParsedPacket parsed;
  Parse(packet, &parsed);
  RewriteDr(packet, &parsed);
  Bytes expected = frame;
  expected[14 + 7] = 63;
  EXPECT_EQ(ToHex(packet.frame()), ToHex(expected));
}

// Every TTL and every checksum: the incremental update equals a fresh sum.
TEST(RewriteDr, EveryTtlOfAnIpv4Packet) {
  for (int ttl = 2; ttl < 256; ++ttl) {
    BytePacket packet(
        Udp(At("198.51.100.7:5000"), At("192.0.2.10:53"), {}, {.ttl = static_cast<uint8_t>(ttl)}));
    ParsedPacket parsed;
    Parse(packet, &parsed);
    RewriteDr(packet, &parsed);
    EXPECT_EQ(packet.data()[22], ttl - 1);
    ASSERT_EQ(ChecksumProblem(packet.frame()), "");
  }
}

struct TunnelCase {
  const char* description;
  IpOptions inner;
  bool pmtu_disc;
  const char* outer;  // the first 8 bytes of the outer IPv4 header
};

TEST(RewriteTun, OuterFieldsFollowTheInnerPacket) {
  const TunnelCase cases[] = {
      {"DF copied", {.fragment = 0x4000}, true, "4500003200074000"},
      {"DF clear", {.fragment = 0}, true, "4500003200070000"},
      {"DF not copied without pmtu_disc", {.fragment = 0x4000}, false, "4500003200070000"},
      {"DSCP and ECT(1) copied", {.tos = 0xb9}, true, "45b9003200074000"},
      {"congestion experienced becomes ECT(0)", {.tos = 0xbb}, true, "45ba003200074000"},
  };
  for (const TunnelCase& c : cases) {
    BytePacket packet(Udp(At("198.51.100.7:5000"), At("192.0.2.10:53"), Hex("6869"), c.inner));
    ParsedPacket parsed;
    Parse(packet, &parsed);
    ASSERT_TRUE(RewriteTun(packet, &parsed, Address("10.0.0.1").v4(), Address("10.0.0.11").v4(),
                           Be16::FromHost(7), c.pmtu_disc));
    EXPECT_EQ(IpHex(packet).substr(0, 16), c.outer) << c.description;
    EXPECT_EQ(ChecksumProblem(packet.frame()), "") << c.description;
    // The inner packet, seen alone.
    const auto inner = packet.frame().subspan(20);
    EXPECT_EQ(ChecksumProblem(inner), "") << c.description;
    EXPECT_EQ(packet.data()[14 + 8], 63);  // outer TTL: the inner after the decrement
    EXPECT_EQ(inner[14 + 8], 63);
  }
}

TEST(RewriteTun, EveryPairOfFamilies) {
  const Bytes frames[] = {Tcp(At("198.51.100.7:5000"), At("192.0.2.10:80"), kTcpSyn),
                          Tcp(At("[2001:db8::7]:5000"), At("[2001:db8::10]:80"), kTcpSyn)};
  for (const Bytes& frame : frames) {
    const bool inner_is_v4 = frame[12] == 0x08;
    BytePacket in4(frame), in6(frame);
    ParsedPacket p4, p6;
    Parse(in4, &p4);
    Parse(in6, &p6);
    ASSERT_TRUE(
        RewriteTun(in4, &p4, Address("10.0.0.1").v4(), Address("10.0.0.11").v4(), Be16{}, true));
    ASSERT_TRUE(
        RewriteTun(in6, &p6, Address("fd00::1").v6(), Address("fd00::11").v6(), Be16{}, true));
    EXPECT_EQ(in4.length(), frame.size() + 20);
    EXPECT_EQ(in6.length(), frame.size() + 40);
    // What parsed says is what a fresh look at the outer packet says.
    for (auto [packet, parsed] : {std::pair{&in4, &p4}, std::pair{&in6, &p6}}) {
      packet->data()[12] = static_cast<uint8_t>(parsed->ethertype >> 8);
      packet->data()[13] = static_cast<uint8_t>(parsed->ethertype);
      std::copy(kOurMac.bytes.begin(), kOurMac.bytes.end(), packet->data());
      ParsedPacket again;
      EXPECT_EQ(Parse(*packet, &again).kind, PacketKind::kOtherIp);
      EXPECT_TRUE(again == *parsed);
      EXPECT_EQ(again.protocol, inner_is_v4 ? 4 : 41);
      EXPECT_EQ(again.dont_fragment, inner_is_v4 || parsed == &p6);
    }
  }
}

TEST(RewriteTun, WithoutHeadroomNothingChanges) {
  const Bytes frame = Tcp(At("198.51.100.7:5000"), At("192.0.2.10:80"), kTcpSyn);
  BytePacket packet(frame);
  ASSERT_NE(packet.Prepend(BytePacket::kHeadroom - 10), nullptr);
  std::copy(frame.begin(), frame.end(), packet.data());
  packet.Resize(static_cast<uint32_t>(frame.size()));
  ParsedPacket parsed;
  Parse(packet, &parsed);
  EXPECT_FALSE(RewriteTun(packet, &parsed, Address("10.0.0.1").v4(), Address("10.0.0.11").v4(),
                          Be16{}, true));
  EXPECT_EQ(ToHex(packet.frame()), ToHex(frame));
}

TEST(WriteEthernet, FourteenBytes) {
  uint8_t frame[14];
  WriteEthernet(frame, kOurMac, kClientMac, kEtherTypeIpv6);
  EXPECT_EQ(ToHex(frame), "02000000000c02000000000d86dd");
}

}  // namespace
}  // namespace fairlead::dataplane::test::rewrite_test
