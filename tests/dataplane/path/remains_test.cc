// What packets of existing connections meet when their real is drained, down or removed (ipvs.md,
// template validity and reuse; docs/draining.md).
#include <gtest/gtest.h>

#include "byte_director.h"
#include "dataplane/worker/commands.h"

namespace fairlead::dataplane::remains_test {
namespace {

const std::string kClient = "198.51.100.7";
const std::string kVip = "192.0.2.10";
constexpr uint16_t kPort = 1234;

// The segment with these sequence numbers.
Frame WithNumbers(Frame frame, uint32_t sequence, uint32_t acknowledgement) {
  ParsedPacket parsed;
  frame = To(kOutside, frame);
  BytePacket packet(frame);
  Parse(packet, &parsed);
  auto* tcp = HeaderAt<TcpHeader>(packet.data(), parsed.l4_offset);
  ChecksumDelta delta;
  delta.Replace(tcp->sequence.get(), Be32::FromHost(sequence));
  delta.Replace(tcp->acknowledgement.get(), Be32::FromHost(acknowledgement));
  tcp->sequence = Be32::FromHost(sequence);
  tcp->acknowledgement = Be32::FromHost(acknowledgement);
  tcp->checksum = delta.Apply(tcp->checksum);
  Frame out(packet.frame().begin(), packet.frame().end());
  MacAddress{}.Store(out.data());
  return out;
}

// "out …: seq ack" for each frame sent, by port.
std::string Outcome(ByteDirector& d, PortId port, const Frame& frame) {
  std::string text;
  for (const Sent& sent : d.Send(port, frame)) {
    text += (sent.port == kOutside ? "out " : "in ") + Text(sent.frame);
    const size_t l4 = sent.frame[14] >> 4 == 4 ? 34 : 54;
    const bool is_tcp = text.find(" TCP ") != std::string::npos && sent.frame.size() >= l4 + 20 &&
                        text.find("IPIP") == std::string::npos;
    if (is_tcp && (sent.frame[l4 + 13] & kTcpRst) != 0) {
      text += " seq " + std::to_string(Be32::Load(&sent.frame[l4 + 4]).host());
    }
    text += "\n";
  }
  EXPECT_EQ(d.CheckConservation(), "");
  return text;
}

class Remaining : public testing::TestWithParam<size_t> {
 protected:
  Remaining() : d_({.workers = GetParam()}) {}

  // Two reals; the connection of kClient:kPort is made and is at old_.
  void Connect(ServiceSpec spec = {}, ForwardMethod method = ForwardMethod::kNat,
               bool is_established = true) {
    web_ = d_.AddService(spec);
    old_ = d_.AddReal(web_, "10.0.0.11", 80, {.method = method});
    d_.Publish();
    First();
    if (is_established && spec.protocol == kProtocolTcp) Data();
    other_ = d_.AddReal(web_, "10.0.0.12", 80, {.method = method});
    d_.Publish();
  }
  std::string First() { return Outcome(d_, kOutside, FirstFrame()); }
  std::string Data() {
    return Outcome(d_, kOutside, WithNumbers(Tcp(kClient, kPort, kVip, 80, kTcpAck), 100, 900));
  }
  std::string Reply() {
    return Outcome(d_, kInside,
                   WithNumbers(Tcp("10.0.0.11", 80, kClient, kPort, kTcpAck, 64, 8), 900, 100));
  }
  Frame FirstFrame() const {
    return d_const().service(web_).protocol == kProtocolUdp
               ? Udp(kClient, kPort, kVip, 80)
               : Tcp(kClient, kPort, kVip, 80, kTcpSyn);
  }
  ByteDirector& d_const() const { return const_cast<ByteDirector&>(d_); }
  void Remove(Remains remains) {
    d_.RemoveReal(old_, remains);
    d_.Publish();
  }
  sched::Load LoadOf(RealId real) { return d_.fabric().loads.Sum(real); }

