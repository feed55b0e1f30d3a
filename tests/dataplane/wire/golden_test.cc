// Whole packets in and out, byte by byte, computed by hand and by other programs.
#include <gtest/gtest.h>

#include "dataplane/wire/icmp_error.h"
#include "dataplane/wire/rewrite_dr.h"
#include "dataplane/wire/rewrite_nat.h"
#include "dataplane/wire/rewrite_tun.h"
#include "frames.h"

namespace fairlead::dataplane::test::golden_test {
namespace {

const Ipv4Address kVip = Address("192.0.2.10").v4();
const Ipv4Address kReal = Address("10.0.0.11").v4();
const Ipv4Address kDirector = Address("10.0.0.1").v4();

constexpr const char* kSyn =
    "450000281234400040063c57c6336407c000020ac89c0050000003e8000000005002fffff6c80000";

struct Case {
  explicit Case(const char* hex) : packet(Ethernet(0x0800, Hex(hex))) {
    kind = Parse(packet, &parsed).kind;
  }
  BytePacket packet;
  ParsedPacket parsed;
  PacketKind kind;
};

TEST(Golden, NatUdpForward) {
  Case c("4500001e1234400040113c56c6336407c000020a13880035000a976e6869");
  ASSERT_EQ(c.kind, PacketKind::kFlow);
  RewriteNat<NatDirection::kForward>(c.packet, &c.parsed, kReal, Port(5353));
  EXPECT_EQ(IpHex(c.packet), "4500001e123440003f11f555c63364070a00000b138814e9000a3aba6869");
}

TEST(Golden, NatSynForward) {
  Case c(kSyn);
  ASSERT_EQ(c.kind, PacketKind::kFlow);
  RewriteNat<NatDirection::kForward>(c.packet, &c.parsed, kReal, Port(8080));
  EXPECT_EQ(IpHex(c.packet),
            "45000028123440003f06f556c63364070a00000bc89c1f90000003e8000000005002ffff8f880000");
}

TEST(Golden, NatSynAckReply) {
  Case c("45000028123440004006f4560a00000bc63364071f90c89c00001388000003e95012ffff7bef0000");
  ASSERT_EQ(c.kind, PacketKind::kFlow);
  RewriteNat<NatDirection::kReply>(c.packet, &c.parsed, kVip, Port(80));
  EXPECT_EQ(IpHex(c.packet),
            "45000028123440003f063d57c000020ac63364070050c89c00001388000003e95012ffffe32f0000");
}

TEST(Golden, Dr) {
  Case c(kSyn);
  RewriteDr(c.packet, &c.parsed);
  EXPECT_EQ(IpHex(c.packet),
            "45000028123440003f063d57c6336407c000020ac89c0050000003e8000000005002fffff6c80000");
}

TEST(Golden, Ipip) {
  Case c(kSyn);
  ASSERT_TRUE(RewriteTun(c.packet, &c.parsed, kDirector, kReal, Be16{}, true));
  EXPECT_EQ(IpHex(c.packet),
            "4500003c000040003f0427b30a0000010a00000b"
            "45000028123440003f063d57c6336407c000020ac89c0050000003e8000000005002fffff6c80000");
}

TEST(Golden, IcmpFragNeededToARealServer) {
  Case c(
      "450000381234000040016a85cb007101c000020a03041b0f00000578"
      "45000028123440003c064057c000020ac63364070050c89c00001388");
  ASSERT_EQ(c.kind, PacketKind::kIcmp);
  QuotedPacket quoted;
  ASSERT_EQ(ParseIcmpError(c.packet.data(), c.parsed, &quoted), IcmpErrorKind::kRelated);
  EXPECT_EQ(quoted.Source<Ipv4Address>(c.packet.data()), kVip);
  EXPECT_EQ(quoted.source_port, Port(80));
  EXPECT_EQ(IpAddress(quoted.Destination<Ipv4Address>(c.packet.data())), Address("198.51.100.7"));
  EXPECT_EQ(quoted.destination_port, Port(51356));
  ASSERT_TRUE(HasGoodIcmpChecksum(c.packet.data(), c.parsed));
  RewriteIcmpForward(c.packet, &c.parsed, quoted, kReal, Port(8080));
  EXPECT_EQ(IpHex(c.packet),
            "45000038123400003f012385cb0071010a00000b0304fbce00000578"
            "45000028123440003c06f8560a00000bc63364071f90c89c00001388");
}

}  // namespace
}  // namespace fairlead::dataplane::test::golden_test
