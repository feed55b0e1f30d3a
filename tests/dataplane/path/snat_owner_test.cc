// Source NAT on bytes: which worker has a flow, what is counted for a rule, and explain
// (docs/snat.md).
#include <gtest/gtest.h>

#include <set>

#include "snat_bed.h"

namespace fairlead::dataplane::snat_owner_test {
namespace {

using namespace snat_bed;

class SnatOwner : public SnatBed {};
INSTANTIATE_TEST_SUITE_P(Workers, SnatOwner, testing::Values(1, 2, 3));

// All of a burst is one worker's.
class SnatOfOneWorker : public SnatBed {};
INSTANTIATE_TEST_SUITE_P(Workers, SnatOfOneWorker, testing::Values(1));

// A port that steers hashes the source outside and the destination inside: both are the endpoint in
// the world, so nothing is handed over, and the other workers know nothing of the flow.
TEST_P(SnatOwner, WhatSteersBringsBothWaysToTheOwner) {
  Serve();
  const auto owner_of = [&](const std::string& remote, uint16_t port) -> size_t {
    const Steering& steering = d_.fabric().steering;
    const IpAddress address = A(remote);
    return (address.is_v4() ? steering.ConnectionOwner(address.v4(), Be16::FromHost(port))
                            : steering.ConnectionOwner(address.v6(), Be16::FromHost(port)))
        .index();
  };
  std::set<size_t> owners;
  for (uint16_t i = 0; i < 200; ++i) {
    const bool is_six = i % 2 == 1;
    const std::string remote = is_six ? kWorld6 : kWorld, host = is_six ? kHost6 : kHost;
    const uint16_t far = static_cast<uint16_t>(1000 + i);
    const size_t owner = owner_of(remote, far);
    owners.insert(owner);
    const Frame out =
        i % 4 < 2 ? Udp(host, 5000, remote, far) : Tcp(host, 5000, remote, far, kTcpSyn);
    const auto sent = d_.SendAt(owner, kInside, out);
    ASSERT_EQ(sent.size(), 1u);
    const uint16_t port = SourcePort(sent[0].frame);
    const std::string local = is_six ? kLocal6 : kLocal;
    const Frame reply = i % 4 < 2 ? Udp(remote, far, local, port)
                                  : Tcp(remote, far, local, port, kTcpSyn | kTcpAck);
    ASSERT_EQ(d_.SendAt(owner, kOutside, reply).size(), 1u);
    ASSERT_EQ(d_.SendAt(owner, kInside, out).size(), 1u);
  }
  EXPECT_EQ(owners.size(), GetParam());
  for (size_t w = 0; w < GetParam(); ++w) {
    EXPECT_EQ(d_.worker(w).counters().handed_off.value(), 0u);
  }
  EXPECT_EQ(Sum(0).flows, 100u);
  EXPECT_EQ(Sum(1).flows, 100u);
}

// What does not steer hands each packet over once, and a RST of a flow is no answer to a stranger.
TEST_P(SnatOwner, WhatDoesNotSteerIsHandedOverOnce) {
  Serve();
  const uint16_t port = PortOf(Tcp(kHost, 40000, kWorld, 443, kTcpSyn));
  for (size_t w = 0; w < GetParam(); ++w) {
    const auto handed = [&] {
      uint64_t sum = 0;
      for (size_t i = 0; i < GetParam(); ++i) sum += d_.worker(i).counters().handed_off.value();
      return sum;
    };
    const uint64_t before = handed();
    auto inbound = d_.SendAt(w, kOutside, Tcp(kWorld, 443, kLocal, port, kTcpAck));
    for (Sent& s : d_.Settle()) inbound.push_back(std::move(s));
    ASSERT_EQ(inbound.size(), 1u);
    EXPECT_EQ(inbound[0].port, kInside);
    auto sent = d_.SendAt(w, kInside, Tcp(kHost, 40000, kWorld, 443, kTcpRst));
    for (Sent& s : d_.Settle()) sent.push_back(std::move(s));
    EXPECT_EQ(Describe(sent), "out 203.0.113.9:443 <- 192.0.2.3:40000 TCP R ttl 63\n");
    EXPECT_LE(handed(), before + 2);
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

// Another rule has the counters of one that is gone: they begin at 0, and what is left of the flows
// counts for nobody.
TEST_P(SnatOwner, CountersOfANewRuleBeginAtZero) {
  Serve();
  const uint16_t port = PortOf(Tcp(kHost, 40000, kWorld, 443, kTcpSyn));
  view_ = {};
  Rule("10.0.9.0/24", {kLocal});
  view_.rules[0].use = 1;
  view_.past_sources = {*Prefix::Parse("10.0.0.0/24")};
  Publish();
  EXPECT_EQ(Sum().begun, 0u);
  EXPECT_EQ(Sum().flows, 0u);
  d_.SetNeighbour(kInside, "10.0.9.1", NeighbourState::kReachable);
  EXPECT_EQ(d_.Send(kOutside, Tcp(kWorld, 443, kLocal, port, kTcpAck)).size(), 1u);
  EXPECT_EQ(Sum().in_packets, 0u);
  ASSERT_NE(PortOf(Udp("10.0.9.1", 53, kWorld, 53)), 0);
  EXPECT_EQ(Sum().flows, 1u);
  d_.Advance(1000);
  EXPECT_EQ(Sum().flows, 0u);
  EXPECT_EQ(Sum().begun, 1u);
}

// A connection that begins anew makes the other slots of its burst doubtful: those packets are
// looked for again, and are no flow's that an earlier burst has found in their place.
TEST_P(SnatOfOneWorker, AConnectionThatGoesInABurstLeavesTheOthersTheirWay) {
  d_.AddReal(d_.AddService({}), "10.0.0.11", 8080);
  Serve();
  const std::string vip = "192.0.2.10";
  for (uint16_t port : {uint16_t{1}, uint16_t{2}}) {
    d_.Send(kOutside, Tcp(kWorld, port, vip, 80, kTcpSyn));
    d_.Send(kInside, Tcp("10.0.0.11", 8080, kWorld, port, kTcpSyn | kTcpAck));
    d_.Send(kOutside, Tcp(kWorld, port, vip, 80, kTcpAck));
  }
  d_.Send(kOutside, Tcp(kWorld, 1, vip, 80, kTcpRst));
  ASSERT_EQ(PortOf(Udp(kHost, 5000, kWorld, 53)), 5000);
  ASSERT_EQ(PortOf(Udp(kHost, 5001, kWorld, 53)), 5001);
  const Frame flows[] = {Udp(kWorld, 53, kLocal, 5000), Udp(kWorld, 53, kLocal, 5001)};
  EXPECT_EQ(Describe(d_.SendBurstAt(0, kOutside, flows)),
            "in 10.0.0.50:5000 <- 203.0.113.9:53 UDP ttl 63\n"
            "in 10.0.0.50:5001 <- 203.0.113.9:53 UDP ttl 63\n");
  const Frame connections[] = {Tcp(kWorld, 1, vip, 80, kTcpSyn), Tcp(kWorld, 2, vip, 80, kTcpAck)};
  EXPECT_EQ(Describe(d_.SendBurstAt(0, kOutside, connections)),
            "in 10.0.0.11:8080 <- 203.0.113.9:1 TCP S ttl 63\n"
            "in 10.0.0.11:8080 <- 203.0.113.9:2 TCP A ttl 63\n");
}

// explain says what the next packet would get, and what a flow has.
TEST_P(SnatOwner, Explain) {
  Rule("10.0.0.0/24", {kLocal}, 2000, 2001);
  Publish();
  const auto find = [&](uint16_t port) -> std::string {
    const ExplainAnswer answer = d_.Explain({.protocol = kProtocolUdp,
                                             .client = {A(kHost), Be16::FromHost(port)},
                                             .destination = {A(kWorld), Be16::FromHost(53)}});
    for (size_t i = 0; i < answer.step_count; ++i) {
      if (const auto* found = std::get_if<step::SourceNat>(&answer.steps[i])) {
        return (found->has_flow ? "flow " : "new ") + found->local.ToString();
      }
      if (std::get_if<step::SourceNatExhausted>(&answer.steps[i]) != nullptr) {
        return answer.verdict == ExplainVerdict::kDropped ? "exhausted" : "not dropped";
      }
    }
    return "none";
  };
  std::set<std::string> seen;
  for (uint16_t port = 1; port < 200; ++port) {
    const std::string before = find(port);
    const uint16_t local = PortOf(Udp(kHost, port, kWorld, 53));
    if (local == 0) {
      EXPECT_EQ(before, "exhausted");
    } else {
      EXPECT_EQ(before, "new 192.0.2.3:" + std::to_string(local));
      EXPECT_EQ(find(port), "flow 192.0.2.3:" + std::to_string(local));
    }
    seen.insert(before.substr(0, 4));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"exha", "new "}));
}

}  // namespace
}  // namespace fairlead::dataplane::snat_owner_test
