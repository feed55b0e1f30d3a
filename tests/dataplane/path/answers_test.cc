// What the director answers by itself, and how much of it: errors, resets, addresses nobody serves,
// clients that no answer can reach.
#include <gtest/gtest.h>

#include <map>

#include "byte_director.h"

namespace fairlead::dataplane::answers_test {
namespace {

const std::string kClient = "198.51.100.7";
const std::string kVip = "192.0.2.10";

std::string Nth(uint32_t network, uint32_t n) {
  return IpAddress(Ipv4Address::FromHost(network + n)).ToString();
}

// Of the ICMP messages among these, how many are of this type and code.
size_t CountIcmp(const std::vector<Sent>& all, const char* type_and_code) {
  size_t count = 0;
  for (const Sent& sent : all) {
    count +=
        Text(sent.frame).find(std::string(" ICMP ") + type_and_code + " ") != std::string::npos;
  }
  return count;
}

class Answers : public testing::TestWithParam<size_t> {
 protected:
  Answers() : d_({.workers = GetParam(), .connections = 65536}) {
    web_ = d_.AddService({.protocol = kProtocolUdp});
    d_.AddReal(web_, "10.0.0.11", 80, {.method = ForwardMethod::kTun});
    d_.Publish();
  }
  // A datagram that fills the link outside and is too long for the tunnel, not to be cut.
  static Frame TooLong(const std::string& client) {
    Frame frame = Datagram(client, 1234, kVip, 80, std::string(1472, 'x'));
    auto* ip = HeaderAt<Ipv4Header>(frame.data(), kEthernetHeaderLength);
    ip->fragment = Be16::FromHost(Ipv4Header::kDontFragment);
    ip->checksum = Be16{};
    ip->checksum = Checksum(ip, sizeof *ip);
    return frame;
  }

