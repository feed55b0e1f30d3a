#include <gtest/gtest.h>

#include <set>

#include "byte_director.h"

namespace fairlead::dataplane::scenario_test {
namespace {

const std::string kClient = "198.51.100.7";
const std::string kVip = "192.0.2.10";

// What one frame leads to, as text: "port: packet" for each.
std::string Outcome(ByteDirector& d, PortId port, const Frame& frame) {
  std::string text;
  for (const Sent& sent : d.Send(port, frame)) {
    text += std::string(sent.to_host ? "host " : "") + (sent.port == kOutside ? "out " : "in ") +
            Text(sent.frame) + "\n";
  }
  EXPECT_EQ(d.CheckConservation(), "");
  return text;
}

class EveryWorkerCount : public testing::TestWithParam<size_t> {
 protected:
  DirectorSpec Spec() const { return {.workers = GetParam()}; }
};
INSTANTIATE_TEST_SUITE_P(Workers, EveryWorkerCount, testing::Values(1, 2, 3, 8));

TEST_P(EveryWorkerCount, NatBothWays) {
  ByteDirector d(Spec());
  d.AddReal(d.AddService({}), "10.0.0.11", 8080);
  d.Publish();
  EXPECT_EQ(Outcome(d, kOutside, Tcp(kClient, 1234, kVip, 80, kTcpSyn)),
            "in 10.0.0.11:8080 <- 198.51.100.7:1234 TCP S ttl 63\n");
  EXPECT_EQ(Outcome(d, kInside, Tcp("10.0.0.11", 8080, kClient, 1234, kTcpSyn | kTcpAck)),
            "out 198.51.100.7:1234 <- 192.0.2.10:80 TCP SA ttl 63\n");
  EXPECT_EQ(Outcome(d, kOutside, Tcp(kClient, 1234, kVip, 80, kTcpAck)),
            "in 10.0.0.11:8080 <- 198.51.100.7:1234 TCP A ttl 63\n");
  EXPECT_EQ(d.fabric().loads.Sum(RealId{0}).active, 1u);
  const TrafficSum sum = d.fabric().stats.SumTraffic(RealId{0});
  EXPECT_EQ(sum.connections, 1u);
  EXPECT_EQ(sum.in_packets, 2u);
  EXPECT_EQ(sum.in_bytes, 80u);
  EXPECT_EQ(sum.out_packets, 1u);
}

TEST_P(EveryWorkerCount, DirectRoutingAndTunnel) {
  ByteDirector d(Spec());
  d.AddReal(d.AddService({}), "10.0.0.11", 80, {.method = ForwardMethod::kDr});
  d.AddReal(d.AddService({.port = 81}), "10.0.0.12", 81, {.method = ForwardMethod::kTun});
  d.Publish();
  EXPECT_EQ(Outcome(d, kOutside, Tcp(kClient, 1, kVip, 80, kTcpSyn)),
            "in 192.0.2.10:80 <- 198.51.100.7:1 TCP S ttl 63\n");
  EXPECT_EQ(
      Outcome(d, kOutside, Tcp(kClient, 2, kVip, 81, kTcpSyn)),
      "in 10.0.0.12 <- 10.0.0.1 IPIP ttl 63 { 192.0.2.10:81 <- 198.51.100.7:2 TCP S ttl 63 }\n");
}

TEST_P(EveryWorkerCount, Ipv6NatUdp) {
  ByteDirector d(Spec());
  d.AddReal(d.AddService({.address = "2001:db8::10", .port = 53, .protocol = kProtocolUdp}),
            "fd00::11", 5353);
  d.Publish();
  EXPECT_EQ(Outcome(d, kOutside, Udp("2001:db8:1::7", 999, "2001:db8::10", 53)),
            "in [fd00::11]:5353 <- [2001:db8:1::7]:999 UDP ttl 63\n");
  EXPECT_EQ(Outcome(d, kInside, Udp("fd00::11", 5353, "2001:db8:1::7", 999)),
            "out [2001:db8:1::7]:999 <- [2001:db8::10]:53 UDP ttl 63\n");
}

TEST_P(EveryWorkerCount, WhatNobodyWantsIsRefused) {
  ByteDirector d(Spec());
  d.AddReal(d.AddService({}), "10.0.0.11", 80);
  d.AddService({.port = 443});
  d.Publish();
  // No connection and no SYN: RST. A closed port: RST, or port unreachable from the VIP.
  EXPECT_EQ(Outcome(d, kOutside, Tcp(kClient, 1, kVip, 80, kTcpAck)),
            "out 198.51.100.7:1 <- 192.0.2.10:80 TCP R ttl 64\n");
  EXPECT_EQ(d.dropped(DropReason::kNotASyn), 1u);
  EXPECT_EQ(Outcome(d, kOutside, Tcp(kClient, 1, kVip, 99, kTcpSyn)),
            "out 198.51.100.7:1 <- 192.0.2.10:99 TCP AR ttl 64\n");
  EXPECT_EQ(Outcome(d, kOutside, Udp(kClient, 1, kVip, 80)),
            "out 198.51.100.7 <- 192.0.2.10 ICMP 3/3 ttl 64\n");
  // A service without a real: port unreachable, for TCP too (ipvs.md, no real).
  EXPECT_EQ(Outcome(d, kOutside, Tcp(kClient, 1, kVip, 443, kTcpSyn)),
            "out 198.51.100.7 <- 192.0.2.10 ICMP 3/3 ttl 64\n");
  EXPECT_EQ(d.dropped(DropReason::kNoReal), 1u);
}

TEST_P(EveryWorkerCount, TtlAndMtuAreAnswered) {
  ByteDirector d(Spec());
  d.AddReal(d.AddService({}), "10.0.0.11", 80, {.method = ForwardMethod::kTun});
  d.Publish();
  EXPECT_EQ(Outcome(d, kOutside, Tcp(kClient, 1, kVip, 80, kTcpSyn, 1)),
            "out 198.51.100.7 <- 192.0.2.2 ICMP 11/0 ttl 64\n");
  d.Send(kOutside, Tcp(kClient, 2, kVip, 80, kTcpSyn));
  const auto sent = d.Send(kOutside, Tcp(kClient, 2, kVip, 80, kTcpAck, 64, 1460, true));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(Text(sent[0].frame), "198.51.100.7 <- 192.0.2.2 ICMP 3/4 ttl 64");
  EXPECT_EQ(unsigned{sent[0].frame[40]} << 8 | sent[0].frame[41], 1480u);  // the tunnel's MTU
  EXPECT_EQ(d.dropped(DropReason::kTooBig), 1u);
}

TEST_P(EveryWorkerCount, RoutesBetweenPorts) {
  ByteDirector d(Spec());
  d.SetNeighbour(kInside, "10.0.0.11", NeighbourState::kReachable);
  d.Publish();
  EXPECT_EQ(Outcome(d, kInside, Tcp("10.0.0.11", 5, "203.0.113.9", 80, kTcpSyn)),
            "out 203.0.113.9:80 <- 10.0.0.11:5 TCP S ttl 63\n");
  EXPECT_EQ(Outcome(d, kInside, Tcp("10.0.0.11", 5, "203.0.113.9", 80, kTcpSyn, 1)),
            "in 10.0.0.11 <- 10.0.0.1 ICMP 11/0 ttl 64\n");
  EXPECT_EQ(d.dropped(DropReason::kTtlExceeded), 1u);
}

TEST_P(EveryWorkerCount, RemovedRealDropsThenRevives) {
  ByteDirector d(Spec());
  const ServiceId web = d.AddService({});
  const RealId r1 = d.AddReal(web, "10.0.0.11", 80);
  d.Publish();
  d.Send(kOutside, Tcp(kClient, 1, kVip, 80, kTcpSyn));
  d.RemoveReal(r1);
  d.Publish();
  EXPECT_EQ(Outcome(d, kOutside, Tcp(kClient, 1, kVip, 80, kTcpAck)), "");
  EXPECT_EQ(d.dropped(DropReason::kConnectionNoReal), 1u);
  d.real(r1).remains = Remains::kExpire;
  d.Publish();
  EXPECT_EQ(Outcome(d, kOutside, Tcp(kClient, 1, kVip, 80, kTcpAck)),
            "out 198.51.100.7:1 <- 192.0.2.10:80 TCP R ttl 64\n");
  EXPECT_EQ(d.CheckNothingLeft(), "");
}

TEST_P(EveryWorkerCount, TemplateKeepsAClientOnItsReal) {
  ByteDirector d(Spec());
  const ServiceId web = d.AddService({.persistence_seconds = 30});
  d.AddReal(web, "10.0.0.11", 80);
  d.AddReal(web, "10.0.0.12", 80);
  d.Publish();
  const std::string first = Outcome(d, kOutside, Tcp(kClient, 1, kVip, 80, kTcpSyn)).substr(0, 12);
  for (uint16_t port = 2; port < 20; ++port) {
    EXPECT_EQ(Outcome(d, kOutside, Tcp(kClient, port, kVip, 80, kTcpSyn)).substr(0, 12), first);
  }
  d.Advance(700);
  EXPECT_EQ(d.CheckNothingLeft(), "");
}

TEST_P(EveryWorkerCount, MarkBindsTwoPorts) {
  ByteDirector d(Spec());
  ClassifierBuilder rules;
  ClassifierRule rule{.protocol = kProtocolTcp, .mark = 7};
  rule.destination_ports = {{80, 80}, {443, 443}};
  rules.AddRule(rule);
  d.draft().classifier = rules.Build();
  const ServiceId both = d.AddService({.mark = 7, .persistence_seconds = 300});
  for (const char* real : {"10.0.0.11", "10.0.0.12", "10.0.0.13"}) d.AddReal(both, real, 0);
  d.Publish();
  for (int client = 1; client < 40; ++client) {
    const std::string source = "198.51.100." + std::to_string(client);
    const std::string a = Outcome(d, kOutside, Tcp(source, 1, kVip, 80, kTcpSyn));
    const std::string b = Outcome(d, kOutside, Tcp(source, 2, kVip, 443, kTcpSyn));
    EXPECT_EQ(a.substr(0, 12), b.substr(0, 12));
    EXPECT_NE(b.find(":443 <-"), std::string::npos) << b;
  }
}

// A port that computes header checksums gets the tunnel's outer header without one.
TEST(Scenario, ATunnelHeaderIsSummedByThePortThatCan) {
  ByteDirector d;
  d.AddReal(d.AddService({}), "10.0.0.11", 80, {.method = ForwardMethod::kTun});
  d.draft().ports[kInside.index()].sums_ip_headers = true;
  d.Publish();
  const auto sent = d.Send(kOutside, Tcp(kClient, 1, kVip, 80, kTcpSyn));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(Text(sent[0].frame),
            "10.0.0.11 <- 10.0.0.1 IPIP ttl 63 BAD IP SUM { 192.0.2.10:80 <- 198.51.100.7:1 TCP S "
            "ttl 63 }");
  EXPECT_EQ(unsigned{sent[0].frame[24]} << 8 | sent[0].frame[25], 0u);
}

// By the fast path and the long way: two workers that gave one number to datagrams to the same real
// server would have it put their fragments together.
TEST_P(EveryWorkerCount, OuterHeadersHaveDifferentNumbers) {
  ByteDirector d(Spec());
  d.AddReal(d.AddService({}), "10.0.0.11", 80, {.method = ForwardMethod::kTun});
  d.Publish();
  std::set<unsigned> ids;
  for (uint16_t port = 1001; port <= 1100; ++port) {
    for (const uint8_t flags : {kTcpSyn, kTcpAck, kTcpAck}) {
      const auto sent = d.Send(kOutside, Tcp(kClient, port, kVip, 80, flags));
      ASSERT_EQ(sent.size(), 1u);
      ids.insert(unsigned{sent[0].frame[18]} << 8 | sent[0].frame[19]);
    }
  }
  EXPECT_EQ(ids.size(), 300u);
}

TEST(Scenario, LinkLocalAddressesAreNotRouted) {
  ByteDirector d;
  d.Publish();
  EXPECT_EQ(Outcome(d, kInside, Udp("fe80::11", 5, "2001:db8:9::1", 53)), "");
  EXPECT_EQ(Outcome(d, kInside, Udp("fd00::11", 5, "fe80::9", 53)), "");
  EXPECT_EQ(d.dropped(DropReason::kNoRoute), 2u);
}

TEST(Scenario, ArpAndPingAreAnswered) {
  ByteDirector d;
  d.AddService({});
  d.Publish();
  Frame arp(60);
  BuildArpRequest(arp.data(), HostMac("192.0.2.1"), IpAddress::Parse("192.0.2.1")->v4(),
                  IpAddress::Parse(kVip)->v4());
  BytePacket packet;
  d.Inject(kOutside, arp);
  const auto sent = d.Settle();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(MacAddress::Load(&sent[0].frame[22]), PortMac(kOutside));
}

TEST(Scenario, APacketWaitsForItsNeighbour) {
  ByteDirector d;
  d.AddReal(d.AddService({}), "10.0.0.11", 80);
  d.Publish();
  d.SetNeighbour(kInside, "10.0.0.11", NeighbourState::kIncomplete);
  EXPECT_EQ(Outcome(d, kOutside, Tcp(kClient, 1, kVip, 80, kTcpSyn)), "");
  EXPECT_EQ(d.worker(0).counters().held.value(), 1u);
  d.SetNeighbour(kInside, "10.0.0.11", NeighbourState::kReachable);
  d.Advance(0.2);
  const auto sent = d.Settle();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(MacAddress::Load(sent[0].frame.data()), HostMac("10.0.0.11"));
  // One that never answers: dropped by name, and the queue is bounded.
  d.SetNeighbour(kInside, "10.0.0.11", NeighbourState::kIncomplete);
  for (uint16_t port = 100; port < 200; ++port)
    d.Send(kOutside, Tcp(kClient, port, kVip, 80, kTcpSyn));
  EXPECT_EQ(d.dropped(DropReason::kNeighbourQueueFull), 68u);
  d.Advance(4);
  EXPECT_EQ(d.dropped(DropReason::kNeighbourUnresolved), 32u);
  EXPECT_EQ(d.worker(0).counters().held.value(), 0u);
  EXPECT_EQ(d.CheckConservation(), "");
}

// Ticks compare over 248 days, and a director may not have held a packet for longer. No neighbour
// changes in between, which would be a reason to look at what is held.
TEST(Scenario, APacketIsGivenUpAlsoAfterAYearWithoutOne) {
  ByteDirector d;
  d.AddReal(d.AddService({}), "10.0.0.11", 80);
  d.Publish();
  d.SetNeighbour(kInside, "10.0.0.11", NeighbourState::kIncomplete);
  const auto hold_one = [&d](uint16_t port) {
    d.Send(kOutside, Tcp(kClient, port, kVip, 80, kTcpSyn));
    ASSERT_EQ(d.worker(0).counters().held.value(), 1u);
    d.Advance(4);
    EXPECT_EQ(d.worker(0).counters().held.value(), 0u) << "port " << port;
  };
  hold_one(1);
  for (int i = 0; i < 3; ++i) d.Sleep(125);
  hold_one(2);
  EXPECT_EQ(d.dropped(DropReason::kNeighbourUnresolved), 2u);
}

TEST(Scenario, AFullTableIsANamedDrop) {
  ByteDirector d({.connections = 64});
  d.AddReal(d.AddService({}), "10.0.0.11", 80);
  d.Publish();
  for (uint16_t port = 1001; port <= 1100; ++port)
    d.Send(kOutside, Tcp(kClient, port, kVip, 80, kTcpSyn));
  EXPECT_EQ(
      d.dropped(DropReason::kConnectionTableFull) + d.dropped(DropReason::kConnectionBucketFull),
      36u);
  EXPECT_EQ(d.CheckConservation(), "");
  d.Advance(70);
  EXPECT_EQ(d.CheckNothingLeft(), "");
}

TEST(Scenario, ARepeatedSynReplacesAnEndedConnection) {
  ByteDirector d;
  const ServiceId web = d.AddService({});
  d.AddReal(web, "10.0.0.11", 80);
  d.AddReal(web, "10.0.0.12", 80);
  d.Publish();
  EXPECT_EQ(Outcome(d, kOutside, Tcp(kClient, 1, kVip, 80, kTcpSyn)).substr(3, 9), "10.0.0.12");
  d.Send(kInside, Tcp("10.0.0.12", 80, kClient, 1, kTcpRst));
  EXPECT_EQ(Outcome(d, kOutside, Tcp(kClient, 1, kVip, 80, kTcpSyn)).substr(3, 9), "10.0.0.11");
  EXPECT_EQ(d.fabric().loads.Sum(RealId{1}).active + d.fabric().loads.Sum(RealId{1}).inactive, 0u);
}

TEST(Scenario, KernelTwinIsRouted) {
  ByteDirector d;
  d.draft().ports[1].has_host = true;
  d.Publish();
  const auto out = d.SendFromHost(kInside, Tcp("10.0.0.1", 40000, "203.0.113.5", 80, kTcpSyn));
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].port, kOutside);
  EXPECT_EQ(Text(out[0].frame), "203.0.113.5:80 <- 10.0.0.1:40000 TCP S ttl 64");
  const auto in = d.Send(kOutside, Tcp("203.0.113.5", 80, "10.0.0.1", 40000, kTcpSyn | kTcpAck));
  ASSERT_EQ(in.size(), 1u);
  EXPECT_TRUE(in[0].to_host);
  EXPECT_EQ(in[0].port, kInside);
  EXPECT_EQ(d.CheckConservation(), "");
  // Explain knows of the twin: the same packet is not refused.
  const auto ask = [&d](const char* destination) {
    return d
        .Explain({.client = *Endpoint::Parse("203.0.113.5:80"),
                  .destination = *Endpoint::Parse(destination)})
        .verdict;
  };
  EXPECT_EQ(ask("10.0.0.1:40000"), ExplainVerdict::kNotOurs);
  EXPECT_EQ(ask("192.0.2.2:40000"), ExplainVerdict::kRefused) << "that port has no twin";
}

}  // namespace
}  // namespace fairlead::dataplane::scenario_test
