// Source NAT on bytes: TCP, UDP, pings, errors, fragments; ports, exhaustion, rules (docs/snat.md).
#include <gtest/gtest.h>

#include <set>

#include "byte_fragments.h"
#include "snat_bed.h"

namespace fairlead::dataplane::snat_test {
namespace {

using namespace snat_bed;

class Snat : public SnatBed {};
INSTANTIATE_TEST_SUITE_P(Workers, Snat, testing::Values(1, 2, 3));

TEST_P(Snat, TcpGoesOutWithOurAddressAndComesBack) {
  Serve();
  const auto sent = d_.Send(kInside, Tcp(kHost, 40000, kWorld, 443, kTcpSyn));
  ASSERT_EQ(sent.size(), 1u);
  const uint16_t port = SourcePort(sent[0].frame);
  EXPECT_EQ(port, 40000);  // the host's own is free
  EXPECT_EQ(Describe(sent),
            "out 203.0.113.9:443 <- 192.0.2.3:" + std::to_string(port) + " TCP S ttl 63\n");
  EXPECT_EQ(Send(kOutside, Tcp(kWorld, 443, kLocal, port, kTcpSyn | kTcpAck)),
            "in 10.0.0.50:40000 <- 203.0.113.9:443 TCP SA ttl 63\n");
  EXPECT_EQ(Send(kInside, Tcp(kHost, 40000, kWorld, 443, kTcpAck)),
            "out 203.0.113.9:443 <- 192.0.2.3:" + std::to_string(port) + " TCP A ttl 63\n");
  const SnatSum sum = Sum();
  EXPECT_EQ(sum.begun, 1u);
  EXPECT_EQ(sum.flows, 1u);
  EXPECT_EQ(sum.out_packets, 2u);
  EXPECT_EQ(sum.out_bytes, 80u);
  EXPECT_EQ(sum.in_packets, 1u);
  EXPECT_EQ(sum.in_bytes, 40u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(Snat, UdpOfSix) {
  Serve();
  const auto sent = d_.Send(kInside, Udp(kHost6, 5000, kWorld6, 53));
  ASSERT_EQ(sent.size(), 1u);
  const std::string port = std::to_string(SourcePort(sent[0].frame));
  EXPECT_EQ(Describe(sent), "out [2001:db8:9::9]:53 <- [2001:db8::3]:" + port + " UDP ttl 63\n");
  EXPECT_EQ(Send(kOutside, Udp(kWorld6, 53, kLocal6, SourcePort(sent[0].frame))),
            "in [fd00::50]:5000 <- [2001:db8:9::9]:53 UDP ttl 63\n");
}

// One port of ours for many hosts in the world, and many flows of one socket.
TEST_P(Snat, OneSocketToManyHostsAndTwoHostsToOne) {
  Serve();
  for (int i = 0; i < 60; ++i) {
    const std::string remote = "203.0.113." + std::to_string(i + 1);
    const uint16_t port = PortOf(Udp(kHost, 5000, remote, 53));
    ASSERT_NE(port, 0) << remote;
    EXPECT_EQ(Send(kOutside, Udp(remote, 53, kLocal, port)),
              "in 10.0.0.50:5000 <- " + remote + ":53 UDP ttl 63\n");
  }
  const uint16_t first = PortOf(Udp(kHost, 6000, kWorld, 53));
  const uint16_t second = PortOf(Udp(kOther, 6000, kWorld, 53));
  ASSERT_NE(first, 0);
  ASSERT_NE(second, 0);
  EXPECT_NE(first, second);
  EXPECT_EQ(Send(kOutside, Udp(kWorld, 53, kLocal, second)),
            "in 10.0.0.51:6000 <- 203.0.113.9:53 UDP ttl 63\n");
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(Snat, PoolIsUsedUpAndNamed) {
  Rule("10.0.0.0/24", {kLocal, "192.0.2.4"}, 2000, 2009);
  Publish();
  std::set<std::string> seen;
  for (uint16_t port = 1; port <= 20; ++port) {
    for (const Sent& sent : d_.Send(kInside, Udp(kHost, port, kWorld, 53))) {
      seen.insert(Text(sent.frame));
    }
  }
  EXPECT_EQ(seen.size(), 20u);
  EXPECT_EQ(Sum().flows, 20u);
  const uint64_t before = d_.dropped(DropReason::kSnatExhausted);
  for (uint16_t port = 1000; port < 1200; ++port) d_.Send(kInside, Udp(kHost, port, kWorld, 53));
  EXPECT_EQ(Sum().flows, 20u);
  EXPECT_GT(d_.dropped(DropReason::kSnatExhausted), before);
  EXPECT_EQ(Sum().exhausted, d_.dropped(DropReason::kSnatExhausted));
  // Another host in the world is another matter.
  EXPECT_NE(PortOf(Udp(kHost, 1300, "203.0.113.10", 53)), 0);
  d_.Advance(31);  // nobody has answered
  EXPECT_EQ(Sum().flows, 0u);
  EXPECT_NE(PortOf(Udp(kHost, 1400, kWorld, 53)), 0);
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(Snat, PingAndItsReply) {
  Serve();
  const auto sent = d_.Send(kInside, Ping(kHost, kWorld, kIcmpRequest, 77));
  ASSERT_EQ(Describe(sent), "out 203.0.113.9 <- 192.0.2.3 ICMP 8/0 ttl 63\n");
  const uint16_t id = EchoId(sent[0].frame);
  const auto reply = d_.Send(kOutside, Ping(kWorld, kLocal, kIcmpAnswer, id));
  ASSERT_EQ(Describe(reply), "in 10.0.0.50 <- 203.0.113.9 ICMP 0/0 ttl 63\n");
  EXPECT_EQ(EchoId(reply[0].frame), 77);
  EXPECT_EQ(Sum().flows, 1u);
  // One that nobody here has asked for.
  EXPECT_EQ(Send(kOutside, Ping(kWorld, kLocal, kIcmpAnswer, static_cast<uint16_t>(id + 1))), "");
  // A ping to the address itself is ours to answer.
  EXPECT_EQ(Send(kOutside, Ping(kWorld, kLocal, kIcmpRequest, 5)),
            "out 203.0.113.9 <- 192.0.2.3 ICMP 0/0 ttl 64\n");
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(Snat, PingOfSix) {
  Serve();
  const auto sent = d_.Send(kInside, Ping6(kHost6, kWorld6, 128, 77));
  ASSERT_EQ(Describe(sent), "out [2001:db8:9::9] <- [2001:db8::3] ICMP 128/0 ttl 63\n");
  const auto reply = d_.Send(kOutside, Ping6(kWorld6, kLocal6, 129, EchoId(sent[0].frame)));
  ASSERT_EQ(Describe(reply), "in [fd00::50] <- [2001:db8:9::9] ICMP 129/0 ttl 63\n");
  EXPECT_EQ(EchoId(reply[0].frame), 77);
}

// traceroute: each router on the way says that the TTL is used up, the first of all the director.
TEST_P(Snat, TimeExceededFindsTheInsideHost) {
  Serve();
  EXPECT_EQ(Send(kInside, Tcp(kHost, 40000, kWorld, 80, kTcpSyn, 1)),
            "in 10.0.0.50 <- 10.0.0.1 ICMP 11/0 ttl 64\n");
  for (const int kind : {0, 1, 2}) {
    const Frame probe = kind == 0   ? Udp(kHost, 40000, kWorld, 33434)
                        : kind == 1 ? Tcp(kHost, 40001, kWorld, 80, kTcpSyn)
                                    : Ping(kHost, kWorld, kIcmpRequest, 99);
    const auto sent = d_.Send(kInside, probe);
    ASSERT_EQ(sent.size(), 1u);
    const auto error =
        d_.Send(kOutside, ErrorAbout(sent[0].frame, "198.51.100.1", kLocal, 11, 0, 0, 28));
    ASSERT_EQ(Describe(error), "in 10.0.0.50 <- 198.51.100.1 ICMP 11/0 ttl 63\n");
    // What is quoted is the host's own packet but for the TTL and the transport's sum.
    const Frame& got = error[0].frame;
    EXPECT_EQ(Frame(got.begin() + 42 + 12, got.begin() + 42 + 20),
              Frame(probe.begin() + 14 + 12, probe.begin() + 14 + 20));
    const size_t at = kind == 2 ? 24 : 20;
    EXPECT_EQ(Frame(got.begin() + 42 + static_cast<long>(at), got.begin() + 42 + 24),
              Frame(probe.begin() + 14 + static_cast<long>(at), probe.begin() + 14 + 24));
    if (kind == 2) {
      EXPECT_EQ(Be16::Load(&got[42 + 24]).host(), 99);
    }
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

// What an inside host says of what the world sent leaves from our address, about our endpoint.
TEST_P(Snat, ErrorsOfTheInsideHost) {
  Serve();
  const uint16_t port = PortOf(Udp(kHost, 5000, kWorld, 53));
  const auto seen = d_.Send(kOutside, Udp(kWorld, 53, kLocal, port));
  ASSERT_EQ(seen.size(), 1u);
  const auto sent = d_.Send(kInside, ErrorAbout(seen[0].frame, kHost, kWorld, 3, 3, 0, 28));
  ASSERT_EQ(Describe(sent), "out 203.0.113.9 <- 192.0.2.3 ICMP 3/3 ttl 63\n");
  const Frame& got = sent[0].frame;
  EXPECT_EQ(Be32::Load(&got[42 + 16]).host(), A(kLocal).v4().value.host());
  EXPECT_EQ(Be16::Load(&got[42 + 22]).host(), port);
}

TEST_P(Snat, FragmentsOfBothWays) {
  Serve();
  std::string payload(3000, 'x');
  const Frame whole = Datagram(kHost, 5000, kWorld, 53, payload);
  for (const Frame& piece : Cut(whole, 800, 7)) d_.Inject(kInside, piece);
  std::vector<Frame> out;
  for (const Sent& s : d_.Settle()) out.push_back(s.frame);
  const Frame joined = Join(out);
  ASSERT_FALSE(joined.empty()) << out.size();
  const uint16_t port = SourcePort(joined);
  EXPECT_EQ(Text(joined), "203.0.113.9:53 <- 192.0.2.3:" + std::to_string(port) + " UDP ttl 63");
  for (const Frame& piece : Cut(Datagram(kWorld, 53, kLocal, port, payload), 800, 8)) {
    d_.Inject(kOutside, piece);
  }
  std::vector<Frame> in;
  for (const Sent& s : d_.Settle()) in.push_back(s.frame);
  const Frame back = Join(in);
  ASSERT_FALSE(back.empty()) << in.size();
  EXPECT_EQ(Text(back), "10.0.0.50:5000 <- 203.0.113.9:53 UDP ttl 63");
  EXPECT_EQ(d_.CheckConservation(), "");
}

// A long ping.
TEST_P(Snat, FragmentsOfAPing) {
  Serve();
  const Frame ping = ErrorAbout(Datagram(kHost, 1, kWorld, 2, std::string(2000, 'y')), kHost,
                                kWorld, kIcmpRequest, 0, 77u << 16 | 1, 1900);
  for (const Frame& piece : Cut(ping, 800, 7)) d_.Inject(kInside, piece);
  std::vector<Frame> out;
  for (const Sent& s : d_.Settle()) out.push_back(s.frame);
  const Frame joined = Join(out);
  ASSERT_FALSE(joined.empty()) << out.size();
  EXPECT_EQ(Text(joined), "203.0.113.9 <- 192.0.2.3 ICMP 8/0 ttl 63");
}

// The first rule that matches; what stays inside, and what other ports lead to, keeps its source.
TEST_P(Snat, RulesAreAskedInTheirOrder) {
  Rule("10.0.0.50/32", {kLocal}, 1024, 65535, kOutside);
  Rule("10.0.0.0/24", {"192.0.2.4"});
  Publish();
  EXPECT_EQ(Send(kInside, Tcp(kHost, 1, kWorld, 443, kTcpSyn)).substr(0, 33),
            "out 203.0.113.9:443 <- 192.0.2.3:");
  EXPECT_EQ(Send(kInside, Tcp(kOther, 1, kWorld, 443, kTcpSyn)).substr(0, 33),
            "out 203.0.113.9:443 <- 192.0.2.4:");
  EXPECT_EQ(Send(kInside, Tcp(kHost, 1, kOther, 443, kTcpSyn)),
            "in 10.0.0.51:443 <- 10.0.0.50:1 TCP S ttl 63\n");
  EXPECT_EQ(Sum(0).begun, 1u);
  EXPECT_EQ(Sum(1).begun, 1u);
}

TEST_P(Snat, WhatIsNoFlowOfARule) {
  Serve();
  // No rule is about this source.
  EXPECT_EQ(Send(kInside, Tcp("10.0.7.50", 1, kWorld, 443, kTcpSyn)),
            "out 203.0.113.9:443 <- 10.0.7.50:1 TCP S ttl 63\n");
  // An answer to what came by plain routing goes back as it came.
  EXPECT_EQ(Send(kInside, Tcp(kHost, 22, kWorld, 4000, kTcpSyn | kTcpAck)),
            "out 203.0.113.9:4000 <- 10.0.0.50:22 TCP SA ttl 63\n");
  // A flow in the middle is picked up.
  EXPECT_EQ(Send(kInside, Tcp(kHost, 23, kWorld, 4000, kTcpAck)).substr(0, 34),
            "out 203.0.113.9:4000 <- 192.0.2.3:");
  // To our address, and no reply: as to a closed port.
  EXPECT_EQ(Send(kOutside, Tcp(kWorld, 443, kLocal, 9, kTcpSyn)),
            "out 203.0.113.9:443 <- 192.0.2.3:9 TCP AR ttl 64\n");
  EXPECT_EQ(d_.dropped(DropReason::kClosedPort), 1u);
  Frame gre = Udp(kHost, 1, kWorld, 2);
  gre[23] = 47;
  gre[24] = gre[25] = 0;
  EXPECT_EQ(Send(kInside, gre), "");
  EXPECT_EQ(d_.CheckConservation(), "");
}

// Protocols without ports, whole and in fragments, and errors that no flow claims: nothing leaves
// with the host's own address.
TEST_P(Snat, NothingLeavesWithTheAddressOfAnInsideHost) {
  Serve();
  constexpr uint8_t kGre = 47;
  const auto gre = [](const std::string& from, const std::string& to) {
    Frame frame = Datagram(from, 1, to, 2, std::string(1000, 'g'));
    (frame[14] >> 4 == 4 ? frame[23] : frame[20]) = kGre;
    return frame;
  };
  uint64_t dropped = 0;
  for (const auto& [host, world] : {std::pair{kHost, kWorld}, {kHost6, kWorld6}}) {
    for (const Frame& piece : Cut(gre(host, world), 400, 7)) {
      EXPECT_EQ(Send(kInside, piece), "") << host;
      EXPECT_EQ(d_.dropped(DropReason::kSnatUnsupported), ++dropped) << host;
    }
    const uint8_t unreachable = host == kHost ? 3 : 1;
    EXPECT_EQ(Send(kInside, ErrorAbout(gre(world, host), host, world, unreachable, 2, 0, 48)), "");
    EXPECT_EQ(d_.dropped(DropReason::kSnatUnsupported), ++dropped) << "quotes what has no port";
    const Frame reply = Datagram(world, 53, host, 5000, std::string(1000, 'r'));
    EXPECT_EQ(Send(kInside, ErrorAbout(reply, host, world, unreachable, 3, 0, 48)), "");
    EXPECT_EQ(d_.dropped(DropReason::kSnatUnsupported), ++dropped) << "quotes a flow that is over";
    const Frame later = Cut(reply, 400, 7)[1];
    EXPECT_EQ(Send(kInside, ErrorAbout(later, host, world, unreachable, 3, 0, 56)), "");
    EXPECT_EQ(d_.dropped(DropReason::kSnatUnsupported), ++dropped) << "quotes a later fragment";
    // A router that no rule is about says something of a host that one is about.
    const std::string router = host == kHost ? "10.0.7.1" : "fd00:0:0:7::1";
    EXPECT_EQ(Send(kInside, ErrorAbout(reply, router, world, unreachable, 3, 0, 48)), "");
    EXPECT_EQ(d_.dropped(DropReason::kSnatUnsupported), ++dropped) << "quotes the address";
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

// What services know of is theirs, and so is what comes from where no rule is about.
TEST_P(Snat, ErrorsAboutConnectionsGoTheirWay) {
  const ServiceId web = d_.AddService({.protocol = kProtocolUdp});
  d_.AddReal(web, "10.0.0.11", 8080);
  Serve();
  const auto at_real = d_.Send(kOutside, Udp(kWorld, 1234, "192.0.2.10", 80));
  ASSERT_EQ(at_real.size(), 1u);
  EXPECT_EQ(Send(kInside, ErrorAbout(at_real[0].frame, "10.0.0.9", kWorld, 3, 3, 0, 28)),
            "out 203.0.113.9 <- 192.0.2.10 ICMP 3/3 ttl 63\n");
  // Of no connection any more: a real server's port of its service keeps its address.
  EXPECT_EQ(Send(kInside,
                 ErrorAbout(Udp(kWorld, 9, "10.0.0.11", 8080), "10.0.0.11", kWorld, 3, 3, 0, 28)),
            "out 203.0.113.9 <- 10.0.0.11 ICMP 3/3 ttl 63\n");
  EXPECT_EQ(
      Send(kInside, ErrorAbout(Udp(kWorld, 9, "10.0.7.50", 53), "10.0.7.50", kWorld, 3, 3, 0, 28)),
      "out 203.0.113.9 <- 10.0.7.50 ICMP 3/3 ttl 63\n");
  EXPECT_EQ(d_.dropped(DropReason::kSnatUnsupported), 0u);
}

// Services first: an inside host that connects to one is balanced, and replies of real servers
// leave from the virtual address.
TEST_P(Snat, ServicesGoFirst) {
  const ServiceId web = d_.AddService({});
  d_.AddReal(web, "10.0.0.11", 8080);
  Serve();
  EXPECT_EQ(Send(kOutside, Tcp(kWorld, 1234, "192.0.2.10", 80, kTcpSyn)),
            "in 10.0.0.11:8080 <- 203.0.113.9:1234 TCP S ttl 63\n");
  EXPECT_EQ(Send(kInside, Tcp("10.0.0.11", 8080, kWorld, 1234, kTcpSyn | kTcpAck)),
            "out 203.0.113.9:1234 <- 192.0.2.10:80 TCP SA ttl 63\n");
  // Its real server's own connection is a flow like any other.
  EXPECT_EQ(Send(kInside, Tcp("10.0.0.11", 50000, kWorld, 443, kTcpSyn)).substr(0, 33),
            "out 203.0.113.9:443 <- 192.0.2.3:");
  EXPECT_EQ(Sum().begun, 1u);
}

// A port of our address on which a service listens is not given to a flow.
TEST_P(Snat, PortsOfServicesAreLeftOut) {
  d_.AddService({.address = kLocal, .port = 2000, .protocol = kProtocolUdp});
  Rule("10.0.0.0/24", {kLocal}, 2000, 2001);
  Publish();
  std::set<uint16_t> seen;
  for (uint16_t port = 1; port < 200; ++port) seen.insert(PortOf(Udp(kHost, port, kWorld, 53)));
  EXPECT_EQ(seen, (std::set<uint16_t>{0, 2001}));
}

// An address that no rule has any more ends its flows; one that another rule has keeps them.
TEST_P(Snat, ReloadKeepsFlowsWhoseAddressStays) {
  Serve();
  const uint16_t port = PortOf(Tcp(kHost, 40000, kWorld, 443, kTcpSyn));
  view_ = {};
  Rule("10.0.9.0/24", {kLocal});
  view_.past_sources = {*Prefix::Parse("10.0.0.0/24")};
  Publish();
  EXPECT_EQ(Send(kOutside, Tcp(kWorld, 443, kLocal, port, kTcpSyn | kTcpAck)),
            "in 10.0.0.50:40000 <- 203.0.113.9:443 TCP SA ttl 63\n");
  EXPECT_EQ(Send(kInside, Tcp(kHost, 40000, kWorld, 443, kTcpAck)),
            "out 203.0.113.9:443 <- 192.0.2.3:" + std::to_string(port) + " TCP A ttl 63\n");
  view_ = {};
  d_.draft().local_addresses.erase(A(kLocal));
  Rule("10.0.9.0/24", {"192.0.2.4"});
  Publish();
  EXPECT_EQ(Send(kInside, Tcp(kHost, 40000, kWorld, 443, kTcpAck)),
            "out 203.0.113.9:443 <- 10.0.0.50:40000 TCP A ttl 63\n");
}

TEST_P(Snat, TimesOfTcpStates) {
  Serve();
  const uint16_t port = PortOf(Tcp(kHost, 40000, kWorld, 443, kTcpSyn));
  d_.Send(kOutside, Tcp(kWorld, 443, kLocal, port, kTcpSyn | kTcpAck));
  d_.Send(kInside, Tcp(kHost, 40000, kWorld, 443, kTcpAck));
  d_.Advance(899);
  EXPECT_EQ(Sum().flows, 1u);
  d_.Send(kInside, Tcp(kHost, 40000, kWorld, 443, kTcpRst));
  d_.Advance(11);
  EXPECT_EQ(Sum().flows, 0u);
}

}  // namespace
}  // namespace fairlead::dataplane::snat_test
