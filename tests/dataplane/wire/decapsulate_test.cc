// What may end here, what is wrong with it, and what is left when the tunnel is off: each type
// listed alone, so that none answers for another.
#include "dataplane/wire/decapsulate.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "frames.h"

namespace fairlead::dataplane::test::decapsulate_test {
namespace {

constexpr uint8_t kIpip = TunnelBit(TunnelType::kIpip);
constexpr uint8_t kGue = TunnelBit(TunnelType::kGue);
constexpr uint8_t kGre = TunnelBit(TunnelType::kGre);

Bytes IpOnly(const Bytes& frame) { return {frame.begin() + 14, frame.end()}; }
Bytes Inner(IpOptions options = {}, const char* to = "192.0.2.10:53") {
  return IpOnly(Udp(At("198.51.100.7:1234"), At(to), Hex("6869"), std::move(options)));
}
// A tunnel's packet, from our neighbour to us.
Bytes Outer(uint8_t protocol, const Bytes& payload, uint8_t tos = 0) {
  return Ip(Address("10.0.0.1"), Address("10.0.0.11"), {.protocol = protocol, .tos = tos}, payload);
}
Bytes Gre(const char* flags, const Bytes& inner) {
  return Outer(kProtocolGre, Hex(flags) + Hex("0800") + inner);
}
// `missing`: how many bytes of its payload the UDP header leaves out.
Bytes Gue(const char* header, const Bytes& inner, uint16_t missing = 0) {
  Bytes frame = Udp(At("10.0.0.1:40000"), At("10.0.0.11:6080"), Hex(header) + inner);
  auto* udp = HeaderAt<UdpHeader>(frame.data(), 34);
  udp->length = Be16::FromHost(static_cast<uint16_t>(udp->length.get().host() - missing));
  udp->checksum = Be16{};  // none
  return frame;
}

ParsedPacket Parsed(const Bytes& frame) {
  ParsedPacket outer;
  EXPECT_NE(ParseFrame(frame.data(), static_cast<uint32_t>(frame.size()), false, &outer).kind,
            PacketKind::kDropped);
  return outer;
}
TunnelVerdict Judge(Bytes frame, uint8_t types) {
  frame.resize(std::max<size_t>(frame.size(), 60));  // Ethernet pads
  TunnelShim shim;
  EXPECT_TRUE(MayBeTunnel(frame.data(), static_cast<uint32_t>(frame.size())));
  return JudgeTunnel(frame.data(), Parsed(frame), types, &shim);
}
// The inner packet's TOS once its tunnel is off.
uint8_t TosInside(uint8_t outer_tos, const Bytes& inner) {
  const bool v4 = inner[0] >> 4 == 4;
  Bytes frame = Outer(v4 ? kProtocolIpip : kProtocolIpv6, inner, outer_tos);
  TunnelShim shim;
  const ParsedPacket outer = Parsed(frame);
  EXPECT_EQ(JudgeTunnel(frame.data(), outer, kIpip, &shim), TunnelVerdict::kEnds);
  frame.erase(frame.begin(), frame.begin() + TakeOff(frame.data(), outer, shim));
  EXPECT_EQ(ChecksumProblem(frame), "");
  return v4 ? frame[15]
            : HeaderAt<Ipv6Header>(frame.data(), kEthernetHeaderLength)->traffic_class();
}

TEST(Decapsulate, ATypeIsAskedForByItsOwnBit) {
  const Bytes sound[] = {Outer(kProtocolIpip, Inner()), Gue("00040000", Inner()),
                         Gre("0000", Inner())};
  const uint8_t bits[] = {kIpip, kGue, kGre};
  for (size_t is = 0; is < 3; ++is) {
    for (size_t listed = 0; listed < 3; ++listed) {
      EXPECT_EQ(Judge(sound[is], bits[listed]),
                is == listed ? TunnelVerdict::kEnds : TunnelVerdict::kNone)
          << is << " of " << listed;
    }
  }
}

// A UDP service on port 6080 gets any bytes, and the kernel twin has GRE of its own kinds.
TEST(Decapsulate, WhatIsNotListedIsNeverBad) {
  const Bytes of_gue[] = {Gue("68656c6c", {}), Gue("20040000", Inner()), Gue("00040001", Inner()),
                          Gue("00060000", Inner()), Gue("0004", {})};
  for (const Bytes& frame : of_gue) {
    EXPECT_EQ(Judge(frame, kIpip | kGre), TunnelVerdict::kNone);
    EXPECT_EQ(Judge(frame, kGue), TunnelVerdict::kBad);
  }
  const Bytes of_gre[] = {Gre("2000", Inner()),
                          Gre("0001", Inner()),
                          Gre("1000", Inner()),
                          Gre("4000", Inner()),
                          Gre("0400", Inner()),
                          Outer(kProtocolGre, Hex("0000")),
                          Outer(kProtocolGre, Hex("00006558") + Inner())};
  for (const Bytes& frame : of_gre) {
    EXPECT_EQ(Judge(frame, kIpip | kGue), TunnelVerdict::kNone);
    EXPECT_EQ(Judge(frame, kGre), TunnelVerdict::kBad);
  }
  const Bytes cut = Outer(kProtocolIpip, Hex("4500003000000000"));
  EXPECT_EQ(Judge(cut, kGre | kGue), TunnelVerdict::kNone);
  EXPECT_EQ(Judge(cut, kIpip), TunnelVerdict::kBad);
}

// RFC 2784 section 2.1: bits 6 to 12.
TEST(Decapsulate, ReservedBitsOfGreAreIgnored) {
  for (const char* flags : {"0200", "0008", "03f8"}) {
    const Bytes frame = Gre(flags, Inner());
    TunnelShim shim;
    EXPECT_EQ(JudgeTunnel(frame.data(), Parsed(frame), kGre, &shim), TunnelVerdict::kEnds) << flags;
    EXPECT_FALSE(shim.has_checksum) << flags;
    EXPECT_EQ(shim.inner, 38) << flags;
  }
}

TEST(Decapsulate, OnlyWhatHasPortsIsNestedByItsPort) {
  const Bytes to_gue = Inner({}, "192.0.2.10:6080");
  EXPECT_EQ(Judge(Outer(kProtocolIpip, to_gue), kIpip), TunnelVerdict::kNested);
  // The same bytes where ports would be, eight bytes into a datagram.
  const Bytes later = Inner({.fragment = 0x2001}, "192.0.2.10:6080");
  EXPECT_EQ(Judge(Outer(kProtocolIpip, later), kIpip), TunnelVerdict::kEnds);
  const Bytes first = Inner({.fragment = 0x2000}, "192.0.2.10:6080");
  EXPECT_EQ(Judge(Outer(kProtocolIpip, first), kIpip), TunnelVerdict::kNested);
  const Bytes six = IpOnly(Udp(At("[2001:db8::1]:1234"), At("[2001:db8::10]:6080"), Hex("6869")));
  EXPECT_EQ(Judge(Outer(kProtocolIpv6, six), kIpip), TunnelVerdict::kNested);
}

// Behind the datagram lies nobody's data.
TEST(Decapsulate, GueEndsWithItsDatagram) {
  EXPECT_EQ(Judge(Gue("00040000", Inner()), kGue), TunnelVerdict::kEnds);
  EXPECT_EQ(Judge(Gue("00040000", Inner(), 1), kGue), TunnelVerdict::kBad);
  const auto inner = static_cast<uint16_t>(Inner().size());
  EXPECT_EQ(Judge(Gue("00040000", Inner(), inner), kGue), TunnelVerdict::kBad);
  EXPECT_EQ(Judge(Gue("00040000", Inner(), static_cast<uint16_t>(inner + 1)), kGue),
            TunnelVerdict::kBad);
  EXPECT_EQ(Judge(Gue("00040000", Inner() + Hex("0000"), 2), kGue), TunnelVerdict::kEnds);
}

// RFC 6040 section 4.2, all of its table but the packet that is lost.
TEST(Decapsulate, CongestionIsToldInside) {
  constexpr uint8_t kNot = 0, kEct1 = 1, kEct0 = 2, kCe = 3;
  const struct {
    uint8_t inner, outer, left;
  } kTable[] = {
      {kNot, kNot, kNot},    {kNot, kEct0, kNot},   {kNot, kEct1, kNot}, {kEct0, kNot, kEct0},
      {kEct0, kEct0, kEct0}, {kEct0, kEct1, kEct1}, {kEct0, kCe, kCe},   {kEct1, kNot, kEct1},
      {kEct1, kEct0, kEct1}, {kEct1, kEct1, kEct1}, {kEct1, kCe, kCe},   {kCe, kNot, kCe},
      {kCe, kEct0, kCe},     {kCe, kEct1, kCe},     {kCe, kCe, kCe},
  };
  constexpr uint8_t kDscp = 0xb8;
  for (const auto& row : kTable) {
    const IpOptions options{.tos = static_cast<uint8_t>(kDscp | row.inner)};
    EXPECT_EQ(TosInside(row.outer, Inner(options)), kDscp | row.left)
        << int{row.outer} << " outside of " << int{row.inner};
    const Bytes six =
        IpOnly(Udp(At("[2001:db8::1]:1234"), At("[2001:db8::10]:53"), Hex("6869"), options));
    EXPECT_EQ(TosInside(row.outer, six), kDscp | row.left)
        << int{row.outer} << " outside of " << int{row.inner} << ", IPv6";
  }
  TunnelShim shim;
  const Bytes lost = Outer(kProtocolIpip, Inner(), kCe);
  EXPECT_EQ(JudgeTunnel(lost.data(), Parsed(lost), kIpip, &shim), TunnelVerdict::kBad);
}

}  // namespace
}  // namespace fairlead::dataplane::test::decapsulate_test
