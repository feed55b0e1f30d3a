// Packets whose source no other machine has: the director's own addresses, virtual ones, broadcast.
#include <gtest/gtest.h>

#include "byte_director.h"
#include "dataplane/wire/arp.h"

namespace fairlead::dataplane::forged_source_test {
namespace {

const std::string kClient = "198.51.100.7";
const std::string kVip = "192.0.2.10";
const std::string kVip6 = "2001:db8::10";
const MacAddress kStranger = MacAddress::FromNumber(0x020000000077u);

Frame WithMac(const MacAddress& destination, Frame frame) {
  destination.Store(frame.data());
  return frame;
}

Frame WithSum(Frame frame) {
  auto* ip = HeaderAt<Ipv4Header>(frame.data(), kEthernetHeaderLength);
  ip->checksum = Be16{};
  ip->checksum = Checksum(ip, sizeof *ip);
  return frame;
}

Frame AsFragment(Frame frame) {
  HeaderAt<Ipv4Header>(frame.data(), kEthernetHeaderLength)->fragment = Be16::FromHost(1);
  return WithSum(std::move(frame));
}

Frame AsGre(Frame frame) {
  HeaderAt<Ipv4Header>(frame.data(), kEthernetHeaderLength)->protocol = 47;
  return WithSum(std::move(frame));
}

Frame EchoRequest(const std::string& source, const std::string& destination) {
  Frame frame = Udp(source, 0x0800, destination, 0);  // the ports are type, code and checksum
  HeaderAt<Ipv4Header>(frame.data(), kEthernetHeaderLength)->protocol = kProtocolIcmp;
  Be16{}.Store(&frame[36]);
  Checksum(&frame[34], frame.size() - 34, 0).Store(&frame[36]);
  return WithSum(std::move(frame));
}

// An ICMP error from `from` to the sender of `about`, which it quotes.
Frame ErrorAbout(const Frame& about, const std::string& from) {
  BytePacket packet(To(kOutside, about));
  ParsedPacket parsed;
  Parse(packet, &parsed);
  EXPECT_TRUE(
      BuildIcmpError(packet, &parsed, IcmpError::kPortUnreachable, *IpAddress::Parse(from)));
  return WithMac(MacAddress{}, {packet.frame().begin(), packet.frame().end()});
}

class ForgedSource : public testing::TestWithParam<size_t> {
 protected:
  ForgedSource() : d_({.workers = GetParam()}) {
    web_ = d_.AddService({});
    d_.AddReal(web_, "10.0.0.11", 80);
    d_.AddReal(d_.AddService({.address = kVip6}), "fd00::11", 80);
    d_.AddService({.address = "192.0.2.20", .protocol = kProtocolUdp});
    d_.draft().broadcasts = {IpAddress::Parse("192.0.2.255")->v4(),
                             IpAddress::Parse("10.0.0.255")->v4()};
    d_.Publish();
  }
  // The frame ends here, as what it is, and leaves nothing behind.
  void ExpectForged(PortId port, const Frame& frame) {
    const uint64_t before = d_.dropped(DropReason::kBadSource);
    EXPECT_EQ(d_.Send(port, frame).size(), 0u) << Text(frame);
    EXPECT_EQ(d_.dropped(DropReason::kBadSource), before + 1) << Text(frame);
    EXPECT_EQ(d_.CheckConservation(), "") << Text(frame);
  }

