// What goes in and what comes out, byte by byte, of a recorded director of the kernel; and the UDP
// source ports of flows.
#include "dataplane/wire/encapsulate.h"

#include <gtest/gtest.h>

#include <set>

#include "dataplane/wire/rewrite_tun.h"
#include "dataplane/wire/tunnel_quote.h"
#include "frames.h"

namespace fairlead::dataplane::test::encapsulate_test {
namespace {

constexpr Tunnel Gue(TunnelChecksum checksum) {
  return {.type = TunnelType::kGue, .checksum = checksum, .port = 6080};
}
constexpr Tunnel Gre(TunnelChecksum checksum) {
  return {.type = TunnelType::kGre, .checksum = checksum};
}

struct Recorded {
  const char* description;
  Tunnel tunnel;
  const char *in, *out;
};

const Recorded kRecorded[] = {
    {"ipip, IPv4 in IPv4, DF",
     {},
     "4500001e123440004011142e0a0800010a6400010fa00050000a73136869",
     "45000032000040003f0427bb0a0100010a01000b4500001e123440003f11152e0a0800010a6400010fa00050000a7"
     "3136869"},
    {"ipip, IPv4 in IPv4, CE",
     {},
     "4503001e123400004011542b0a0800010a6400010fa00050000a73136869",
     "45020032ad5500003f04ba630a0100010a01000b4503001e123400003f11552b0a0800010a6400010fa00050000a7"
     "3136869"},
    {"gue-nocsum, IPv4 in IPv4, DF", Gue(TunnelChecksum::kNone),
     "4500001e123440004011142e0a0800010a6400010fa00050000a73136869",
     "4500003e000040003f1127a20a0100010a01000baa4217c0002a0000000400004500001e123440003f11152e0a080"
     "0010a6400010fa00050000a73136869"},
    {"gue-nocsum, IPv4 in IPv4, CE", Gue(TunnelChecksum::kNone),
     "4503001e123400004011542b0a0800010a6400010fa00050000a73136869",
     "4502003eaa5700003f11bd480a0100010a01000baa4217c0002a0000000400004503001e123400003f11552b0a080"
     "0010a6400010fa00050000a73136869"},
    {"gue-csum, IPv4 in IPv4, DF", Gue(TunnelChecksum::kFull),
     "4500001e123440004011142e0a0800010a6400010fa00050000a73136869",
     "4500003e000040003f1127a20a0100010a01000baa4217c0002a3e0f000400004500001e123440003f11152e0a080"
     "0010a6400010fa00050000a73136869"},
    {"gue-csum, IPv4 in IPv4, CE", Gue(TunnelChecksum::kFull),
     "4503001e123400004011542b0a0800010a6400010fa00050000a73136869",
     "4502003e788700003f11ef180a0100010a01000baa4217c0002a3e0f000400004503001e123400003f11552b0a080"
     "0010a6400010fa00050000a73136869"},
    {"gue-remcsum, IPv4 in IPv4, DF", Gue(TunnelChecksum::kRemote),
     "4500001e123440004011142e0a0800010a6400010fa00050000a73136869",
     "4500003e000040003f1127a20a0100010a01000baa4217c0002a3e0f000400004500001e123440003f11152e0a080"
     "0010a6400010fa00050000a73136869"},
    {"gue-remcsum, IPv4 in IPv4, CE", Gue(TunnelChecksum::kRemote),
     "4503001e123400004011542b0a0800010a6400010fa00050000a73136869",
     "4502003e6bba00003f11fbe50a0100010a01000baa4217c0002a3e0f000400004503001e123400003f11552b0a080"
     "0010a6400010fa00050000a73136869"},
    {"gre-nocsum, IPv4 in IPv4, DF", Gre(TunnelChecksum::kNone),
     "4500001e123440004011142e0a0800010a6400010fa00050000a73136869",
     "45000036000040003f2f278c0a0100010a01000b000008004500001e123440003f11152e0a0800010a6400010fa00"
     "050000a73136869"},
    {"gre-nocsum, IPv4 in IPv4, CE", Gre(TunnelChecksum::kNone),
     "4503001e123400004011542b0a0800010a6400010fa00050000a73136869",
     "4502003653a200003f2f13e80a0100010a01000b000008004503001e123400003f11552b0a0800010a6400010fa00"
     "050000a73136869"},
    {"gre-csum, IPv4 in IPv4, DF", Gre(TunnelChecksum::kFull),
     "4500001e123440004011142e0a0800010a6400010fa00050000a73136869",
     "4500003a000040003f2f27880a0100010a01000b800008008c8800004500001e123440003f11152e0a0800010a640"
     "0010fa00050000a73136869"},
    {"gre-csum, IPv4 in IPv4, CE", Gre(TunnelChecksum::kFull),
     "4503001e123400004011542b0a0800010a6400010fa00050000a73136869",
     "4502003ae24400003f2f85410a0100010a01000b800008008c8800004503001e123400003f11552b0a0800010a640"
     "0010fa00050000a73136869"},
    {"ipip, IPv6 in IPv6, flow label",
     {},
     "60012345000a1140fd090000000000000000000000000008fd6400000000000000000000000000010fa00050000a8"
     "d096869",
     "600000000032293ffd010000000000000000000000000001fd01000000000000000000000000001160012345000a1"
     "13ffd090000000000000000000000000008fd6400000000000000000000000000010fa00050000a8d096869"},
    {"gue-nocsum, IPv6 in IPv6, flow label", Gue(TunnelChecksum::kNone),
     "60012345000a1140fd090000000000000000000000000008fd6400000000000000000000000000010fa00050000a8"
     "d096869",
     "60000000003e113ffd010000000000000000000000000001fd010000000000000000000000000011c07e17c0003e0"
     "0000029000060012345000a113ffd090000000000000000000000000008fd6400000000000000000000000000010f"
     "a00050000a8d096869"},
    {"gue-csum, IPv6 in IPv6, flow label", Gue(TunnelChecksum::kFull),
     "60012345000a1140fd090000000000000000000000000008fd6400000000000000000000000000010fa00050000a8"
     "d096869",
     "60000000003e113ffd010000000000000000000000000001fd010000000000000000000000000011c07e17c0003e9"
     "8800029000060012345000a113ffd090000000000000000000000000008fd6400000000000000000000000000010f"
     "a00050000a8d096869"},
    {"gue-remcsum, IPv6 in IPv6, flow label", Gue(TunnelChecksum::kRemote),
     "60012345000a1140fd090000000000000000000000000008fd6400000000000000000000000000010fa00050000a8"
     "d096869",
     "60000000003e113ffd010000000000000000000000000001fd010000000000000000000000000011c07e17c0003e9"
     "8800029000060012345000a113ffd090000000000000000000000000008fd6400000000000000000000000000010f"
     "a00050000a8d096869"},
    {"gre-nocsum, IPv6 in IPv6, flow label", Gre(TunnelChecksum::kNone),
     "60012345000a1140fd090000000000000000000000000008fd6400000000000000000000000000010fa00050000a8"
     "d096869",
     "6000000000362f3ffd010000000000000000000000000001fd010000000000000000000000000011000086dd60012"
     "345000a113ffd090000000000000000000000000008fd6400000000000000000000000000010fa00050000a8d0968"
     "69"},
    {"gre-csum, IPv6 in IPv6, flow label", Gre(TunnelChecksum::kFull),
     "60012345000a1140fd090000000000000000000000000008fd6400000000000000000000000000010fa00050000a8"
     "d096869",
     "60000000003a2f3ffd010000000000000000000000000001fd010000000000000000000000000011800086dd64ad0"
     "00060012345000a113ffd090000000000000000000000000008fd6400000000000000000000000000010fa0005000"
     "0a8d096869"},
    {"ipip, IPv6 in IPv4, flow label",
     {},
     "60012345000a1140fd090000000000000000000000000008fd6400000000000000000000000000010fa00050000a8"
     "d096869",
     "45000046920a00003f29d5770a0100010a01000b60012345000a113ffd090000000000000000000000000008fd640"
     "0000000000000000000000000010fa00050000a8d096869"},
    {"gue-nocsum, IPv6 in IPv4, flow label", Gue(TunnelChecksum::kNone),
     "60012345000a1140fd090000000000000000000000000008fd6400000000000000000000000000010fa00050000a8"
     "d096869",
     "45000052852000003f11e26d0a0100010a01000bc07e17c0003e00000029000060012345000a113ffd09000000000"
     "0000000000000000008fd6400000000000000000000000000010fa00050000a8d096869"},
    {"ipip, IPv4 in IPv6, DF",
     {},
     "4500001e123440004011142e0a0800010a6400010fa00050000a73136869",
     "60000000001e043ffd010000000000000000000000000001fd0100000000000000000000000000114500001e12344"
     "0003f11152e0a0800010a6400010fa00050000a73136869"},
    {"ipip, IPv4 in IPv6, CE",
     {},
     "4503001e123400004011542b0a0800010a6400010fa00050000a73136869",
     "60200000001e043ffd010000000000000000000000000001fd0100000000000000000000000000114503001e12340"
     "0003f11552b0a0800010a6400010fa00050000a73136869"},
    {"gue-nocsum, IPv4 in IPv6, DF", Gue(TunnelChecksum::kNone),
     "4500001e123440004011142e0a0800010a6400010fa00050000a73136869",
     "60000000002a113ffd010000000000000000000000000001fd010000000000000000000000000011aa4217c0002a0"
     "000000400004500001e123440003f11152e0a0800010a6400010fa00050000a73136869"},
    {"gue-nocsum, IPv4 in IPv6, CE", Gue(TunnelChecksum::kNone),
     "4503001e123400004011542b0a0800010a6400010fa00050000a73136869",
     "60200000002a113ffd010000000000000000000000000001fd010000000000000000000000000011aa4217c0002a0"
     "000000400004503001e123400003f11552b0a0800010a6400010fa00050000a73136869"},
};

Bytes Framed(const char* hex) {
  const Bytes ip = Hex(hex);
  return Ethernet(ip[0] >> 4 == 4 ? kEtherTypeIpv4 : kEtherTypeIpv6, ip);
}

// The packet inside `out`, and of its own choice what the kernel chose.
struct Reading {
  IpAddress source, destination;
  TunnelFields fields;
};
Reading Read(const Bytes& out, const Tunnel& tunnel) {
  Reading r;
  const bool is_v4 = out[0] >> 4 == 4;
  if (is_v4) {
    r.source = Ipv4Address::Load(&out[12]);
    r.destination = Ipv4Address::Load(&out[16]);
    r.fields.id = Be16::Load(&out[4]);
  } else {
    r.source = Ipv6Address::Load(&out[8]);
    r.destination = Ipv6Address::Load(&out[24]);
  }
  if (tunnel.type == TunnelType::kGue) r.fields.source_port = Be16::Load(&out[is_v4 ? 20 : 40]);
  r.fields.copies_dont_fragment = true;
  return r;
}

TEST(Encapsulate, EveryByteIsAsRecorded) {
  for (const Recorded& recorded : kRecorded) {
    SCOPED_TRACE(recorded.description);
    const Bytes out = Hex(recorded.out);
    const Reading reading = Read(out, recorded.tunnel);
    BytePacket packet(Framed(recorded.in));
    ParsedPacket parsed;
    ASSERT_EQ(Parse(packet, &parsed).kind, PacketKind::kFlow);
    MadeTunnel made;
    MakeTunnel(recorded.tunnel, parsed.family, reading.source, reading.destination, &made);
    EXPECT_EQ(made.length, TunnelHeaderBytes(recorded.tunnel, reading.source.family()));
    ASSERT_TRUE(Encapsulate(packet, parsed, made, reading.fields));
    EXPECT_EQ(ToHex(packet.frame().subspan(14)), ToHex(out));
    EXPECT_EQ(Be16::Load(packet.data() + 12).host(),
              reading.source.is_v4() ? kEtherTypeIpv4 : kEtherTypeIpv6);

    // What the fields say is what a fresh look at the outer packet says.
    const ParsedPacket outer = OuterFields(parsed, made, reading.fields);
    std::copy(kOurMac.bytes.begin(), kOurMac.bytes.end(), packet.data());
    std::copy(kClientMac.bytes.begin(), kClientMac.bytes.end(), packet.data() + 6);
    ParsedPacket again;
    ASSERT_NE(Parse(packet, &again).kind, PacketKind::kDropped);
    EXPECT_EQ(again.ip_length, outer.ip_length);
    EXPECT_EQ(again.l4_offset, outer.l4_offset);
    EXPECT_EQ(again.family, outer.family);
    EXPECT_EQ(again.protocol, outer.protocol);
    EXPECT_EQ(again.ttl, outer.ttl);
    EXPECT_EQ(again.tos, outer.tos);
    EXPECT_EQ(again.dont_fragment, outer.dont_fragment);

    // And what routers would quote of it is found again.
    TunnelShim shim;
    ASSERT_TRUE(ParseShim(packet.data(), again.protocol, again.l4_offset, packet.length(), &shim));
    EXPECT_EQ(shim.type, recorded.tunnel.type);
    EXPECT_EQ(shim.family, parsed.family);
    EXPECT_EQ(shim.inner, 14u + made.length);
    EXPECT_EQ(shim.port.host(), recorded.tunnel.port);
  }
}

TEST(Encapsulate, WithoutHeadroomNothingChanges) {
  const Bytes frame = Framed(kRecorded[0].in);
  BytePacket packet(frame);
  ASSERT_NE(packet.Prepend(BytePacket::kHeadroom - 31), nullptr);
  std::copy(frame.begin(), frame.end(), packet.data());
  packet.Resize(static_cast<uint32_t>(frame.size()));
  ParsedPacket parsed;
  Parse(packet, &parsed);
  MadeTunnel made;
  MakeTunnel(Gue(TunnelChecksum::kNone), Family::kIpv4, Ipv4Address::FromHost(1),
             Ipv4Address::FromHost(2), &made);
  EXPECT_FALSE(Encapsulate(packet, parsed, made, {}));
  EXPECT_EQ(ToHex(packet.frame()), ToHex(frame));
}

TEST(TunnelSourcePort, SpreadsFlowsAndStaysInItsRange) {
  std::set<uint16_t> by_port, by_client;
  for (uint16_t i = 0; i < 1000; ++i) {
    const uint16_t a = TunnelSourcePort(Ipv4Address::FromHost(0x0a080001),
                                        Be16::FromHost(static_cast<uint16_t>(4000 + i)))
                           .host();
    const uint16_t b =
        TunnelSourcePort(Ipv4Address::FromHost(0x0a080001u + i), Be16::FromHost(4000)).host();
    Ipv6Address client{{0xfd, 9}};
    client.bytes[15] = static_cast<uint8_t>(i);
    client.bytes[14] = static_cast<uint8_t>(i >> 8);
    const uint16_t c = TunnelSourcePort(client, Be16::FromHost(4000)).host();
    for (const uint16_t port : {a, b, c}) {
      ASSERT_GE(port, 32768);
      ASSERT_LT(port, 61000);
    }
    by_port.insert(a);
    by_client.insert(b);
  }
  EXPECT_GT(by_port.size(), 950u);
  EXPECT_GT(by_client.size(), 950u);
}

TEST(ParseShim, OnlyWhatTheDirectorMakes) {
  const auto shim_of = [](uint8_t protocol, const char* hex) {
    const Bytes bytes = Hex(hex);
    TunnelShim shim;
    return ParseShim(bytes.data(), protocol, 0, static_cast<uint32_t>(bytes.size()), &shim);
  };
  EXPECT_TRUE(shim_of(47, "00000800"));
  EXPECT_TRUE(shim_of(47, "800086dd00000000"));
  EXPECT_FALSE(shim_of(47, "800086dd000000"));    // the checksum is cut off
  EXPECT_FALSE(shim_of(47, "2000080000000000"));  // a key
  EXPECT_FALSE(shim_of(47, "00010800"));          // version 1
  EXPECT_FALSE(shim_of(47, "00006558"));          // Ethernet inside
  EXPECT_TRUE(shim_of(17, "800017c0000c000000040000"));
  EXPECT_TRUE(shim_of(17, "800017c0000c000000290000"));
  EXPECT_FALSE(shim_of(17, "800017c0000c0000000400"));    // cut
  EXPECT_FALSE(shim_of(17, "800017c0000c000020040000"));  // a control message
  EXPECT_FALSE(shim_of(17, "800017c0000c000001040000"));  // options
  EXPECT_FALSE(shim_of(17, "800017c0000c000040040000"));  // version 1
  EXPECT_FALSE(shim_of(17, "800017c0000c000000060000"));  // TCP inside
  EXPECT_FALSE(shim_of(6, "800017c0000c000000040000"));
}

}  // namespace
}  // namespace fairlead::dataplane::test::encapsulate_test