  ByteDirector d_;
  ServiceId web_;
};
INSTANTIATE_TEST_SUITE_P(Workers, Answers, testing::Values(1, 2));

// Path MTU discovery has a budget of its own: what else asks for errors does not spend it.
TEST_P(Answers, AFloodOfOtherErrorsStarvesNoPathMtuDiscovery) {
  for (uint32_t i = 0; i < 20000; ++i) {
    d_.Send(kOutside, Udp(Nth(0x64400000, i), 4000, kVip, 9));
  }
  EXPECT_GT(d_.dropped(DropReason::kIcmpRateLimited), 2000u);
  size_t told = 0;
  for (uint32_t i = 0; i < 40; ++i) {
    told += CountIcmp(d_.Send(kOutside, TooLong(Nth(0xc6336400, i))), "3/4");
  }
  EXPECT_EQ(told, 40u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(Answers, PathMtuDiscoveryIsLimitedForEachDestinationAndInTotal) {
  size_t told = 0;
  for (int i = 0; i < 100; ++i) told += CountIcmp(d_.Send(kOutside, TooLong(kClient)), "3/4");
  EXPECT_EQ(told, 6u);
  for (uint32_t i = 0; i < 10000; ++i) {
    told += CountIcmp(d_.Send(kOutside, TooLong(Nth(0x64400000, i))), "3/4");
  }
  EXPECT_GE(told, 2000u);
  EXPECT_LE(told, 2000u * GetParam());
  d_.Advance(1);
  EXPECT_EQ(CountIcmp(d_.Send(kOutside, TooLong("198.51.100.8")), "3/4"), 1u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

// Nobody uses the director to reset a third party; a client of many connections is told of each.
TEST_P(Answers, ResetsAreLimitedForEachClient) {
  const auto count_resets = [this](const std::string& client, uint16_t many) {
    size_t resets = 0;
    for (uint16_t i = 0; i < many; ++i) {
      resets +=
          d_.Send(kOutside, Tcp(client, static_cast<uint16_t>(1024 + i), kVip, 81, kTcpSyn)).size();
    }
    return resets;
  };
  EXPECT_EQ(count_resets(kClient, 1000), 1000u);
  EXPECT_LE(count_resets(kClient, 3000), 1000u * (GetParam() - 1));
  EXPECT_GE(d_.dropped(DropReason::kIcmpRateLimited), 2000u);
  EXPECT_EQ(count_resets("198.51.100.9", 1), 1u);
  EXPECT_EQ(d_.dropped(DropReason::kClosedPort) + d_.dropped(DropReason::kIcmpRateLimited), 4001u);
  d_.Advance(1);
  EXPECT_GE(count_resets(kClient, 200), 100u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

// ---- addresses that are ours in clients' eyes

Frame WithSum(Frame frame) {
  auto* ip = HeaderAt<Ipv4Header>(frame.data(), kEthernetHeaderLength);
  ip->checksum = Be16{};
  ip->checksum = Checksum(ip, sizeof *ip);
  return frame;
}

Frame AsProtocol(uint8_t protocol, Frame frame) {
  HeaderAt<Ipv4Header>(frame.data(), kEthernetHeaderLength)->protocol = protocol;
  return WithSum(std::move(frame));
}

Frame EchoRequest(const std::string& source, const std::string& destination) {
  Frame frame = AsProtocol(kProtocolIcmp, Udp(source, 0x0800, destination, 0));
  Be16{}.Store(&frame[36]);
  Checksum(&frame[34], frame.size() - 34, 0).Store(&frame[36]);
  return frame;
}

class Ranges : public testing::TestWithParam<size_t> {
 protected:
  Ranges() : d_({.workers = GetParam()}) {
    ClassifierBuilder rules;
    rules.AddRule({.protocol = kProtocolTcp,
                   .destination_set = rules.AddSet({*Prefix::Parse("203.0.113.0/24")}),
                   .destination_ports = {{80, 80}},
                   .mark = 7});
    d_.draft().classifier = rules.Build();
    mark_ = d_.AddService({.mark = 7});
    d_.AddReal(mark_, "10.0.0.11", 0);
    using Map = PrefixMap<VirtualRange>;
    d_.draft().virtual_ranges = std::make_shared<const Map>(
        Map::Build({{*Prefix::Parse("203.0.113.0/24"), {.length = 24}},
                    {*Prefix::Parse("198.18.0.9/32"), {.length = 32, .is_gone = true}}}));
    d_.Publish();
  }
  std::string Send(PortId port, const Frame& frame) {
    std::string text;
    for (const Sent& sent : d_.Send(port, frame)) {
      text += (sent.port == kOutside ? "out " : "in ") + Text(sent.frame) + "\n";
    }
    return text;
  }

  ByteDirector d_;
  ServiceId mark_;
};
INSTANTIATE_TEST_SUITE_P(Workers, Ranges, testing::Values(1, 3));

// With a router upstream each packet would come again and again, until its TTL is used up.
TEST_P(Ranges, WhatNoServiceTakesOfARangeIsAnsweredAsAVipIs) {
  EXPECT_EQ(Send(kOutside, Tcp(kClient, 1234, "203.0.113.5", 80, kTcpSyn)),
            "in 10.0.0.11:80 <- 198.51.100.7:1234 TCP S ttl 63\n");
  EXPECT_EQ(Send(kOutside, Tcp(kClient, 1234, "203.0.113.5", 22, kTcpSyn)),
            "out 198.51.100.7:1234 <- 203.0.113.5:22 TCP AR ttl 64\n");
  EXPECT_EQ(Send(kOutside, Udp(kClient, 1234, "203.0.113.5", 80)),
            "out 198.51.100.7 <- 203.0.113.5 ICMP 3/3 ttl 64\n");
  EXPECT_EQ(d_.dropped(DropReason::kClosedPort), 2u);
  EXPECT_EQ(Send(kOutside, EchoRequest(kClient, "203.0.113.5")),
            "out 198.51.100.7 <- 203.0.113.5 ICMP 0/0 ttl 64\n");
  EXPECT_EQ(Send(kOutside, AsProtocol(47, Udp(kClient, 1234, "203.0.113.5", 80))), "");
  EXPECT_EQ(d_.dropped(DropReason::kUnsupportedProtocol), 1u);
  Frame fragment = Udp(kClient, 1234, "203.0.113.5", 80);
  HeaderAt<Ipv4Header>(fragment.data(), 14)->fragment = Be16::FromHost(1);
  EXPECT_EQ(Send(kOutside, WithSum(fragment)), "");  // waits for the first, which has the ports
  HeaderAt<Ipv4Header>(fragment.data(), 14)->fragment = Be16::FromHost(Ipv4Header::kMoreFragments);
  fragment = WithSum(fragment);
  fragment.resize(14 + 20 + 8);
  HeaderAt<Ipv4Header>(fragment.data(), 14)->total_length = Be16::FromHost(28);
  EXPECT_EQ(Send(kOutside, WithSum(fragment)), "out 198.51.100.7 <- 203.0.113.5 ICMP 3/3 ttl 64\n");
  EXPECT_EQ(d_.dropped(DropReason::kFragmentOverlap), 0u);
  EXPECT_EQ(d_.dropped(DropReason::kFragmentRefused), 1u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

// Transparent caches in front of the world: what they do not take goes on.
TEST_P(Ranges, WhatLeavesByAnotherPortIsRouted) {
  d_.SetNeighbour(kInside, "10.0.0.77", NeighbourState::kReachable);
  EXPECT_EQ(Send(kInside, Tcp("10.0.0.77", 1234, "203.0.113.5", 22, kTcpSyn)),
            "out 203.0.113.5:22 <- 10.0.0.77:1234 TCP S ttl 63\n");
  EXPECT_EQ(Send(kOutside, Tcp("203.0.113.5", 80, "10.0.0.77", 1234, kTcpAck)),
            "in 10.0.0.77:1234 <- 203.0.113.5:80 TCP A ttl 63\n")
      << "hosts of the range may live elsewhere";
}

TEST_P(Ranges, ARouteOfItsOwnSendsARangeOnWhereverItLeads) {
  d_.AddRoute("203.0.113.0/25", kOutside, "192.0.2.9", "192.0.2.2");
  d_.Publish();
  EXPECT_EQ(Send(kOutside, Tcp(kClient, 1234, "203.0.113.5", 22, kTcpSyn)),
            "out 203.0.113.5:22 <- 198.51.100.7:1234 TCP S ttl 63\n");
  EXPECT_EQ(Send(kOutside, Tcp(kClient, 1234, "203.0.113.205", 22, kTcpSyn)),
            "out 198.51.100.7:1234 <- 203.0.113.205:22 TCP AR ttl 64\n");
}

TEST_P(Ranges, AVipThatIsGoneIsSilent) {
  const std::string vip = "198.18.0.9";
  for (const Frame& frame : {Tcp(kClient, 1234, vip, 80, kTcpSyn), Udp(kClient, 1234, vip, 80),
                             EchoRequest(kClient, vip), AsProtocol(47, Udp(kClient, 1, vip, 80))}) {
    EXPECT_EQ(Send(kOutside, frame), "");
  }
  EXPECT_EQ(d_.dropped(DropReason::kVipGone), 4u);
  EXPECT_EQ(Send(kInside, Tcp("10.0.0.77", 1, vip, 80, kTcpSyn)),
            "out 198.18.0.9:80 <- 10.0.0.77:1 TCP S ttl 63\n");
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(Ranges, AreExplained) {
  const auto explain = [this](const char* to, uint16_t port, PortId input) {
    const ExplainAnswer answer =
        d_.Explain({.protocol = kProtocolTcp,
                    .client = {*IpAddress::Parse(kClient), Be16::FromHost(1)},
                    .destination = {*IpAddress::Parse(to), Be16::FromHost(port)},
                    .input_port = input});
    const auto* last = std::get_if<step::NoService>(&answer.steps[answer.step_count - 1]);
    return std::pair(answer.verdict,
                     last == nullptr ? std::optional<Unserved>() : last->destination);
  };
  using V = ExplainVerdict;
  using Told = std::pair<V, std::optional<Unserved>>;
  EXPECT_EQ(explain("203.0.113.5", 80, kOutside), Told(V::kForward, std::nullopt));
  EXPECT_EQ(explain("203.0.113.5", 22, kOutside), Told(V::kRefused, Unserved::kMarkRange));
  EXPECT_EQ(explain("203.0.113.5", 22, kInside), Told(V::kNotOurs, Unserved::kOther));
  EXPECT_EQ(explain("198.18.0.9", 22, kOutside), Told(V::kDropped, Unserved::kGone));
  EXPECT_EQ(explain("198.18.0.10", 22, kOutside), Told(V::kNotOurs, Unserved::kOther));
}

// ---- link-local clients

Frame EchoRequest6(const std::string& source, const std::string& destination) {
  Frame frame = Udp(source, 0x8000, destination, 0);
  frame[20] = kProtocolIcmpv6;
  Be16{}.Store(&frame[56]);
  const uint64_t pseudo =
      PseudoHeaderSum(Ipv6Address::Load(&frame[22]), Ipv6Address::Load(&frame[38]), kProtocolIcmpv6,
                      static_cast<uint32_t>(frame.size() - 54));
  Checksum(&frame[54], frame.size() - 54, pseudo).Store(&frame[56]);
  return frame;
}

class LinkLocal : public testing::TestWithParam<size_t> {
 protected:
  LinkLocal() : d_({.workers = GetParam()}) {
    web_ = d_.AddService({.address = "2001:db8::10"});
    real_ = d_.AddReal(web_, "fd00::11", 80);
    d_.SetNeighbour(kOutside, "fe80::7", NeighbourState::kReachable);
    d_.Publish();
  }

  ByteDirector d_;
  ServiceId web_;
  RealId real_;
};
INSTANTIATE_TEST_SUITE_P(Workers, LinkLocal, testing::Values(1, 3));

TEST_P(LinkLocal, AClientThatNoAnswerCanReachIsRefused) {
  const auto refused = [&] {
    const uint64_t before = d_.dropped(DropReason::kLinkLocalClient);
    EXPECT_EQ(d_.Send(kOutside, Tcp("fe80::7", 1234, "2001:db8::10", 80, kTcpSyn)).size(), 0u);
    EXPECT_EQ(d_.dropped(DropReason::kLinkLocalClient), before + 1);
  };
  refused();
  d_.real(real_).method = ForwardMethod::kDr;
  d_.Publish();
  refused();
  d_.real(real_).output = kOutside;
  d_.real(real_).method = ForwardMethod::kNat;
  d_.Publish();
  refused();
  d_.service(web_).is_one_packet = true;
  d_.Publish();
  refused();
  d_.service(web_).persistence.is_enabled = true;
  d_.service(web_).persistence.timeout = TicksFromSeconds(10);
  d_.Publish();
  refused();
  d_.Advance(70);
  EXPECT_EQ(d_.CheckNothingLeft(), "");
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(LinkLocal, ARefusalIsExplained) {
  const ExplainAnswer answer =
      d_.Explain({.protocol = kProtocolTcp,
                  .client = {*IpAddress::Parse("fe80::7"), Be16::FromHost(1234)},
                  .destination = {*IpAddress::Parse("2001:db8::10"), Be16::FromHost(80)}});
  EXPECT_EQ(answer.verdict, ExplainVerdict::kDropped);
  EXPECT_TRUE(std::holds_alternative<step::LinkLocalClient>(answer.steps[answer.step_count - 1]));
}

// On its own link a real server answers it by itself.
TEST_P(LinkLocal, AClientOfARealOnItsLinkIsServedDirectly) {
  d_.real(real_).method = ForwardMethod::kDr;
  d_.real(real_).output = kOutside;
  d_.Publish();
  const auto sent = d_.Send(kOutside, Tcp("fe80::7", 1234, "2001:db8::10", 80, kTcpSyn));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].port, kOutside);
}

// Answers go back over the link, not by the default route.
TEST_P(LinkLocal, AnswersStayOnTheLink) {
  for (const Frame& frame :
       {EchoRequest6("fe80::7", "2001:db8::10"), Tcp("fe80::7", 1234, "2001:db8::10", 81, kTcpSyn),
        Udp("fe80::7", 1234, "2001:db8::10", 81)}) {
    const auto sent = d_.Send(kOutside, frame);
    ASSERT_EQ(sent.size(), 1u) << Text(frame);
    EXPECT_EQ(sent[0].port, kOutside);
    EXPECT_EQ(MacAddress::Load(sent[0].frame.data()), HostMac("fe80::7")) << Text(sent[0].frame);
  }
}

// ---- one-packet services

class OnePacket : public testing::TestWithParam<size_t> {
 protected:
  OnePacket() : d_({.workers = GetParam()}) {}
  std::string Text1(const std::vector<Sent>& sent) {
    return sent.size() == 1 ? (sent[0].port == kOutside ? "out " : "in ") + Text(sent[0].frame)
                            : std::to_string(sent.size()) + " sent";
  }

  ByteDirector d_;
};
INSTANTIATE_TEST_SUITE_P(Workers, OnePacket, testing::Values(1, 3));

TEST_P(OnePacket, AReplyLeavesFromTheVirtualAddress) {
  const ServiceId dns =
      d_.AddService({.port = 53, .protocol = kProtocolUdp, .is_one_packet = true});
  const RealId real = d_.AddReal(dns, "10.0.0.11", 5353);
  d_.AddReal(
      d_.AddService(
          {.address = "2001:db8::10", .port = 53, .protocol = kProtocolUdp, .is_one_packet = true}),
      "fd00::11", 53);
  d_.Publish();
  for (uint16_t port = 2000; port < 2008; ++port) {
    const std::string to = "198.51.100.7:" + std::to_string(port);
    EXPECT_EQ(Text1(d_.Send(kOutside, Udp(kClient, port, kVip, 53))),
              "in 10.0.0.11:5353 <- " + to + " UDP ttl 63");
    EXPECT_EQ(Text1(d_.Send(kInside, Udp("10.0.0.11", 5353, kClient, port))),
              "out " + to + " <- 192.0.2.10:53 UDP ttl 63");
  }
  EXPECT_EQ(Text1(d_.Send(kInside, Udp("fd00::11", 53, "2001:db8:9::7", 2000))),
            "out [2001:db8:9::7]:2000 <- [2001:db8::10]:53 UDP ttl 63");
  EXPECT_EQ(d_.fabric().stats.SumTraffic(real).out_packets, 8u);
  EXPECT_EQ(Text1(d_.Send(kInside, Udp("10.0.0.11", 5354, kClient, 2000))),
            "out 198.51.100.7:2000 <- 10.0.0.11:5354 UDP ttl 63");
  EXPECT_EQ(d_.CheckNothingLeft(), "");
  EXPECT_EQ(d_.CheckConservation(), "");
}

// The connections of another service with the same real server come first.
TEST_P(OnePacket, AConnectionKeepsItsReplies) {
  const ServiceId dns =
      d_.AddService({.port = 53, .protocol = kProtocolUdp, .is_one_packet = true});
  d_.AddReal(dns, "10.0.0.11", 53);
  const ServiceId other =
      d_.AddService({.address = "192.0.2.20", .port = 53, .protocol = kProtocolUdp});
  d_.AddReal(other, "10.0.0.11", 53);
  d_.Publish();
  for (uint16_t port = 2000; port < 2008; ++port) {
    d_.Send(kOutside, Udp(kClient, port, "192.0.2.20", 53));
    EXPECT_EQ(Text1(d_.Send(kInside, Udp("10.0.0.11", 53, kClient, port))),
              "out 198.51.100.7:" + std::to_string(port) + " <- 192.0.2.20:53 UDP ttl 63");
  }
}

TEST_P(OnePacket, AServiceOfAllPortsKeepsThePort) {
  const ServiceId all = d_.AddService(
      {.port = 0, .protocol = kProtocolUdp, .persistence_seconds = 60, .is_one_packet = true});
  d_.AddReal(all, "10.0.0.11", 0);
  d_.Publish();
  EXPECT_EQ(Text1(d_.Send(kOutside, Udp(kClient, 2000, kVip, 99))),
            "in 10.0.0.11:99 <- 198.51.100.7:2000 UDP ttl 63");
  EXPECT_EQ(Text1(d_.Send(kInside, Udp("10.0.0.11", 99, kClient, 2000))),
            "out 198.51.100.7:2000 <- 192.0.2.10:99 UDP ttl 63");
}

// ---- scheduling by ICMP

// An error from the client about a packet of the virtual address to it.
Frame ErrorFrom(const std::string& client, uint16_t port, const std::string& router) {
  BytePacket packet(To(kOutside, Tcp(kVip, 80, client, port, kTcpAck)));
  ParsedPacket parsed;
  Parse(packet, &parsed);
  EXPECT_TRUE(
      BuildIcmpError(packet, &parsed, IcmpError::kHostUnreachable, *IpAddress::Parse(router)));
  Frame frame(packet.frame().begin(), packet.frame().end());
  MacAddress{}.Store(frame.data());
  return frame;
}

class ScheduledByIcmp : public testing::TestWithParam<size_t> {
 protected:
  ScheduledByIcmp() : d_({.workers = GetParam()}) {
    web_ = d_.AddService({.persistence_seconds = 300, .mask4 = 0xffffffff});
    for (int i = 1; i <= 5; ++i) d_.AddReal(web_, "10.0.0." + std::to_string(10 + i), 80);
    d_.service(web_).policy.schedule_icmp = true;
    d_.Publish();
  }
  // Where the packet went: the real's address, or what else became of it.
  static std::string Home(const std::vector<Sent>& sent) {
    if (sent.size() != 1 || sent[0].port != kInside) return std::to_string(sent.size()) + " sent";
    return Text(sent[0].frame).substr(0, 9);
  }

  ByteDirector d_;
  ServiceId web_;
};
INSTANTIATE_TEST_SUITE_P(Workers, ScheduledByIcmp, testing::Values(1, 2, 4));

// Whoever owns connection, template and the template under the previous netmask.
TEST_P(ScheduledByIcmp, FindsTheRealOfThePreviousNetmask) {
  std::map<std::string, std::string> homes;
  for (uint32_t i = 0; i < 40; ++i) {
    const std::string client = Nth(0xc6330000, i << 8 | 7);
    homes[client] = Home(d_.Send(kOutside, Tcp(client, 1000, kVip, 80, kTcpSyn)));
  }
  PersistenceView& persistence = d_.service(web_).persistence;
  persistence.previous = std::make_shared<const ClientKeying>(persistence.clients);
  persistence.clients.mask4 = Be32::FromHost(0xffffff00);
  persistence.rekey = TicksFromSeconds(600);
  ++persistence.keying_edits;
  d_.Publish();
  for (const auto& [client, home] : homes) {
    EXPECT_EQ(Home(d_.Send(kOutside, ErrorFrom(client, 2000, "203.0.113.1"))), home) << client;
    EXPECT_EQ(Home(d_.Send(kOutside, Tcp(client, 2000, kVip, 80, kTcpAck))), home) << client;
    EXPECT_EQ(Home(d_.Send(kOutside, Tcp(client, 3000, kVip, 80, kTcpSyn))), home) << client;
  }
  d_.Advance(1000);
  EXPECT_EQ(d_.CheckNothingLeft(), "");
  EXPECT_EQ(d_.CheckConservation(), "");
}

}  // namespace
}  // namespace fairlead::dataplane::answers_test
