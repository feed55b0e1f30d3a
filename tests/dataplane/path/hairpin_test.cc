// Inside hosts that reach a service whose real server is in their own network (docs/snat.md).
#include <gtest/gtest.h>

#include <set>

#include "byte_fragments.h"
#include "snat_bed.h"

namespace fairlead::dataplane::hairpin_test {
namespace {

using namespace snat_bed;

const std::string kReal = "10.0.0.11", kVip = "192.0.2.10";

class Hairpin : public SnatBed {
 protected:
  Hairpin() {
    d_.SetNeighbour(kInside, "10.0.7.9", NeighbourState::kReachable);
    Rule("10.0.0.0/24", {kLocal});
    Rule("fd00::/64", {kLocal6});
  }
  // One service with one real server of the inside network.
  void Serve(const ServiceSpec& spec = {}, const RealSpec& real = {}) {
    const bool is_v4 = A(spec.address).is_v4();
    real_ = d_.AddReal(d_.AddService(spec), is_v4 ? kReal : "fd00::11", 8080, real);
    Publish();
  }
  // The port that the real server sees of a client's first packet; 0: none came.
  uint16_t PortOf(const Frame& frame) {
    const auto sent = d_.Send(kInside, frame);
    return sent.size() == 1 ? SourcePort(sent[0].frame) : uint16_t{0};
  }

