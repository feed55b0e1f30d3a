#include "dataplane/wire/parse.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "dataplane/wire/fragment_fields.h"
#include "dataplane/wire/ipv6_extensions.h"
#include "dataplane/wire/parse_plain.h"
#include "frames.h"

namespace fairlead::dataplane::test::parse_test {
namespace {

const Endpoint kClient4 = At("198.51.100.7:51356");
const Endpoint kVip4 = At("192.0.2.10:80");
const Endpoint kClient6 = At("[2001:db8::7]:51356");
const Endpoint kVip6 = At("[2001:db8:1::10]:80");

// What Parse says, as one line.
std::string Say(const Bytes& frame, bool checksum_good = false) {
  BytePacket packet(frame);
  packet.meta().ip_checksum_good = checksum_good;
  ParsedPacket p;
  const ParseOutcome outcome = Parse(packet, &p);
  if (outcome.kind == PacketKind::kDropped) return std::string(TextOf(outcome.reason).label);
  if (outcome.kind == PacketKind::kArp) return "arp";
  const char* kind = outcome.kind == PacketKind::kFlow   ? "flow "
                     : outcome.kind == PacketKind::kIcmp ? "icmp "
                     : outcome.kind == PacketKind::kFragment
                         ? (p.is_first_fragment ? "first fragment " : "fragment ")
                         : "other ";
  std::string text = kind + std::to_string(p.protocol) + " " + p.source(packet.data()).ToString() +
                     "|" + std::to_string(p.source_port.host()) + " > " +
                     p.destination(packet.data()).ToString() + "|" +
                     std::to_string(p.destination_port.host());
  if (outcome.kind == PacketKind::kIcmp) {
    text += " type " + std::to_string(p.icmp_type) + "/" + std::to_string(p.icmp_code);
  }
  EXPECT_EQ(p.l3_offset + p.ip_length, packet.length());
  return text + " at " + std::to_string(p.l4_offset) + "," + std::to_string(p.payload_offset);
}

Bytes Edited(Bytes frame, size_t at, std::initializer_list<uint8_t> bytes) {
  for (uint8_t byte : bytes) frame.at(at++) = byte;
  return frame;
}

Bytes WithoutTail(Bytes frame, size_t n) {
  frame.resize(frame.size() - n);
  return frame;
}

TEST(Parse, FlowsOfBothFamilies) {
  EXPECT_EQ(Say(Tcp(kClient4, kVip4, kTcpSyn)),
            "flow 6 198.51.100.7|51356 > 192.0.2.10|80 at 34,54");
  EXPECT_EQ(Say(Udp(kClient4, kVip4, Hex("6869"))),
            "flow 17 198.51.100.7|51356 > 192.0.2.10|80 at 34,42");
  EXPECT_EQ(Say(Tcp(kClient6, kVip6, kTcpSyn)),
            "flow 6 2001:db8::7|51356 > 2001:db8:1::10|80 at 54,74");
  EXPECT_EQ(Say(Udp(kClient6, kVip6, {})),
            "flow 17 2001:db8::7|51356 > 2001:db8:1::10|80 at 54,62");
}

TEST(Parse, SmallFields) {
  BytePacket packet(Tcp(kClient4, kVip4, kTcpSyn | kTcpAck));
  ParsedPacket p;
  ASSERT_EQ(Parse(packet, &p).kind, PacketKind::kFlow);
  EXPECT_EQ(p.tcp_flags, kTcpSyn | kTcpAck);
  EXPECT_EQ(p.ttl, 64);
  EXPECT_TRUE(p.dont_fragment);
  EXPECT_FALSE(p.is_fragment);
  EXPECT_EQ(p.destination_mac, MacKind::kUnicast);
  EXPECT_EQ(p.l4_length(), 20u);
}

TEST(Parse, EthernetPaddingIsCutOff) {
  Bytes frame = Udp(kClient4, kVip4, {});
  frame.resize(60);
  BytePacket packet(frame);
  ParsedPacket p;
  ASSERT_EQ(Parse(packet, &p).kind, PacketKind::kFlow);
  EXPECT_EQ(packet.length(), 42u);
}

TEST(Parse, Ipv4OptionsMoveTheTransport) {
  EXPECT_EQ(Say(Udp(kClient4, kVip4, {}, {.extensions = Hex("01010101 01010100")})),
            "flow 17 198.51.100.7|51356 > 192.0.2.10|80 at 42,50");
}

TEST(Parse, Ipv6ExtensionsAreWalked) {
  // Hop-by-hop, routing, fragment that is whole, destination options of 16 bytes, UDP.
  const Bytes chain = Hex("2b00 010400000000 2c00 000000000000 3c00 0000 00000001") +
                      Hex("1101 010c 000000000000000000000000");
  EXPECT_EQ(Say(Udp(kClient6, kVip6, {}, {.extensions = chain})),
            "flow 17 2001:db8::7|51356 > 2001:db8:1::10|80 at 94,102");
}

TEST(Parse, MoreIpv6ExtensionsThanAreFollowed) {
  Bytes chain;
  for (int i = 1; i < kMaxIpv6Extensions; ++i) chain = chain + Hex("3c00 010400000000");
  const IpOptions eight{.extensions = chain + Hex("1100 010400000000"), .next_header = 60};
  const IpOptions nine{.extensions = chain + Hex("3c00 010400000000 1100 010400000000"),
                       .next_header = 60};
  EXPECT_EQ(Say(Udp(kClient6, kVip6, {}, eight)),
            "flow 17 2001:db8::7|51356 > 2001:db8:1::10|80 at 118,126");
  EXPECT_EQ(Say(Udp(kClient6, kVip6, {}, nine)), "ipv6_extension_too_deep");
}

TEST(Parse, OtherIpAndIcmp) {
  const IpAddress client = kClient4.address, vip = kVip4.address;
  EXPECT_EQ(Say(Ip(client, vip, {.protocol = 47}, Hex("00000800"))),
            "other 47 198.51.100.7|0 > 192.0.2.10|0 at 34,34");
  EXPECT_EQ(Say(Icmp(client, vip, 8, 0, 0x00010002, {})),
            "icmp 1 198.51.100.7|0 > 192.0.2.10|0 type 8/0 at 34,42");
  EXPECT_EQ(Say(Icmp(kClient6.address, kVip6.address, 128, 0, 1, {})),
            "icmp 58 2001:db8::7|0 > 2001:db8:1::10|0 type 128/0 at 54,62");
  EXPECT_EQ(Say(Ip(client, vip, {.protocol = 58}, Hex("0000000000000000"))),
            "other 58 198.51.100.7|0 > 192.0.2.10|0 at 34,34");
  EXPECT_EQ(Say(Ip(kClient6.address, kVip6.address, {.protocol = 59}, {})),
            "other 59 2001:db8::7|0 > 2001:db8:1::10|0 at 54,54");
}

TEST(Parse, Fragments) {
  const Bytes data(16);
  EXPECT_EQ(Say(Udp(kClient4, kVip4, data, {.fragment = 0x2000})),
            "first fragment 17 198.51.100.7|51356 > 192.0.2.10|80 at 34,42");
  EXPECT_EQ(Say(Udp(kClient4, kVip4, data, {.fragment = 0x0003})),
            "fragment 17 198.51.100.7|0 > 192.0.2.10|0 at 34,34");
  EXPECT_EQ(Say(Udp(kClient4, kVip4, data, {.fragment = 0x1fff})), "bad_ip_header");
  EXPECT_EQ(Say(Udp(kClient4, kVip4, Bytes(15), {.fragment = 0x2000})), "bad_ip_header");
  const auto v6 = [&](const char* fragment_header) {
    return Say(Udp(kClient6, kVip6, data, {.extensions = Hex(fragment_header), .next_header = 44}));
  };
  EXPECT_EQ(v6("1100 0001 00000009"),
            "first fragment 17 2001:db8::7|51356 > 2001:db8:1::10|80 at 62,70");
  EXPECT_EQ(v6("1100 0018 00000009"), "fragment 17 2001:db8::7|0 > 2001:db8:1::10|0 at 62,62");
  // Behind a later fragment's header nothing is a header, whatever it is called.
  EXPECT_EQ(v6("3c00 0018 00000009"), "fragment 60 2001:db8::7|0 > 2001:db8:1::10|0 at 62,62");
  EXPECT_EQ(v6("1100 fff9 00000009"), "bad_ip_header");
}

TEST(Parse, AFirstFragmentHoldsItsTransportHeader) {
  const auto of = [](uint8_t protocol, uint16_t fragment, size_t bytes) {
    return Say(Ip(kClient4.address, kVip4.address, {.protocol = protocol, .fragment = fragment},
                  Bytes(bytes)));
  };
  EXPECT_EQ(of(6, 0x2000, 8), "fragment_tiny");
  EXPECT_EQ(of(6, 0x2000, 16), "fragment_tiny");
  EXPECT_EQ(of(6, 0x2000, 24), "bad_l4_header");  // whole, and nonsense
  // The flags of TCP lie there (RFC 3128); UDP ends before.
  EXPECT_EQ(of(6, 0x2001, 8), "fragment_tiny");
  EXPECT_EQ(of(6, 0x2002, 8), "fragment 6 198.51.100.7|0 > 192.0.2.10|0 at 34,34");
  EXPECT_EQ(of(17, 0x2001, 8), "fragment 17 198.51.100.7|0 > 192.0.2.10|0 at 34,34");
  EXPECT_EQ(of(17, 0x0001, 0), "bad_ip_header");
}

TEST(Parse, FragmentsSayWhichBytesOfWhichDatagramTheyAre) {
  const auto read = [](const Bytes& frame) {
    BytePacket packet(frame);
    ParsedPacket p;
    EXPECT_EQ(Parse(packet, &p).kind, PacketKind::kFragment);
    const FragmentFields f = ReadFragment(packet.data(), p);
    return std::to_string(f.id) + ": " + std::to_string(f.range.begin) + "-" +
           std::to_string(f.range.end) + (f.range.is_last ? " last" : "");
  };
  const Bytes data(24);  // and a UDP header
  const Bytes first = Udp(kClient4, kVip4, data, {.fragment = 0x2000});
  const auto id = std::to_string(Be16::Load(&first[18]).host());
  EXPECT_EQ(read(first), id + ": 0-32");
  EXPECT_EQ(read(Udp(kClient4, kVip4, data, {.fragment = 0x2003})), id + ": 24-56");
  EXPECT_EQ(read(Udp(kClient4, kVip4, data, {.fragment = 0x0003})), id + ": 24-56 last");
  const auto v6 = [&](const char* headers) {
    return read(Udp(kClient6, kVip6, data, {.extensions = Hex(headers), .next_header = 44}));
  };
  EXPECT_EQ(v6("1100 0001 01000009"), "16777225: 0-32");
  EXPECT_EQ(v6("1100 0018 01000009"), "16777225: 24-56 last");
  // Options behind the fragment header are bytes of the datagram.
  EXPECT_EQ(v6("3c00 0001 01000009 1100 010400000000"), "16777225: 0-40");
}

TEST(Parse, MalformedIpv4) {
  const Bytes good = Udp(kClient4, kVip4, Hex("6869"));
  EXPECT_EQ(Say(Edited(good, 14, {0x55})), "bad_ip_header");
  EXPECT_EQ(Say(Edited(good, 14, {0x44})), "bad_ip_header");
  EXPECT_EQ(Say(Edited(good, 14, {0x4f})), "bad_ip_header");  // header longer than the packet
  EXPECT_EQ(Say(Edited(good, 16, {0, 19})), "bad_ip_header");
  EXPECT_EQ(Say(Edited(good, 16, {0, 31})), "truncated");
  EXPECT_EQ(Say(Edited(good, 22, {63})), "bad_ip_checksum");
  EXPECT_EQ(Say(Edited(good, 22, {63}), true),
            "flow 17 198.51.100.7|51356 > 192.0.2.10|80 at 34,42");
  EXPECT_EQ(Say(WithoutTail(good, 1)), "truncated");
}

TEST(Parse, MalformedIpv6) {
  const Bytes good = Udp(kClient6, kVip6, Hex("6869"));
  EXPECT_EQ(Say(Edited(good, 14, {0x50})), "bad_ip_header");
  EXPECT_EQ(Say(Edited(good, 18, {0, 11})), "truncated");
  EXPECT_EQ(Say(Edited(good, 18, {0, 0})), "bad_l4_header");
  EXPECT_EQ(Say(Edited(good, 20, {0})), "bad_ip_header");  // hop-by-hop longer than the packet
  const Bytes chain = Hex("0000 010400000000 1100 010400000000");
  EXPECT_EQ(Say(Udp(kClient6, kVip6, {}, {.extensions = chain})), "bad_ip_header");
  const Bytes twice = Hex("2c00 0000 00000001 1100 0000 00000001");
  EXPECT_EQ(Say(Udp(kClient6, kVip6, {}, {.extensions = twice, .next_header = 44})),
            "bad_ip_header");
}

TEST(Parse, MalformedTransport) {
  const Bytes tcp = Tcp(kClient4, kVip4, kTcpSyn);
  EXPECT_EQ(Say(Edited(tcp, 34 + 12, {0x40})), "bad_l4_header");
  EXPECT_EQ(Say(Edited(tcp, 34 + 12, {0x60})), "bad_l4_header");
  const Bytes udp = Udp(kClient4, kVip4, Hex("6869"));
  EXPECT_EQ(Say(Edited(udp, 34 + 4, {0, 7})), "bad_l4_header");
  EXPECT_EQ(Say(Edited(udp, 34 + 4, {0, 11})), "bad_l4_header");
  const IpAddress a = kClient4.address, b = kVip4.address;
  EXPECT_EQ(Say(Ip(a, b, {.protocol = 6}, Bytes(19))), "bad_l4_header");
  EXPECT_EQ(Say(Ip(a, b, {.protocol = 17}, Bytes(7))), "bad_l4_header");
  EXPECT_EQ(Say(Ip(a, b, {.protocol = 1}, Bytes(7))), "bad_l4_header");
}

TEST(Parse, SourcesThatNobodyHas) {
  for (const char* source : {"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "239.1.1.1",
                             "255.255.255.255", "::1", "ff02::1", "::"}) {
    const IpAddress address = Address(source);
    const Endpoint vip = address.is_v4() ? kVip4 : kVip6;
    EXPECT_EQ(Say(Udp({address, Port(1)}, vip, {})), "bad_source") << source;
  }
  // Duplicate address detection asks from the unspecified address.
  EXPECT_EQ(Say(Icmp(Address("::"), Address("ff02::1:ff00:10"), 135, 0, 0, Bytes(16))),
            "icmp 58 ::|0 > ff02::1:ff00:10|0 type 135/0 at 54,62");
}

// A reply would come from there.
TEST(Parse, DestinationsThatNobodyHas) {
  for (const char* destination : {"0.0.0.0", "0.1.2.3", "127.0.0.1", "::", "::1"}) {
    const IpAddress address = Address(destination);
    const Endpoint client = address.is_v4() ? kClient4 : kClient6;
    EXPECT_EQ(Say(Tcp(client, {address, Port(80)}, kTcpSyn)), "no_route") << destination;
  }
}

TEST(Parse, Ethernet) {
  EXPECT_EQ(Say(Bytes(13)), "truncated");
  EXPECT_EQ(Say(Ethernet(0x8100, Bytes(46))), "unknown_ethertype");
  EXPECT_EQ(Say(Ethernet(0x0806, Bytes(27))), "truncated");
  EXPECT_EQ(Say(Ethernet(0x0806, Bytes(28))), "arp");
  EXPECT_EQ(Say(Ethernet(0x0800, Bytes(19))), "truncated");
  EXPECT_EQ(Say(Ethernet(0x86dd, Bytes(39))), "truncated");
  const auto kind_of = [](const MacAddress& mac) {
    BytePacket packet(Ethernet(0x0806, Bytes(28), kClientMac, mac));
    ParsedPacket p;
    Parse(packet, &p);
    return p.destination_mac;
  };
  EXPECT_EQ(kind_of(kOurMac), MacKind::kUnicast);
  EXPECT_EQ(kind_of(kBroadcastMac), MacKind::kBroadcast);
  EXPECT_EQ(kind_of({{0x33, 0x33, 0, 0, 0, 1}}), MacKind::kMulticast);
}

// Every prefix of valid frames: a drop, and no read behind the end (the sanitizer watches).
TEST(Parse, EveryCutIsANamedDrop) {
  for (const Bytes& frame : {Tcp(kClient4, kVip4, kTcpSyn), Udp(kClient6, kVip6, Bytes(9)),
                             Icmp(kClient6.address, kVip6.address, 1, 4, 0, Bytes(48))}) {
    for (size_t n = 0; n < frame.size(); ++n) {
      const Bytes exact(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(n));
      ParsedPacket p;
      EXPECT_EQ(ParseFrame(exact.data(), static_cast<uint32_t>(n), false, &p).kind,
                PacketKind::kDropped);
    }
  }
}

// The short way for plain IPv4 says what the long way says, whatever the bytes.
TEST(Parse, TheShortWayAgreesWithTheLongWay) {
  std::mt19937 random(11);
  const std::vector<Bytes> plain = {Tcp(kClient4, kVip4, kTcpSyn),
                                    Udp(kClient4, kVip4, Hex("6869")),
                                    Tcp(kClient6, kVip6, kTcpSyn)};
  size_t flows = 0;
  for (int round = 0; round < 200'000; ++round) {
    Bytes frame = plain[random() % plain.size()];
    for (size_t edits = random() % 4; edits > 0; --edits) {
      frame[random() % std::min<size_t>(frame.size(), 60)] = static_cast<uint8_t>(random());
    }
    if (random() % 8 == 0) frame.resize(random() % (frame.size() + 1));
    const bool is_checksum_good = random() % 2 == 0;
    const auto length = static_cast<uint32_t>(frame.size());
    ParsedPacket by_short, by_long;
    const ParseOutcome first = ParseFrame(frame.data(), length, is_checksum_good, &by_short);
    const ParseOutcome second = ParseAnyFrame(frame.data(), length, is_checksum_good, &by_long);
    ASSERT_EQ(first.kind, second.kind) << ToHex(frame);
    ASSERT_EQ(first.reason, second.reason) << ToHex(frame);
    if (first.kind == PacketKind::kDropped) continue;
    ASSERT_EQ(by_short, by_long) << ToHex(frame);
    flows += first.kind == PacketKind::kFlow ? 1 : 0;
  }
  EXPECT_GT(flows, 50'000u);
}

// So does the short way for fragments, where it says anything; it takes every ordinary one.
TEST(Parse, TheShortWayForFragmentsAgreesWithTheLongWay) {
  std::mt19937 random(12);
  const Bytes tcp = Tcp(kClient4, kVip4, kTcpAck, Bytes(12));
  const std::vector<Bytes> plain = {Edited(tcp, 20, {0x20, 0}), Edited(tcp, 20, {0, 2}),
                                    Udp(kClient4, kVip4, Bytes(24), {.fragment = 0x2000}),
                                    Udp(kClient4, kVip4, Bytes(24), {.fragment = 0x2003}),
                                    Udp(kClient4, kVip4, Bytes(25), {.fragment = 0x0003})};
  for (const Bytes& frame : plain) {
    ParsedPacket parsed;
    EXPECT_TRUE(
        ParsePlainFragment(frame.data(), static_cast<uint32_t>(frame.size()), true, &parsed))
        << ToHex(frame);
  }
  size_t first = 0, later = 0, refused = 0;
  for (int round = 0; round < 200'000; ++round) {
    Bytes frame = plain[random() % plain.size()];
    for (size_t edits = random() % 4; edits > 0; --edits) {
      frame[14 + random() % 36] = static_cast<uint8_t>(random());
    }
    if (random() % 4 == 0) frame[21] = static_cast<uint8_t>(random() % 4);  // the offset
    if (random() % 8 == 0) frame.resize(random() % (frame.size() + 1));
    const bool is_checksum_good = random() % 4 != 0;
    const auto length = static_cast<uint32_t>(frame.size());
    ParsedPacket by_short, by_long;
    if (!ParsePlainFragment(frame.data(), length, is_checksum_good, &by_short)) {
      ++refused;
      continue;
    }
    ASSERT_EQ(ParseAnyFrame(frame.data(), length, is_checksum_good, &by_long).kind,
              PacketKind::kFragment)
        << ToHex(frame);
    ASSERT_EQ(by_short, by_long) << ToHex(frame);
    ++(by_short.is_first_fragment ? first : later);
  }
  EXPECT_GT(first, 20'000u);
  EXPECT_GT(later, 20'000u);
  EXPECT_GT(refused, 20'000u);
}

}  // namespace
}  // namespace fairlead::dataplane::test::parse_test