  ByteDirector d_;
  ServiceId web_;
  RealId old_, other_;
};
INSTANTIATE_TEST_SUITE_P(Workers, Remaining, testing::Values(1, 3));

constexpr char kToOld[] = "in 10.0.0.11:80 <- 198.51.100.7:1234 TCP A ttl 63\n";
constexpr char kSynToOld[] = "in 10.0.0.11:80 <- 198.51.100.7:1234 TCP S ttl 63\n";
constexpr char kSynToOther[] = "in 10.0.0.12:80 <- 198.51.100.7:1234 TCP S ttl 63\n";
constexpr char kReplied[] = "out 198.51.100.7:1234 <- 192.0.2.10:80 TCP A ttl 63\n";

TEST_P(Remaining, ContinueForwardsBothWaysAndCountsUntilTheEnd) {
  Connect();
  const uint64_t before = d_.fabric().stats.SumTraffic(old_).in_packets;
  Remove(Remains::kContinue);
  EXPECT_EQ(Data(), kToOld);
  EXPECT_EQ(Reply(), kReplied);
  EXPECT_EQ(d_.fabric().stats.SumTraffic(old_).in_packets, before + 1);
  // A stray SYN does not cut what is established.
  EXPECT_EQ(First(), kSynToOld);
  d_.Advance(1000);
  EXPECT_EQ(d_.CheckNothingLeft(), "");
}

TEST_P(Remaining, LeaveLetsTcpGoOnAsContinueDoes) {
  Connect();
  Remove(Remains::kLeave);
  EXPECT_EQ(Data(), kToOld);
  EXPECT_EQ(Reply(), kReplied);
  EXPECT_EQ(First(), kSynToOld);
}

TEST_P(Remaining, LeaveMovesUdpAtOnceAndExplainSaysSo) {
  Connect({.protocol = kProtocolUdp});
  const ExplainQuestion question{.protocol = kProtocolUdp,
                                 .client = {*IpAddress::Parse(kClient), Be16::FromHost(kPort)},
                                 .destination = {*IpAddress::Parse(kVip), Be16::FromHost(80)}};
  EXPECT_EQ(d_.Explain(question).real, old_);
  Remove(Remains::kLeave);
  EXPECT_EQ(d_.Explain(question).real, other_);
  EXPECT_EQ(First(), "in 10.0.0.12:80 <- 198.51.100.7:1234 UDP ttl 63\n");
  EXPECT_EQ(LoadOf(old_), sched::Load{});
}

TEST_P(Remaining, ContinueKeepsUdpToo) {
  Connect({.protocol = kProtocolUdp});
  Remove(Remains::kContinue);
  EXPECT_EQ(First(), "in 10.0.0.11:80 <- 198.51.100.7:1234 UDP ttl 63\n");
}

TEST_P(Remaining, ContinueTakesNoNewConnection) {
  Connect({.persistence_seconds = 600});
  Remove(Remains::kContinue);
  for (uint16_t port = 2000; port < 2010; ++port) {
    EXPECT_EQ(Outcome(d_, kOutside, Tcp(kClient, port, kVip, 80, kTcpSyn)).substr(0, 12),
              "in 10.0.0.12");
  }
}

TEST_P(Remaining, ContinueMovesASynThatWasNotAnswered) {
  Connect({}, ForwardMethod::kNat, false);
  Remove(Remains::kContinue);
  EXPECT_EQ(First(), kSynToOther);
  EXPECT_EQ(LoadOf(old_), sched::Load{});
}

TEST_P(Remaining, Wish7HoldIsSilentButRepliesPassAndARestoredRealGoesOn) {
  Connect();
  Remove(Remains::kHold);
  EXPECT_EQ(Data(), "");
  EXPECT_EQ(First(), "");
  EXPECT_EQ(d_.dropped(DropReason::kConnectionNoReal), 2u);
  EXPECT_EQ(Reply(), kReplied);
  d_.real(old_).remains = Remains::kServe;
  d_.real(old_).is_available = true;
  d_.Publish();
  EXPECT_EQ(Data(), kToOld);
}

TEST_P(Remaining, Wish7ExpireResetsAtOnceAndMovesASyn) {
  Connect();
  Remove(Remains::kExpire);
  EXPECT_EQ(Data(), "out 198.51.100.7:1234 <- 192.0.2.10:80 TCP R ttl 64 seq 900\n");
  EXPECT_EQ(d_.CheckNothingLeft(), "");
  EXPECT_EQ(First(), kSynToOther);
}

TEST_P(Remaining, Wish32ARepeatedSynOfAControlledConnectionMoves) {
  Connect({.persistence_seconds = 600});
  Remove(Remains::kExpire);
  EXPECT_EQ(First(), kSynToOther);
  EXPECT_EQ(First(), kSynToOther);
}

// Both sides get the number they wait for: the client 900, which its packet acknowledged, the
// server 100, with which it came.
TEST_P(Remaining, Wish7ResetTellsBothSidesFromAPacketOfTheClient) {
  Connect();
  Remove(Remains::kReset);
  EXPECT_EQ(Data(),
            "out 198.51.100.7:1234 <- 192.0.2.10:80 TCP R ttl 64 seq 900\n"
            "in 10.0.0.11:80 <- 198.51.100.7:1234 TCP AR ttl 63 seq 100\n");
  EXPECT_EQ(d_.dropped(DropReason::kConnectionReset), 1u);
  EXPECT_EQ(d_.CheckNothingLeft(), "");
}

TEST_P(Remaining, ResetTellsBothSidesFromAPacketOfTheServer) {
  Connect();
  Remove(Remains::kReset);
  EXPECT_EQ(Reply(),
            "in 10.0.0.11:80 <- 198.51.100.7:1234 TCP R ttl 64 seq 100\n"
            "out 198.51.100.7:1234 <- 192.0.2.10:80 TCP AR ttl 63 seq 900\n");
  EXPECT_EQ(d_.CheckNothingLeft(), "");
}

TEST_P(Remaining, ResetReachesDirectAndTunnelledReals) {
  Connect({}, ForwardMethod::kDr);
  Remove(Remains::kReset);
  EXPECT_EQ(Data(),
            "out 198.51.100.7:1234 <- 192.0.2.10:80 TCP R ttl 64 seq 900\n"
            "in 192.0.2.10:80 <- 198.51.100.7:1234 TCP AR ttl 63 seq 100\n");
}

TEST_P(Remaining, ResetThroughATunnel) {
  Connect({}, ForwardMethod::kTun);
  Remove(Remains::kReset);
  EXPECT_EQ(Data(),
            "out 198.51.100.7:1234 <- 192.0.2.10:80 TCP R ttl 64 seq 900\n"
            "in 10.0.0.11 <- 10.0.0.1 IPIP ttl 63 { 192.0.2.10:80 <- 198.51.100.7:1234 TCP AR ttl "
            "63 }\n");
}

// Without a route only the side that can be told is told; a RST is passed on as it is.
TEST_P(Remaining, ResetWithoutARoute) {
  Connect();
  d_.RemoveReal(old_, Remains::kReset);
  d_.real(old_).next_hop = {};
  d_.Publish();
  EXPECT_EQ(Data(), "out 198.51.100.7:1234 <- 192.0.2.10:80 TCP R ttl 64 seq 900\n");
}

TEST_P(Remaining, ResetPassesARstOn) {
  Connect();
  Remove(Remains::kReset);
  EXPECT_EQ(Outcome(d_, kOutside,
                    WithNumbers(Tcp(kClient, kPort, kVip, 80, kTcpRst | kTcpAck), 100, 900)),
            "in 10.0.0.11:80 <- 198.51.100.7:1234 TCP AR ttl 63 seq 100\n");
}

TEST_P(Remaining, Wish33ASynToARemovedRealMovesAtOnce) {
  Connect();
  Remove(Remains::kReset);
  EXPECT_EQ(First(), kSynToOther);
}

TEST_P(Remaining, ResetTellsAUdpClientByIcmp) {
  Connect({.protocol = kProtocolUdp});
  Remove(Remains::kReset);
  EXPECT_EQ(First(), "out 198.51.100.7 <- 192.0.2.10 ICMP 3/3 ttl 64\n");
  EXPECT_EQ(d_.CheckNothingLeft(), "");
}

// Without a pool the second RST is left out; the sender of the packet is told all the same.
TEST(RemainingAlone, WithoutAPacketToSpareTheSenderIsTold) {
  ByteDirector d;
  const RealId old = d.AddReal(d.AddService({}), "10.0.0.11", 80);
  d.Publish();
  d.Send(kOutside, Tcp(kClient, kPort, kVip, 80, kTcpSyn));
  d.RemoveReal(old, Remains::kReset);
  d.Publish();
  d.DenyPackets();
  EXPECT_EQ(Outcome(d, kOutside, WithNumbers(Tcp(kClient, kPort, kVip, 80, kTcpAck), 100, 900)),
            "out 198.51.100.7:1234 <- 192.0.2.10:80 TCP R ttl 64 seq 900\n");
}

// ---- down, which is not removed

TEST_P(Remaining, DownMovesUdpAndSynsButNotEstablishedTcp) {
  Connect();
  RealView& real = d_.real(old_);
  real.remains = Remains::kMove;
  real.templates_valid = false;
  d_.SetWeight(old_, 0);
  d_.Publish();
  EXPECT_EQ(Data(), kToOld) << "a checker that flaps must not cut sessions";
  EXPECT_EQ(Reply(), kReplied);
  EXPECT_EQ(First(), kSynToOther);
}

TEST_P(Remaining, Wish33UdpOfADeadRealMovesAtOnce) {
  Connect({.protocol = kProtocolUdp, .persistence_seconds = 600});
  EXPECT_EQ(First(), "in 10.0.0.11:80 <- 198.51.100.7:1234 UDP ttl 63\n");
  d_.real(old_).remains = Remains::kMove;
  d_.real(old_).templates_valid = false;
  d_.SetWeight(old_, 0);
  d_.Publish();
  EXPECT_EQ(First(), "in 10.0.0.12:80 <- 198.51.100.7:1234 UDP ttl 63\n");
  EXPECT_EQ(LoadOf(old_).inactive, 0u);
}

TEST_P(Remaining, DrainedKeepsWhatIsEstablished) {
  Connect({.persistence_seconds = 600});
  d_.real(old_).templates_valid = false;
  d_.SetWeight(old_, 0);
  d_.Publish();
  EXPECT_EQ(Data(), kToOld);
  EXPECT_EQ(First(), kSynToOld);
  EXPECT_EQ(Outcome(d_, kOutside, Tcp(kClient, 9, kVip, 80, kTcpSyn)).substr(0, 12),
            "in 10.0.0.12");
}

// ---- the sweep of expire_nodest_conn

void RunOnAll(ByteDirector& d, Command* command) {
  for (size_t w = 0; w < d.worker_count(); ++w) {
    EXPECT_TRUE(d.fabric().control[w]->Submit(command));
    d.Turn(w);
    EXPECT_EQ(d.fabric().control[w]->TakeBack(), command);
    if (auto* c = command; c->kind == CommandKind::kSweepConnections) {
      static_cast<SweepConnections*>(c)->cursor = 0;
    } else {
      static_cast<SweepTemplates*>(c)->cursor = 0;
    }
  }
}

TEST_P(Remaining, TheSweepEndsConnectionsAndThenTheirTemplates) {
  Connect({.persistence_seconds = 600});
  for (uint16_t port = 1; port <= 20; ++port) {
    d_.Send(kOutside, Tcp("198.51.100." + std::to_string(port + 20), port, kVip, 80, kTcpSyn));
  }
  const sched::Load kept = LoadOf(other_);
  ASSERT_GT(LoadOf(old_).active, 0u);
  ASSERT_GT(kept.active, 0u);
  Remove(Remains::kExpire);
  SweepConnections connections;
  RunOnAll(d_, &connections);
  EXPECT_TRUE(connections.is_complete);
  d_.Settle();
  EXPECT_EQ(LoadOf(old_).active + LoadOf(old_).inactive, 0u);
  SweepTemplates templates;
  RunOnAll(d_, &templates);
  EXPECT_TRUE(templates.is_complete);
  d_.Advance(2);
  EXPECT_EQ(LoadOf(old_), sched::Load{});
  EXPECT_EQ(LoadOf(other_), kept);
}

// ---- conn_reuse_mode × persistence (ipvs.md, reuse, rule b)

struct ReuseCase {
  uint8_t mode;
  bool is_persistent;
  TcpState state;  // of the connection that the SYN meets
  bool is_new;     // it is scheduled again
};
class Reuse : public testing::TestWithParam<ReuseCase> {};

std::vector<ReuseCase> ReuseCases() {
  std::vector<ReuseCase> cases;
  for (uint8_t mode = 0; mode <= 3; ++mode) {
    for (const bool is_persistent : {false, true}) {
      const bool counts = mode != 0 && !is_persistent;
      cases.push_back({mode, is_persistent, TcpState::kEstablished, false});
      cases.push_back({mode, is_persistent, TcpState::kClose, counts});
      cases.push_back({mode, is_persistent, TcpState::kFinWait, counts && (mode & 2) != 0});
    }
  }
  return cases;
}
INSTANTIATE_TEST_SUITE_P(All, Reuse, testing::ValuesIn(ReuseCases()));

// DR, so that FIN_WAIT is one of input only.
TEST_P(Reuse, ASynMeetsAnOldConnection) {
  const ReuseCase& c = GetParam();
  ByteDirector d;
  const ServiceId web = d.AddService({.persistence_seconds = c.is_persistent ? 600u : 0u});
  for (const char* real : {"10.0.0.11", "10.0.0.12"}) {
    d.AddReal(web, real, 80, {.method = ForwardMethod::kDr});
  }
  d.service(web).policy.conn_reuse_mode = c.mode;
  d.Publish();
  d.Send(kOutside, Tcp(kClient, kPort, kVip, 80, kTcpSyn));
  d.Send(kOutside, Tcp(kClient, kPort, kVip, 80, kTcpAck));
  if (c.state == TcpState::kClose) d.Send(kOutside, Tcp(kClient, kPort, kVip, 80, kTcpRst));
  if (c.state == TcpState::kFinWait) d.Send(kOutside, Tcp(kClient, kPort, kVip, 80, kTcpFin));
  const uint64_t made = d.fabric().stats.SumTraffic(RealId{0}).connections +
                        d.fabric().stats.SumTraffic(RealId{1}).connections;
  d.Send(kOutside, Tcp(kClient, kPort, kVip, 80, kTcpSyn));
  const uint64_t now = d.fabric().stats.SumTraffic(RealId{0}).connections +
                       d.fabric().stats.SumTraffic(RealId{1}).connections;
  EXPECT_EQ(now - made, c.is_new ? 1u : 0u)
      << "mode " << unsigned{c.mode} << (c.is_persistent ? " persistent" : "") << " "
      << NameOf(c.state);
}

}  // namespace
}  // namespace fairlead::dataplane::remains_test
