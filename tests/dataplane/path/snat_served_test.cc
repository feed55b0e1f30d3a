// Whose packets source NAT serves: real servers' own, and nobody's who comes from the world
// (docs/snat.md).
#include <gtest/gtest.h>

#include "byte_fragments.h"
#include "snat_bed.h"

namespace fairlead::dataplane::snat_served_test {
namespace {

using namespace snat_bed;

const std::string kReal = "10.0.0.11";

class SnatServed : public SnatBed {
 protected:
  // A service with one real server.
  void AddReal(const ServiceSpec& service, uint16_t port, ForwardMethod method) {
    d_.AddReal(d_.AddService(service), kReal, port, {.method = method});
  }
  std::string Ask(uint16_t port) { return Send(kInside, Udp(kReal, port, kWorld, 53)); }
};
INSTANTIATE_TEST_SUITE_P(Workers, SnatServed, testing::Values(1, 2, 3));

// ---- real servers -----------------------------------------------------------------------------

// A service of TCP says nothing of datagrams, on whatever ports it is.
TEST_P(SnatServed, ARealOfAllPortsOfTcpAsksOverUdp) {
  AddReal({.port = 0, .persistence_seconds = 600}, 0, ForwardMethod::kNat);
  Serve();
  EXPECT_EQ(Ask(40000), "out 203.0.113.9:53 <- 192.0.2.3:40000 UDP ttl 63\n");
  EXPECT_EQ(Send(kOutside, Udp(kWorld, 53, kLocal, 40000)),
            "in 10.0.0.11:40000 <- 203.0.113.9:53 UDP ttl 63\n");
  // What is late of the host is no flow's: it is dropped, as any host's.
  EXPECT_EQ(Send(kInside, ErrorAbout(Udp(kWorld, 9, kReal, 40001), kReal, kWorld, 3, 3, 0, 28)),
            "");
  EXPECT_EQ(d_.dropped(DropReason::kSnatUnsupported), 1u);
  // Of TCP each port is the service's, but a SYN begins a flow.
  EXPECT_EQ(Send(kInside, Tcp(kReal, 40002, kWorld, 443, kTcpAck)),
            "out 203.0.113.9:443 <- 10.0.0.11:40002 TCP A ttl 63\n");
  EXPECT_EQ(Send(kInside, Tcp(kReal, 40002, kWorld, 443, kTcpSyn)),
            "out 203.0.113.9:443 <- 192.0.2.3:40002 TCP S ttl 63\n");
}

// These may be late answers to clients.
TEST_P(SnatServed, DatagramsOfARealOfAllPortsOfUdpKeepTheirAddress) {
  AddReal({.port = 0, .protocol = kProtocolUdp, .persistence_seconds = 600}, 0,
          ForwardMethod::kNat);
  Serve();
  EXPECT_EQ(Ask(40000), "out 203.0.113.9:53 <- 10.0.0.11:40000 UDP ttl 63\n");
  EXPECT_EQ(Sum().begun, 0u);
}

// It answers local endpoints and never a client, so what goes to the world is its own, from the
// service's port too.
TEST_P(SnatServed, WhatAFullnatRealSendsIsItsOwn) {
  AddReal({.port = 53, .protocol = kProtocolUdp}, 53, ForwardMethod::kFullnat);
  Rule("10.0.0.0/24", {kLocal}, 1, 65535);
  Publish();
  EXPECT_EQ(Ask(53), "out 203.0.113.9:53 <- 192.0.2.3:53 UDP ttl 63\n");
  EXPECT_EQ(Send(kOutside, Udp(kWorld, 53, kLocal, 53)),
            "in 10.0.0.11:53 <- 203.0.113.9:53 UDP ttl 63\n");
  EXPECT_EQ(Send(kInside, ErrorAbout(Udp(kWorld, 9, kReal, 53), kReal, kWorld, 3, 3, 0, 28)), "");
  EXPECT_EQ(d_.dropped(DropReason::kSnatUnsupported), 1u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

// ---- the world --------------------------------------------------------------------------------

// A stranger on the segment outside has the address of an inside host: no flow, no port.
TEST_P(SnatServed, AHostsAddressFromOutsideIsForged) {
  Serve();
  uint64_t dropped = 0;
  const auto is_dropped = [&](const Frame& frame) {
    EXPECT_EQ(Send(kOutside, frame), "");
    EXPECT_EQ(d_.dropped(DropReason::kBadSource), ++dropped);
  };
  is_dropped(Udp(kHost, 5000, kWorld, 53));
  is_dropped(Tcp(kHost, 5000, kWorld, 443, kTcpSyn));
  is_dropped(Ping(kHost, kWorld, kIcmpRequest, 77));
  is_dropped(Udp(kHost6, 5000, kWorld6, 53));
  is_dropped(Ping6(kHost6, kWorld6, 128, 77));
  for (const Frame& piece : Cut(Datagram(kHost, 5000, kWorld, 53, std::string(2000, 'x')), 800, 7))
    d_.Inject(kOutside, piece);
  EXPECT_EQ(Describe(d_.Settle()), "");
  EXPECT_EQ(d_.dropped(DropReason::kBadSource), ++dropped) << "of the first fragment";
  EXPECT_EQ(Sum(0).begun + Sum(1).begun, 0u);
  // A flow that the host itself has begun is no way in either.
  ASSERT_EQ(PortOf(Udp(kHost, 5001, kWorld, 53)), 5001);
  is_dropped(Udp(kHost, 5001, kWorld, 53));
  ASSERT_EQ(d_.Send(kInside, Ping(kHost, kWorld, kIcmpRequest, 78)).size(), 1u);
  is_dropped(Ping(kHost, kWorld, kIcmpRequest, 78));
  EXPECT_EQ(Sum().out_packets, 2u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

// Hosts and the world on one port; and hosts of a rule behind a port of role outside.
TEST_P(SnatServed, HostsThatAreThereAreServed) {
  d_.AddRoute("10.0.7.0/24", kOutside, "192.0.2.77", "192.0.2.2");
  Rule("10.0.7.0/24", {kLocal});
  Rule("10.0.0.0/24", {kLocal});
  Publish();
  const std::string served = "out 203.0.113.9:53 <- 192.0.2.3:5000 UDP ttl 63\n";
  EXPECT_EQ(Send(kOutside, Udp("10.0.7.9", 5000, kWorld, 53)), served);
  EXPECT_EQ(Send(kOutside, Udp(kWorld, 53, kLocal, 5000)),
            "out 10.0.7.9:5000 <- 203.0.113.9:53 UDP ttl 63\n");
  d_.Advance(1000);
  d_.draft().ports[kOutside.index()].role = PortRole::kBoth;
  Publish();
  EXPECT_EQ(Send(kOutside, Udp(kHost, 5000, kWorld, 53)), served);
  EXPECT_EQ(d_.dropped(DropReason::kBadSource), 0u);
}

// A rule for everybody is about those inside; the world's own packets go their way.
TEST_P(SnatServed, ARuleForEverybodyIsNotAboutTheWorld) {
  Rule("0.0.0.0/0", {kLocal});
  Publish();
  EXPECT_EQ(Send(kInside, Udp(kHost, 5000, kWorld, 53)),
            "out 203.0.113.9:53 <- 192.0.2.3:5000 UDP ttl 63\n");
  EXPECT_EQ(Send(kOutside, Udp("198.51.100.7", 5000, kWorld, 53)),
            "out 203.0.113.9:53 <- 198.51.100.7:5000 UDP ttl 63\n");
  EXPECT_EQ(Send(kOutside, Udp(kOther, 5000, kWorld, 53)), "");
  EXPECT_EQ(d_.dropped(DropReason::kBadSource), 1u);
  EXPECT_EQ(Sum().begun, 1u);
}

// With two uplinks a packet may come by the one by which the routes do not lead back.
TEST_P(SnatServed, TheWorldComesByWhicheverUplink) {
  Rule("0.0.0.0/0", {kLocal});
  d_.draft().ports[kInside.index()].role = PortRole::kOutside;
  Publish();
  EXPECT_EQ(Send(kOutside, Udp(kOther, 5000, kWorld, 53)),
            "out 203.0.113.9:53 <- " + kOther + ":5000 UDP ttl 63\n");
  EXPECT_EQ(d_.dropped(DropReason::kBadSource), 0u);
}

// Who is asked to come to the real servers with an address of the director's.
TEST_P(SnatServed, ARuleThatLeadsInsideIsAboutTheWorld) {
  Rule("0.0.0.0/0", {"10.0.0.60"}, 1024, 65535, kInside);
  Publish();
  EXPECT_EQ(Send(kOutside, Udp(kWorld, 5000, kHost, 53)),
            "in 10.0.0.50:53 <- 10.0.0.60:5000 UDP ttl 63\n");
  EXPECT_EQ(Send(kInside, Udp(kHost, 53, "10.0.0.60", 5000)),
            "out 203.0.113.9:5000 <- 10.0.0.50:53 UDP ttl 63\n");
  EXPECT_EQ(Send(kOutside, Udp(kOther, 5000, kHost, 53)), "");
  EXPECT_EQ(d_.dropped(DropReason::kBadSource), 1u);
}

TEST_P(SnatServed, ExplainSaysWhereItComesFrom) {
  Serve();
  const auto asked = [&](PortId port) {
    return d_.Explain({.protocol = kProtocolUdp,
                       .client = {A(kHost), Be16::FromHost(5000)},
                       .destination = {A(kWorld), Be16::FromHost(53)},
                       .input_port = port});
  };
  const auto has_bad_source = [](const ExplainAnswer& answer) {
    for (size_t i = 0; i < answer.step_count; ++i) {
      if (std::holds_alternative<step::BadSource>(answer.steps[i])) return true;
    }
    return false;
  };
  EXPECT_TRUE(has_bad_source(asked(kOutside)));
  EXPECT_EQ(asked(kOutside).verdict, ExplainVerdict::kDropped);
  EXPECT_FALSE(has_bad_source(asked(kInside)));
  EXPECT_FALSE(has_bad_source(asked(PortId{}))) << "by the port where the host is";
}

}  // namespace
}  // namespace fairlead::dataplane::snat_served_test
