// FULLNAT between the IP versions on bytes (docs/fullnat.md): an IPv6 client of an IPv4 real server
// (64) and the other way round (46).
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "mixed_bed.h"

namespace fairlead::dataplane::mixed_fullnat_test {
namespace {

using namespace fullnat_bed;

class MixedFullnat : public MixedBed {
 protected:
  using MixedBed::MixedBed;
};

// Of one real server: a client of its own version, and one of the other.
struct TwoClients {
  Ends first, second;
};
const TwoClients kTwoClients[] = {
    {kEnds4, kEnds64}, {kEnds64, kEnds4}, {kEnds6, kEnds46}, {kEnds46, kEnds6}};

INSTANTIATE_TEST_SUITE_P(Workers, MixedFullnat, testing::Values(1, 2));

TEST_P(MixedFullnat, TranslatesBothWays) {
  for (const Ends& ends : {kEnds64, kEnds46}) {
    for (const uint8_t protocol : {kProtocolTcp, kProtocolUdp}) {
      SCOPED_TRACE(ends.vip + " " + std::to_string(protocol));
      Serve(ends, {.protocol = protocol});
      const Endpoint local = Open(1234);
      EXPECT_EQ(local.address.ToString().substr(0, ends.locals.size()), ends.locals);
      EXPECT_EQ(Send(kInside, FromReal(local, kTcpSyn | kTcpAck)),
                "out " + AtClient(1234) + Tail("SA"));
      for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(Send(kOutside, FromClient(1234, kTcpAck)), "in " + AtReal(local) + Tail("A"));
        EXPECT_EQ(Send(kInside, FromReal(local, kTcpAck)), "out " + AtClient(1234) + Tail("A"));
      }
      EXPECT_EQ(d_.fabric().stats.SumTraffic(real_).out_packets, 3u);
      EXPECT_EQ(d_.fabric().stats.SumTraffic(real_).in_packets, 3u);
    }
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

// Byte by byte (RFC 7915 sections 4.1 and 5.1).
TEST_P(MixedFullnat, TheHeaderOfIpv6BecomesOneOfIpv4) {
  Serve(kEnds64);
  const Endpoint local = Open(1234);
  Frame frame = OfClient(1234, 1281);
  frame[14] = 0x6b;  // traffic class 0xb9, flow label 0x12345
  frame[15] = 0x91;
  frame[16] = 0x23;
  frame[17] = 0x45;
  const auto sent = d_.Send(kOutside, frame);
  ASSERT_EQ(sent.size(), 1u);
  const Frame& f = sent[0].frame;
  EXPECT_EQ(Text(f), AtReal(local) + Tail("A"));
  ASSERT_EQ(f.size(), 14 + 1261u);
  EXPECT_EQ(Be16::Load(&f[12]).host(), 0x0800);
  EXPECT_EQ(f[14], 0x45);
  EXPECT_EQ(f[15], 0xb9);
  EXPECT_EQ(Be16::Load(&f[16]).host(), 1261);
  EXPECT_EQ(Be16::Load(&f[20]).host(), 0x4000) << "DF: longer than what every sender may send";
  EXPECT_TRUE(std::equal(f.begin() + 54, f.end(), frame.begin() + 74)) << "what TCP carries";
  const auto shorter = d_.Send(kOutside, OfClient(1234, 1280));
  ASSERT_EQ(shorter.size(), 1u);
  EXPECT_EQ(Be16::Load(&shorter[0].frame[20]).host(), 0);
  const auto next = d_.Send(kOutside, OfClient(1234, 1280));
  ASSERT_EQ(next.size(), 1u);
  EXPECT_NE(Be16::Load(&shorter[0].frame[18]), Be16::Load(&next[0].frame[18]));
}

TEST_P(MixedFullnat, TheHeaderOfIpv4BecomesOneOfIpv6) {
  Serve(kEnds46);
  const Endpoint local = Open(1234);
  for (const bool dont_fragment : {true, false}) {
    const Frame frame = WithIpv4Byte(OfClient(1234, 1400, dont_fragment), 1, 0xb9);
    const auto sent = d_.Send(kOutside, frame);
    ASSERT_EQ(sent.size(), 1u);
    const Frame& f = sent[0].frame;
    EXPECT_EQ(Text(f), AtReal(local) + Tail("A"));
    ASSERT_EQ(f.size(), 14 + 1420u) << "and no fragment header";
    EXPECT_EQ(Be16::Load(&f[12]).host(), 0x86dd);
    EXPECT_EQ(Be32::Load(&f[14]).host(), 0x6b90'0000u);
    EXPECT_EQ(Be16::Load(&f[18]).host(), 1380);
    EXPECT_EQ(f[20], kProtocolTcp);
    EXPECT_TRUE(std::equal(f.begin() + 74, f.end(), frame.begin() + 54));
  }
}

// Options and extension headers are left out.
TEST_P(MixedFullnat, WhatIsBetweenTheHeadersIsLeftOut) {
  Serve(kEnds46, {.protocol = kProtocolUdp});
  const Endpoint local4 = Open(1234);
  Frame with_options = FromClient(1234, 0);
  with_options.insert(with_options.begin() + 34, {1, 1, 1, 0});
  with_options[14] = 0x46;
  with_options = WithIpv4Byte(with_options, 3, static_cast<uint8_t>(with_options[17] + 4));
  EXPECT_EQ(Send(kOutside, with_options), "in " + AtReal(local4) + Tail(""));

  Serve(kEnds64, {.protocol = kProtocolUdp});
  const Endpoint local6 = Open(1234);
  Frame with_header = FromClient(1234, 0);
  with_header.insert(with_header.begin() + 54, {kProtocolUdp, 0, 1, 4, 0, 0, 0, 0});
  with_header[20] = kProtocolDestinationOptions;
  with_header[19] = static_cast<uint8_t>(with_header[19] + 8);
  EXPECT_EQ(Send(kOutside, with_header), "in " + AtReal(local6) + Tail(""));
  // One that has still to go elsewhere is not ours to end.
  with_header[20] = kProtocolRouting;
  with_header[56] = 0;
  with_header[57] = 1;
  EXPECT_EQ(Send(kOutside, with_header), "");
  EXPECT_EQ(d_.dropped(DropReason::kCannotTranslate), 1u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

// The same of IPv4, in what is whole and in fragments. A route that is at its end is left out.
TEST_P(MixedFullnat, ASourceRouteThatGoesOnIsNotOursToEnd) {
  Serve(kEnds46, {.protocol = kProtocolUdp});
  const Endpoint local = Open(1234);
  const auto with_route = [](Frame frame, uint8_t kind, uint8_t pointer) {
    frame.insert(frame.begin() + 34, {1, kind, 7, pointer, 203, 0, 113, 1});
    frame[14] = 0x47;
    const uint32_t length = Be16::Load(&frame[16]).host() + 8u;
    frame[16] = static_cast<uint8_t>(length >> 8);
    return WithIpv4Byte(frame, 3, static_cast<uint8_t>(length));
  };
  for (const uint8_t kind : {uint8_t{131}, uint8_t{137}}) {
    EXPECT_EQ(Send(kOutside, with_route(FromClient(1234, 0), kind, 8)),
              "in " + AtReal(local) + Tail(""));
    EXPECT_EQ(Send(kOutside, with_route(FromClient(1234, 0), kind, 4)), "");
    EXPECT_EQ(Send(kOutside, with_route(FromClient(1234, 0), kind, 7)), "");
  }
  EXPECT_EQ(d_.dropped(DropReason::kCannotTranslate), 4u);
  const std::vector<Frame> pieces =
      Cut(Datagram(ends_.client, 1234, ends_.vip, 80, Payload(1000)), 800, 5);
  EXPECT_EQ(d_.Send(kOutside, pieces[0]).size(), 1u);
  EXPECT_EQ(Send(kOutside, with_route(pieces[1], 131, 4)), "");
  EXPECT_EQ(d_.dropped(DropReason::kCannotTranslate), 5u);
  EXPECT_EQ(Send(kOutside, with_route(FromClient(1234, 0), 7, 4)), "in " + AtReal(local) + Tail(""))
      << "a record of the route leads nowhere";
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(MixedFullnat, AMissingUdpChecksumIsMade) {
  Serve(kEnds46, {.protocol = kProtocolUdp});
  const Endpoint local = Open(1234);
  Frame frame = Datagram(ends_.client, 1234, ends_.vip, 80, "an odd number of bytes!");
  frame[40] = frame[41] = 0;
  const auto sent = d_.Send(kOutside, frame);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(Text(sent[0].frame), AtReal(local) + " UDP ttl 63");
  EXPECT_FALSE(Be16::Load(&sent[0].frame[60]).is_zero());
}

TEST_P(MixedFullnat, WhatIsTooLongIsAnsweredWithWhatTheSenderMaySend) {
  Serve(kEnds46);
  Endpoint local = Open(1234);
  d_.real(real_).mtu_bytes = 1400;
  d_.draft().ports[kOutside.index()].mtu_bytes = 1450;
  d_.Publish();
  EXPECT_EQ(SendForFigure(kOutside, OfClient(1234, 1380)),
            "in " + AtReal(local) + Tail("A") + " 1400");
  EXPECT_EQ(SendForFigure(kOutside, OfClient(1234, 1381)),
            "out 198.51.100.7 <- 192.0.2.2 ICMP 3/4 ttl 64 1380");
  EXPECT_EQ(SendForFigure(kInside, OfReal(local, 1470)),
            "out " + AtClient(1234) + Tail("A") + " 1450");
  EXPECT_EQ(SendForFigure(kInside, OfReal(local, 1471)),
            "in [fd00::11] <- [fd00::1] ICMP 2/0 ttl 64 1470");
  Serve(kEnds64);
  local = Open(1234);
  d_.real(real_).mtu_bytes = 1400;
  d_.Publish();
  EXPECT_EQ(SendForFigure(kOutside, OfClient(1234, 1420)),
            "in " + AtReal(local) + Tail("A") + " 1400");
  EXPECT_EQ(SendForFigure(kOutside, OfClient(1234, 1421)),
            "out [2001:db8:7::7] <- [2001:db8::2] ICMP 2/0 ttl 64 1420");
  EXPECT_EQ(SendForFigure(kInside, OfReal(local, 1430)),
            "out " + AtClient(1234) + Tail("A") + " 1450");
  EXPECT_EQ(SendForFigure(kInside, OfReal(local, 1431)),
            "in 10.0.0.11 <- 10.0.0.1 ICMP 3/4 ttl 64 1430");
  EXPECT_EQ(d_.dropped(DropReason::kTooBig), 4u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

// IPv4 without DF, and IPv6 that is as short as a sender need send.
TEST_P(MixedFullnat, WhatMayBeCutIsCut) {
  Serve(kEnds46);
  Endpoint local = Open(1234);
  d_.real(real_).mtu_bytes = 1280;
  d_.Publish();
  EXPECT_EQ(Joined(kOutside, {OfClient(1234, 3000, false)}), AtReal(local) + Tail("A"));
  EXPECT_EQ(frames_.size(), 3u);
  for (const Frame& f : frames_) EXPECT_LE(f.size(), 14 + 1280u);
  EXPECT_EQ(joined_.size(), 14 + 3020u);
  Serve(kEnds64);
  local = Open(1234);
  d_.real(real_).mtu_bytes = 800;
  d_.Publish();
  EXPECT_EQ(SendForFigure(kOutside, OfClient(1234, 1281)),
            "out [2001:db8:7::7] <- [2001:db8::2] ICMP 2/0 ttl 64 1280");
  EXPECT_EQ(Joined(kOutside, {OfClient(1234, 1280)}), AtReal(local) + Tail("A"));
  EXPECT_EQ(frames_.size(), 2u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(MixedFullnat, FragmentsFollowTheFirst) {
  for (const Ends& ends : {kEnds64, kEnds46}) {
    SCOPED_TRACE(ends.vip);
    Serve(ends, {.protocol = kProtocolUdp});
    for (uint16_t i = 0; i < 20; ++i) {
      const auto port = static_cast<uint16_t>(4000 + i);
      const Frame request = Datagram(ends.client, port, ends.vip, 80, Payload(3000));
      const std::string text = Joined(kOutside, Cut(request, 1480, i + 70'000u), i % 2 == 1);
      ASSERT_EQ(text.substr(0, Written(ends.real, 8080).size()), Written(ends.real, 8080)) << text;
      ASSERT_EQ(text.find("BAD"), std::string::npos) << text;
      for (const Frame& f : frames_) EXPECT_LE(f.size(), 14 + 1500u);
      const Endpoint local = SourceOf(joined_);
      const Frame reply =
          Datagram(ends.real, 8080, local.address.ToString(), local.port.host(), Payload(3000));
      EXPECT_EQ(Joined(kInside, Cut(reply, 1000, 77u * i), i % 2 == 1),
                AtClient(port) + " UDP ttl 63");
      EXPECT_EQ(joined_.size(), 14 + (is_46() ? 20u : 40u) + 8 + 3000);
    }
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

// Two clients whose datagrams have one number, and addresses of one sum: the real server gets both
// whole.
TEST_P(MixedFullnat, FragmentsOfTwoClientsAreNotMixed) {
  Serve(kEnds46, {.protocol = kProtocolUdp});
  const std::string client = "198.51.100.7", other = "100.7.198.51";
  std::vector<Frame> pieces = Cut(Datagram(client, 4000, ends_.vip, 80, Payload(3000)), 1480, 7);
  for (const Frame& piece : Cut(Datagram(other, 4000, ends_.vip, 80, Payload(3000)), 1480, 7)) {
    pieces.push_back(piece);
  }
  std::map<uint32_t, std::vector<Frame>> by_id;
  for (size_t i = 0; i < pieces.size(); ++i) d_.Inject(kOutside, pieces[i * 5 % pieces.size()]);
  for (const Sent& sent : d_.Settle()) {
    by_id[Be32::Load(&sent.frame[14 + sizeof(Ipv6Header) + 4]).host()].push_back(sent.frame);
  }
  EXPECT_EQ(by_id.size(), 2u);
  for (const auto& [id, frames] : by_id) {
    const std::string text = Text(Join(frames));
    EXPECT_EQ(text.substr(0, Written(ends_.real, 8080).size()), Written(ends_.real, 8080)) << text;
    EXPECT_EQ(text.find("BAD"), std::string::npos) << text;
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

// The checksum of a datagram without one is nowhere to be made from its first fragment.
TEST_P(MixedFullnat, FragmentsWithoutAChecksumAreDroppedByName) {
  Serve(kEnds46, {.protocol = kProtocolUdp});
  Frame request = Datagram(ends_.client, 4000, ends_.vip, 80, Payload(2000));
  request[40] = request[41] = 0;
  EXPECT_EQ(Joined(kOutside, Cut(request, 1000, 5)), "no datagram of 0");
  EXPECT_EQ(d_.dropped(DropReason::kCannotTranslate), 1u);
  EXPECT_EQ(d_.dropped(DropReason::kFragmentRefused), 2u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

// What looks like the record's image of an address is not the real server.
TEST_P(MixedFullnat, AReplyInTheClientsVersionIsForged) {
  Serve(kEnds64, {.protocol = kProtocolUdp});
  const Endpoint local = Open(1234);
  const std::string to = local.address.ToString();
  for (const Frame& frame : {Udp("::ffff:10.0.0.11", 8080, "::ffff:" + to, local.port.host()),
                             Udp("10.0.0.12", 8080, to, local.port.host()),
                             Udp("10.0.0.11", 8081, to, local.port.host())}) {
    EXPECT_EQ(Send(kInside, frame).find(AtClient(1234)), std::string::npos);
  }
  EXPECT_EQ(Send(kInside, FromReal(local, 0)), "out " + AtClient(1234) + " UDP ttl 63");
}

// Ports go round for each real server by itself, and a port may go to several.
TEST_P(MixedFullnat, RealServersShareAPort) {
  RealSpec one_port{.method = ForwardMethod::kFullnat,
                    .local_addresses = {"fd00::201"},
                    .first_local_port = 4000,
                    .last_local_port = 4031};
  const ServiceId web = d_.AddService({.address = "192.0.2.10", .protocol = kProtocolUdp});
  for (int i = 0; i < 8; ++i) d_.AddReal(web, "fd00::1" + std::to_string(i), 8080, one_port);
  d_.Publish();
  std::set<std::string> locals;
  size_t replies = 0, opened = 0;
  for (uint16_t port = 2000; port < 2128; ++port) {
    const auto sent = d_.Send(kOutside, Udp("198.51.100.7", port, "192.0.2.10", 80));
    if (sent.size() != 1) continue;
    ++opened;
    const Frame& f = sent[0].frame;
    const Endpoint local = SourceOf(f);
    locals.insert(local.ToString());
    const std::string real = IpAddress(Ipv6Address::Load(&f[38])).ToString();
    replies += Send(kInside, Udp(real, 8080, local.address.ToString(), local.port.host())) ==
               "out " + Written("198.51.100.7", port) + " <- 192.0.2.10:80 UDP ttl 63";
  }
  EXPECT_EQ(opened, 128u);
  EXPECT_EQ(replies, opened);
  EXPECT_LE(locals.size(), 32u);
}

// The real server's answers tell its clients apart by the local port alone, whatever their version.
TEST_P(MixedFullnat, ClientsOfBothVersionsDoNotShareAPort) {
  uint16_t local_port = 4000, client_port = 2000;
  uint64_t refused = 0;
  for (const TwoClients& two : kTwoClients) {
    for (const uint8_t protocol : {kProtocolTcp, kProtocolUdp}) {
      SCOPED_TRACE(two.first.vip + " first, " + std::to_string(protocol));
      const RealSpec one_port{.local_addresses = {two.first.locals + "1"},
                              .first_local_port = local_port,
                              .last_local_port = local_port};
      // With two workers the port is one's, and so are some of the clients.
      uint16_t with_port = 0;
      const auto open_some = [&] {
        for (uint16_t end = client_port + 20; client_port < end; ++client_port) {
          const Endpoint local = Open(client_port);
          if (local.port.is_zero()) {
            ++refused;
          } else {
            with_port = client_port;
            EXPECT_EQ(local, *Endpoint::Parse(Written(two.first.locals + "1", local_port)));
          }
        }
        return with_port;
      };
      Serve(two.first, {.protocol = protocol}, one_port);
      const uint16_t first = open_some();
      ASSERT_NE(first, 0);
      const std::string at_first = AtClient(first);
      Serve(two.second, {.protocol = protocol}, one_port);
      EXPECT_EQ(open_some(), first) << "nobody else";
      const Endpoint local = *Endpoint::Parse(Written(two.first.locals + "1", local_port));
      EXPECT_EQ(Send(kInside, FromReal(local, kTcpSyn | kTcpAck)), "out " + at_first + Tail("SA"));
      d_.Advance(400);
      const uint16_t second = open_some();
      ASSERT_NE(second, first) << "its time is over";
      EXPECT_EQ(Send(kInside, FromReal(local, kTcpSyn | kTcpAck)),
                "out " + AtClient(second) + Tail("SA"));
      ++local_port;
    }
  }
  EXPECT_EQ(refused, 8u * (19 + 20 + 19));
  EXPECT_EQ(d_.dropped(DropReason::kNoLocalPort), refused);
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(MixedFullnat, ClientsOfBothVersionsShareAPool) {
  for (const TwoClients& two : {kTwoClients[0], kTwoClients[2]}) {
    SCOPED_TRACE(two.first.real);
    const RealSpec pool{.local_addresses = {two.first.locals + "1"},
                        .first_local_port = 4000,
                        .last_local_port = 4079};
    Serve(two.first, {.protocol = kProtocolUdp}, pool);
    Serve(two.second, {.protocol = kProtocolUdp}, pool);
    std::map<std::string, std::string> client_of;  // by local endpoint
    for (uint16_t port = 3000; port < 3020; ++port) {
      for (const Ends& ends : {two.first, two.second}) {
        ends_ = ends;
        const Endpoint local = Open(port);
        ASSERT_NE(local.port, Be16{});
        EXPECT_TRUE(client_of.emplace(local.ToString(), AtClient(port)).second) << local.ToString();
      }
    }
    for (const auto& [local, client] : client_of) {
      EXPECT_EQ(Send(kInside, FromReal(*Endpoint::Parse(local), 0)),
                "out " + client + " UDP ttl 63");
    }
    EXPECT_EQ(client_of.size(), 40u);
    d_.Advance(400);
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(MixedFullnat, ARemovedRealSendsResetsToBothSides) {
  for (const Ends& ends : {kEnds64, kEnds46}) {
    SCOPED_TRACE(ends.vip);
    Serve(ends);
    const Endpoint local = Open(1234), other = Open(1235);
    for (const Endpoint& each : {local, other}) Send(kInside, FromReal(each, kTcpSyn | kTcpAck));
    d_.RemoveReal(real_, Remains::kReset);
    d_.Publish();
    std::multiset<std::string> lines;
    for (const Sent& sent : d_.Send(kOutside, FromClient(1234, kTcpAck)))
      lines.insert(Text(sent.frame));
    const std::string from_vip = Written(ends.client, 1234) + " <- " + Written(ends.vip, 80);
    EXPECT_EQ(lines, (std::multiset<std::string>{from_vip + " TCP R ttl 64",
                                                 AtReal(local) + " TCP AR ttl 63"}));
    lines.clear();
    for (const Sent& sent : d_.Send(kInside, FromReal(other, kTcpAck)))
      lines.insert(Text(sent.frame));
    EXPECT_EQ(lines, (std::multiset<std::string>{Written(ends.client, 1235) + " <- " +
                                                     Written(ends.vip, 80) + " TCP AR ttl 63",
                                                 AtReal(other) + " TCP R ttl 64"}));
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(MixedFullnat, ListsAndExplainNameTheLocalEndpoint) {
  Serve(kEnds46);
  const Endpoint local = Open(1234);
  ListConnections list;
  list.rows.reserve(list.limit);
  d_.RunCommand(OwnerOf(*IpAddress::Parse(ends_.client), 1234), &list);
  ASSERT_EQ(list.rows.size(), 1u);
  EXPECT_EQ(list.rows[0].local_endpoint, local);
  EXPECT_EQ(list.rows[0].real_endpoint.ToString(), "[fd00::11]:8080");
  const ExplainAnswer answer = d_.Explain({.client = *Endpoint::Parse("198.51.100.7:1234"),
                                           .destination = *Endpoint::Parse("192.0.2.10:80")});
  EXPECT_EQ(answer.verdict, ExplainVerdict::kForward);
  const step::Translated* told = nullptr;
  for (size_t i = 0; i < answer.step_count && told == nullptr; ++i) {
    told = std::get_if<step::Translated>(&answer.steps[i]);
  }
  ASSERT_NE(told, nullptr);
  EXPECT_EQ(told->local, local);
}

}  // namespace
}  // namespace fairlead::dataplane::mixed_fullnat_test