  RealId real_;
};
INSTANTIATE_TEST_SUITE_P(Workers, Hairpin, testing::Values(1, 2, 3));

TEST_P(Hairpin, TheRealAnswersThroughTheDirector) {
  Serve();
  for (uint16_t client = 40000; client < 40020; ++client) {
    const auto first = d_.Send(kInside, Tcp(kHost, client, kVip, 80, kTcpSyn));
    ASSERT_EQ(first.size(), 1u);
    const uint16_t port = SourcePort(first[0].frame);
    const std::string at_real = "in 10.0.0.11:8080 <- 192.0.2.3:" + std::to_string(port);
    const std::string at_client = "in 10.0.0.50:" + std::to_string(client) + " <- 192.0.2.10:80";
    EXPECT_EQ(Describe(first), at_real + " TCP S ttl 63\n");
    EXPECT_EQ(Send(kInside, Tcp(kReal, 8080, kLocal, port, kTcpSyn | kTcpAck)),
              at_client + " TCP SA ttl 63\n");
    EXPECT_EQ(Send(kInside, Tcp(kHost, client, kVip, 80, kTcpAck)), at_real + " TCP A ttl 63\n");
    EXPECT_EQ(Send(kInside, Tcp(kReal, 8080, kLocal, port, kTcpAck)),
              at_client + " TCP A ttl 63\n");
  }
  EXPECT_EQ(d_.fabric().stats.SumTraffic(real_).connections, 20u);
  EXPECT_EQ(d_.fabric().stats.SumSnat(0).begun, 0u);  // connections are no flows
  EXPECT_EQ(d_.CheckConservation(), "");
  d_.Advance(1000);
  EXPECT_EQ(d_.CheckNothingLeft(), "");
}

TEST_P(Hairpin, UdpOfSixAndOfOnePacket) {
  Serve({.address = "2001:db8::10", .port = 53, .protocol = kProtocolUdp, .is_one_packet = true});
  const uint16_t port = PortOf(Udp("fd00::50", 5000, "2001:db8::10", 53));
  ASSERT_NE(port, 0);
  EXPECT_EQ(Send(kInside, Udp("fd00::11", 8080, "2001:db8::3", port)),
            "in [fd00::50]:5000 <- [2001:db8::10]:53 UDP ttl 63\n");
}

TEST_P(Hairpin, FragmentsOfBothWays) {
  Serve({.port = 53, .protocol = kProtocolUdp});
  const std::string payload(3000, 'x');
  const auto joined = [&](const Frame& whole, uint16_t id) {
    for (const Frame& piece : Cut(whole, 800, id)) d_.Inject(kInside, piece);
    std::vector<Frame> out;
    for (const Sent& sent : d_.Settle()) out.push_back(sent.frame);
    return Join(out);
  };
  const Frame there = joined(Datagram(kHost, 5000, kVip, 53, payload), 7);
  ASSERT_FALSE(there.empty());
  const uint16_t port = SourcePort(there);
  EXPECT_EQ(Text(there), "10.0.0.11:8080 <- 192.0.2.3:" + std::to_string(port) + " UDP ttl 63");
  const Frame back = joined(Datagram(kReal, 8080, kLocal, port, payload), 8);
  ASSERT_FALSE(back.empty());
  EXPECT_EQ(Text(back), "10.0.0.50:5000 <- 192.0.2.10:53 UDP ttl 63");
  EXPECT_EQ(d_.CheckConservation(), "");
}

// An answer finds its worker by the port that the real server sees; by hardware at once.
TEST_P(Hairpin, AnAnswerIsAtItsOwner) {
  Serve();
  const Steering& steering = d_.fabric().steering;
  for (uint16_t client = 1000; client < 1100; ++client) {
    const uint16_t port = PortOf(Tcp(kHost, client, kVip, 80, kTcpSyn));
    ASSERT_NE(port, 0);
    const size_t owner = steering.ConnectionOwner(A(kLocal).v4(), Be16::FromHost(port)).index();
    ASSERT_EQ(d_.SendAt(owner, kInside, Tcp(kReal, 8080, kLocal, port, kTcpSyn | kTcpAck)).size(),
              1u);
  }
}

TEST_P(Hairpin, AnErrorOfTheRealReachesItsClient) {
  Serve({.protocol = kProtocolUdp});
  for (uint16_t client = 40000; client < 40010; ++client) {
    const auto seen = d_.Send(kInside, Udp(kHost, client, kVip, 80));
    ASSERT_EQ(seen.size(), 1u);
    const auto error = d_.Send(kInside, ErrorAbout(seen[0].frame, kReal, kLocal, 3, 3, 0, 28));
    ASSERT_EQ(Describe(error), "in 10.0.0.50 <- 192.0.2.10 ICMP 3/3 ttl 63\n");
    // It quotes the client's own packet.
    EXPECT_EQ(Be16::Load(&error[0].frame[42 + 20]).host(), client);
    EXPECT_EQ(Be16::Load(&error[0].frame[42 + 22]).host(), 80);
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

// Those whose answers come through the director anyway keep their address, and so does everybody
// where replies are not to come through it.
TEST_P(Hairpin, OthersKeepTheirAddress) {
  d_.AddRoute("10.0.7.0/24", kInside, "", "10.0.7.1");
  Rule("10.0.7.0/24", {kLocal});
  Serve();
  EXPECT_EQ(Send(kOutside, Tcp(kWorld, 1234, kVip, 80, kTcpSyn)),
            "in 10.0.0.11:8080 <- 203.0.113.9:1234 TCP S ttl 63\n");
  EXPECT_EQ(Send(kInside, Tcp("10.0.7.9", 1234, kVip, 80, kTcpSyn)),
            "in 10.0.0.11:8080 <- 10.0.7.9:1234 TCP S ttl 63\n");
  d_.RemoveReal(real_);
  d_.AddReal(ServiceId{0}, "10.0.0.12", 80, {.method = ForwardMethod::kDr});
  d_.Publish();
  EXPECT_EQ(Send(kInside, Tcp(kHost, 1234, kVip, 80, kTcpSyn)),
            "in 192.0.2.10:80 <- 10.0.0.50:1234 TCP S ttl 63\n");
}

TEST_P(Hairpin, NotWhereARuleTranslatesWhatGoesToTheReal) {
  Rule("10.0.7.0/24", {kLocal});
  view_.rules.back().output = kInside;
  Serve();
  EXPECT_EQ(Send(kInside, Tcp(kHost, 1234, kVip, 80, kTcpSyn)),
            "in 10.0.0.11:8080 <- 10.0.0.50:1234 TCP S ttl 63\n");
}

TEST_P(Hairpin, ExhaustionIsTheRules) {
  view_.rules[0].first_port = 2000;
  view_.rules[0].last_port = 2007;
  Serve();
  uint64_t served = 0;
  for (uint16_t client = 1000; client < 1200; ++client) {
    served += PortOf(Tcp(kHost, client, kVip, 80, kTcpSyn)) != 0 ? 1 : 0;
  }
  EXPECT_EQ(served, 8u);
  EXPECT_EQ(d_.dropped(DropReason::kSnatExhausted), 192u);
  EXPECT_EQ(d_.fabric().stats.SumSnat(0).exhausted, 192u);
  EXPECT_EQ(d_.fabric().stats.SumTraffic(real_).no_local_port, 0u);
  EXPECT_EQ(d_.CheckConservation(), "");
  d_.Advance(200);
  EXPECT_EQ(d_.CheckNothingLeft(), "");
}

// A port on which a service listens is given to no client.
TEST_P(Hairpin, PortsOfServicesAreLeftOut) {
  d_.AddService({.address = kLocal, .port = 2000});
  view_.rules[0].first_port = 2000;
  view_.rules[0].last_port = 2001;
  Serve();
  std::set<uint16_t> seen;
  for (uint16_t client = 1001; client < 1100; ++client) {
    seen.insert(PortOf(Tcp(kHost, client, kVip, 80, kTcpSyn)));
  }
  EXPECT_EQ(seen, (std::set<uint16_t>{0, 2001}));
}

TEST_P(Hairpin, ExplainSaysWhatTheRealSees) {
  Serve();
  const ExplainQuestion question{.protocol = kProtocolTcp,
                                 .client = {A(kHost), Be16::FromHost(1234)},
                                 .destination = {A(kVip), Be16::FromHost(80)}};
  const auto translated = [&]() -> std::string {
    const ExplainAnswer answer = d_.Explain(question);
    for (size_t i = 0; i < answer.step_count; ++i) {
      if (const auto* found = std::get_if<step::Translated>(&answer.steps[i])) {
        return found->local.port.is_zero() ? "one of " + std::to_string(found->addresses)
                                           : found->local.ToString();
      }
    }
    return "nothing";
  };
  EXPECT_EQ(translated(), "one of 1");
  const uint16_t port = PortOf(Tcp(kHost, 1234, kVip, 80, kTcpSyn));
  EXPECT_EQ(translated(), "192.0.2.3:" + std::to_string(port));
}

}  // namespace
}  // namespace fairlead::dataplane::hairpin_test