  ByteDirector d_;
  ServiceId web_;
};
INSTANTIATE_TEST_SUITE_P(Workers, ForgedSource, testing::Values(1, 3));

TEST_P(ForgedSource, IsNotBalanced) {
  for (const PortId port : {kOutside, kInside}) {
    for (const char* own : {"192.0.2.2", "10.0.0.1", "192.0.2.10", "192.0.2.20", "192.0.2.255",
                            "10.0.0.255", "255.255.255.255", "127.0.0.1", "224.0.0.1", "0.0.0.0"}) {
      for (uint16_t client_port = 40000; client_port < 40008; ++client_port) {
        ExpectForged(port, Tcp(own, client_port, kVip, 80, kTcpSyn));
      }
    }
    for (const char* own : {"2001:db8::2", "fd00::1", "2001:db8::10", "::1", "::", "ff02::1"}) {
      ExpectForged(port, Tcp(own, 40000, kVip6, 80, kTcpSyn));
    }
  }
  EXPECT_EQ(d_.CheckNothingLeft(), "");
}

// What made real servers look dead: their answer to a health check belonged to the forged
// connection.
TEST_P(ForgedSource, TakesNoHealthCheckItsAnswer) {
  d_.draft().ports[1].has_host = true;
  d_.Publish();
  d_.Send(kOutside, Tcp("10.0.0.1", 40000, kVip, 80, kTcpSyn));
  const auto sent = d_.Send(kInside, Tcp("10.0.0.11", 80, "10.0.0.1", 40000, kTcpSyn | kTcpAck));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_TRUE(sent[0].to_host);
  EXPECT_EQ(Text(sent[0].frame), "10.0.0.1:40000 <- 10.0.0.11:80 TCP SA ttl 64");
}

// A worker that hands packets over before it looks at them.
TEST(ForgedSourceHandedOver, IsNotBalanced) {
  ByteDirector d({.workers = 2});
  d.AddReal(d.AddService({}), "10.0.0.11", 80);
  d.Publish();
  const Ipv4Address own = IpAddress::Parse("10.0.0.1")->v4();
  uint16_t port = 40000;
  while (d.fabric().steering.ConnectionOwner(own, Be16::FromHost(port)).index() != 1) ++port;
  d.worker(0).shard().asks_owner_first = true;
  d.SendAt(0, kOutside, Tcp("10.0.0.1", port, kVip, 80, kTcpSyn));
  EXPECT_EQ(d.worker(0).counters().handed_off.value(), 1u);
  EXPECT_EQ(d.Settle().size(), 0u);
  EXPECT_EQ(d.dropped(DropReason::kBadSource), 1u);
  EXPECT_EQ(d.CheckNothingLeft(), "");
}

// Neither answered nor routed nor given to the kernel.
TEST_P(ForgedSource, IsNotAnsweredNorRouted) {
  d_.draft().ports[1].has_host = true;
  d_.Publish();
  for (const char* own : {"10.0.0.1", "192.0.2.10", "192.0.2.255"}) {
    for (const char* to : {"192.0.2.10", "10.0.0.1", "10.0.0.50", "203.0.113.9"}) {
      ExpectForged(kOutside, Udp(own, 40000, to, 9));
      ExpectForged(kOutside, Tcp(own, 40000, to, 9, kTcpAck));
      ExpectForged(kOutside, EchoRequest(own, to));
      ExpectForged(kOutside, AsFragment(Udp(own, 40000, to, 9)));
      ExpectForged(kOutside, AsGre(Udp(own, 40000, to, 9)));
      ExpectForged(kOutside, ErrorAbout(Tcp(to, 80, kClient, 1234, kTcpAck), own));
    }
  }
}

// The client of the quoted flow would be the director itself, or nobody.
TEST_P(ForgedSource, InsideAnIcmpErrorIsNotScheduled) {
  d_.service(web_).policy.schedule_icmp = true;
  d_.Publish();
  constexpr size_t kIcmp = 34, kQuotedDestination = kIcmp + 8 + 16;
  for (const char* own : {"10.0.0.1", "192.0.2.20", "192.0.2.255", "127.0.0.1", "224.0.0.1"}) {
    Frame error = ErrorAbout(Tcp(kVip, 80, "203.0.113.9", 1234, kTcpAck), kClient);
    std::copy_n(IpAddress::Parse(own)->bytes().begin(), 4, &error[kQuotedDestination]);
    Be16{}.Store(&error[kIcmp + 2]);
    Checksum(&error[kIcmp], error.size() - kIcmp, 0).Store(&error[kIcmp + 2]);
    ExpectForged(kOutside, error);
  }
  EXPECT_EQ(d_.CheckNothingLeft(), "");
  // Routed, and about a packet of ours: it would have come to us.
  const Frame about = Tcp("10.0.0.1", 40000, "10.0.0.11", 80, kTcpSyn);
  Frame astray = ErrorAbout(about, "10.0.0.11");
  std::copy_n(IpAddress::Parse(kClient)->bytes().begin(), 4, astray.begin() + 30);
  ExpectForged(kInside, WithSum(astray));
}

// The kernel's own connections are not forged: errors about them are its business.
TEST_P(ForgedSource, InsideAnIcmpErrorToTheTwinIsTheTwins) {
  d_.draft().ports[1].has_host = true;
  d_.Publish();
  const Frame check = Tcp("10.0.0.1", 40000, "10.0.0.11", 80, kTcpSyn);
  const auto sent = d_.Send(kInside, ErrorAbout(check, "10.0.0.11"));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_TRUE(sent[0].to_host);
  EXPECT_EQ(d_.dropped(DropReason::kBadSource), 0u);
  EXPECT_EQ(d_.SendFromHost(kInside, check).size(), 1u);
}

// DR real servers may have the director as their gateway: known replies pass, from behind only.
TEST_P(ForgedSource, ADirectReplyPassesFromBehindOnly) {
  const ServiceId direct = d_.AddService({.address = "192.0.2.30"});
  const RealId real = d_.AddReal(direct, "10.0.0.12", 80, {.method = ForwardMethod::kDr});
  d_.Publish();
  for (uint16_t port = 1; port < 9; ++port) {
    d_.Send(kOutside, Tcp(kClient, port, "192.0.2.30", 80, kTcpSyn));
    const Frame reply = Tcp("192.0.2.30", 80, kClient, port, kTcpSyn | kTcpAck);
    ExpectForged(kOutside, reply);
    EXPECT_EQ(d_.fabric().stats.SumTraffic(real).out_packets, port - 1u);
    EXPECT_EQ(d_.Send(kInside, reply).size(), 1u);
    EXPECT_EQ(d_.fabric().stats.SumTraffic(real).out_packets, port);
    const Frame error = ErrorAbout(Tcp(kClient, port, "192.0.2.30", 80, kTcpAck), "192.0.2.30");
    EXPECT_EQ(d_.Send(kInside, error).size(), 1u);
    ExpectForged(kOutside, error);
    ExpectForged(kInside,
                 Tcp("192.0.2.30", 80, kClient, static_cast<uint16_t>(port + 100), kTcpAck));
    ExpectForged(kInside, ErrorAbout(Tcp(kClient, 999, "192.0.2.30", 80, kTcpAck), "192.0.2.30"));
  }
}

TEST_P(ForgedSource, IsExplained) {
  const auto explain = [this](const char* client) {
    return d_.Explain({.protocol = kProtocolTcp,
                       .client = {*IpAddress::Parse(client), Be16::FromHost(40000)},
                       .destination = {*IpAddress::Parse(kVip), Be16::FromHost(80)}});
  };
  for (const char* client : {"10.0.0.1", "192.0.2.20", "192.0.2.255", "127.0.0.1"}) {
    const ExplainAnswer answer = explain(client);
    EXPECT_EQ(answer.verdict, ExplainVerdict::kDropped) << client;
    ASSERT_EQ(answer.step_count, 1u) << client;
    EXPECT_TRUE(std::holds_alternative<step::BadSource>(answer.steps[0])) << client;
  }
  EXPECT_EQ(explain(kClient.c_str()).verdict, ExplainVerdict::kForward);
}

Frame ArpRequest(const char* sender, const char* target) {
  Frame frame(kArpFrameLength);
  BuildArpRequest(frame.data(), kStranger, IpAddress::Parse(sender)->v4(),
                  IpAddress::Parse(target)->v4());
  return frame;
}

Frame Solicitation(const char* sender, const char* target) {
  Frame frame(kNeighbourFrameLength);
  BuildNeighbourSolicitation(frame.data(), kStranger, IpAddress::Parse(sender)->v6(),
                             IpAddress::Parse(target)->v6());
  return frame;
}

// Duplicate address detection: from nowhere, so without the option that names the sender's MAC.
Frame DadSolicitation(const char* target) {
  Frame frame = Solicitation("::", target);
  frame.resize(frame.size() - 8);
  const auto length = static_cast<uint32_t>(frame.size() - 54);
  Be16::FromHost(static_cast<uint16_t>(length)).Store(&frame[18]);
  Be16{}.Store(&frame[56]);
  const uint64_t pseudo = PseudoHeaderSum(Ipv6Address::Load(&frame[22]),
                                          Ipv6Address::Load(&frame[38]), kProtocolIcmpv6, length);
  Checksum(&frame[54], length, pseudo).Store(&frame[56]);
  return frame;
}

size_t CountEvents(ByteDirector& d) {
  size_t count = 0;
  for (size_t w = 0; w < d.worker_count(); ++w) {
    Event event;
    while (d.fabric().events[w]->Pop(&event)) ++count;
  }
  return count;
}

// Whoever looks whether an address is free has none yet (RFC 5227, RFC 4862): it is told.
TEST_P(ForgedSource, AProbeForAnAddressIsAnswered) {
  EXPECT_EQ(d_.Send(kOutside, ArpRequest("0.0.0.0", "192.0.2.10")).size(), 1u);
  EXPECT_EQ(d_.Send(kOutside, ArpRequest("192.0.2.77", "192.0.2.10")).size(), 1u);
  EXPECT_EQ(d_.Send(kOutside, DadSolicitation("2001:db8::10")).size(), 1u);
  EXPECT_EQ(d_.Send(kOutside, Solicitation("2001:db8::77", "2001:db8::10")).size(), 1u);
}

// Nobody else has our addresses, so nobody's MAC is learnt for one.
TEST_P(ForgedSource, IsNotLearntAsANeighbour) {
  CountEvents(d_);
  ExpectForged(kOutside, ArpRequest("192.0.2.20", "192.0.2.10"));
  ExpectForged(kInside, ArpRequest("10.0.0.1", "10.0.0.11"));
  ExpectForged(kOutside, ArpRequest("192.0.2.20", "192.0.2.20"));
  ExpectForged(kOutside, Solicitation("2001:db8::10", "2001:db8::2"));
  Frame advertisement(kNeighbourFrameLength);
  BuildUnsolicitedAdvertisement(advertisement.data(), kStranger,
                                IpAddress::Parse("2001:db8::10")->v6());
  ExpectForged(kOutside, advertisement);
  EXPECT_EQ(CountEvents(d_), 0u);
}

}  // namespace
}  // namespace fairlead::dataplane::forged_source_test
