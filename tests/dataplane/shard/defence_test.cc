// drop_entry, drop_packet and secure_tcp: the rules alone, and on bytes.
#include "dataplane/shard/defence.h"

#include <gtest/gtest.h>

#include "byte_director.h"

namespace fairlead::dataplane::defence_test {
namespace {

constexpr const char* kVip = "192.0.2.10";

uint32_t RateWith(uint32_t free, uint32_t capacity, uint8_t percent) {
  Defence defence;
  defence.Evaluate({free, capacity}, {1000, 1000}, {.amemthresh_percent = percent}, Tick{});
  EXPECT_EQ(defence.is_low(), defence.rate(kDefenceAuto) != 0);
  return defence.rate(kDefenceAuto);
}

TEST(Defence, TheRateFollowsTheFreeRecords) {
  EXPECT_EQ(RateWith(1000, 1000, 10), 0u);
  EXPECT_EQ(RateWith(100, 1000, 10), 0u);
  EXPECT_EQ(RateWith(99, 1000, 10), 100u);
  EXPECT_EQ(RateWith(90, 1000, 10), 10u);
  EXPECT_EQ(RateWith(67, 1000, 10), 3u);
  EXPECT_EQ(RateWith(50, 1000, 10), 2u);
  EXPECT_EQ(RateWith(49, 1000, 10), 1u);
  EXPECT_EQ(RateWith(0, 1000, 10), 1u);
  EXPECT_EQ(RateWith(0, 5, 10), 1u);  // a threshold is at least one record
  EXPECT_EQ(RateWith(1, 5, 10), 0u);
}

TEST(Defence, TheFullerTableDecides) {
  Defence defence;
  defence.Evaluate({90, 1000}, {50, 1000}, {}, Tick{});
  EXPECT_EQ(defence.rate(kDefenceAuto), 2u);
  defence.Evaluate({1000, 1000}, {50, 1000}, {}, Tick{});
  EXPECT_EQ(defence.rate(kDefenceAuto), 2u);
}

TEST(Defence, ModesAreActiveWhenTheySay) {
  Defence defence;
  defence.Evaluate({1000, 1000}, {1000, 1000}, {}, Tick{});
  EXPECT_FALSE(defence.IsActive(kDefenceOff));
  EXPECT_FALSE(defence.IsActive(kDefenceAuto));
  EXPECT_TRUE(defence.IsActive(kDefenceAlways));
  defence.Evaluate({0, 1000}, {1000, 1000}, {}, Tick{});
  EXPECT_FALSE(defence.IsActive(kDefenceOff));
  EXPECT_TRUE(defence.IsActive(kDefenceAuto));
  EXPECT_TRUE(defence.IsActive(2));
}

TEST(Defence, OfIdleConnectionsWithNPacketsEveryNthGoes) {
  Defence defence;
  const auto taken = [&](uint32_t packets) {
    std::string text;
    for (int i = 0; i < 8; ++i) text += defence.TakesIdle(packets) ? 'x' : '.';
    return text;
  };
  EXPECT_EQ(taken(0), "........");
  EXPECT_EQ(taken(1), "xxxxxxxx");
  EXPECT_EQ(taken(3), "..x..x..");
  EXPECT_EQ(taken(8), ".......x");
  EXPECT_EQ(taken(9), "........");
}

// ---- on bytes

class Flooded : public testing::Test {
 protected:
  explicit Flooded(const DirectorSpec& spec = {.connections = 320}) : d_(spec) {}

  void Serve(ServiceSpec spec = {}, RealSpec real = {}) {
    service_ = d_.AddService(spec);
    real_ = d_.AddReal(service_, "10.0.0.11", spec.port, real);
    d_.Publish();
  }
  size_t Syn(uint16_t port, const std::string& client = "198.51.100.7") {
    return d_.Send(kOutside, Tcp(client, port, kVip, 80, kTcpSyn)).size();
  }
  void Establish(uint16_t port, int data_packets = 0) {
    Syn(port);
    d_.Send(kInside, Tcp("10.0.0.11", 80, "198.51.100.7", port, kTcpSyn | kTcpAck));
    d_.Send(kOutside, Tcp("198.51.100.7", port, kVip, 80, kTcpAck));
    for (int i = 0; i < data_packets; ++i) {
      d_.Send(kOutside, Tcp("198.51.100.7", port, kVip, 80, kTcpAck | kTcpPsh));
    }
  }
  // Whether a packet of that connection still reaches its real.
  bool IsAlive(uint16_t port) {
    const auto sent = d_.Send(kOutside, Tcp("198.51.100.7", port, kVip, 80, kTcpAck));
    return sent.size() == 1 && sent[0].port == kInside;
  }
  uint32_t Connections() { return d_.worker(0).shard().Connections<Ipv4Address>().size(); }
  uint32_t Templates() { return d_.worker(0).shard().templates().size(); }
  WorkerCounters& Counters() { return d_.worker(0).counters(); }

  ByteDirector d_;
  ServiceId service_;
  RealId real_;
};

TEST_F(Flooded, DropPacketAlwaysDropsEveryThirdNewConnection) {
  d_.draft().defence.am_droprate = 3;
  Serve();
  d_.service(service_).policy.drop_packet = kDefenceAlways;
  d_.Publish();
  std::string passed;
  for (uint16_t port = 1000; port < 1009; ++port) passed += Syn(port) == 1 ? '+' : '-';
  EXPECT_EQ(passed, "++-++-++-");
  EXPECT_EQ(d_.dropped(DropReason::kDropPacket), 3u);
  for (int i = 0; i < 9; ++i) EXPECT_EQ(Syn(1000), 1u) << "a connection that exists";
  EXPECT_EQ(Syn(1002), 1u) << "the client's second attempt";
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_F(Flooded, DropPacketCountsUdpAndPersistentServicesToo) {
  d_.draft().defence.am_droprate = 2;
  Serve({.port = 53, .protocol = kProtocolUdp, .persistence_seconds = 300});
  d_.service(service_).policy.drop_packet = kDefenceAlways;
  d_.Publish();
  std::string passed;
  for (uint16_t port = 1000; port < 1004; ++port) {
    passed += d_.Send(kOutside, Udp("198.51.100.7", port, kVip, 53)).size() == 1 ? '+' : '-';
  }
  EXPECT_EQ(passed, "+-+-");
}

TEST_F(Flooded, AmDroprateZeroDropsNothing) {
  d_.draft().defence.am_droprate = 0;
  Serve();
  d_.service(service_).policy.drop_packet = kDefenceAlways;
  d_.Publish();
  for (uint16_t port = 1000; port < 1030; ++port) EXPECT_EQ(Syn(port), 1u);
}

// The table of 320 is low below 32 free records; it takes effect at the next second.
TEST_F(Flooded, AutomaticDropPacketActsWhileTheTableIsNearlyFull) {
  Serve();
  d_.service(service_).policy.drop_packet = kDefenceAuto;
  d_.Publish();
  for (uint16_t port = 1000; port < 1288; ++port) ASSERT_EQ(Syn(port), 1u);
  d_.Advance(1);
  EXPECT_EQ(Counters().defence_low.value(), 0u);
  for (uint16_t port = 1288; port < 1304; ++port) ASSERT_EQ(Syn(port), 1u);
  d_.Advance(1);
  EXPECT_EQ(Counters().defence_low.value(), 1u);  // 16 free of 32: every second goes
  EXPECT_EQ(Counters().defence_rate.value(), 2u);
  std::string passed;
  for (uint16_t port = 1304; port < 1308; ++port) passed += Syn(port) == 1 ? '+' : '-';
  EXPECT_EQ(passed, "+-+-");
  d_.Advance(70);  // SYN_RECV is over
  EXPECT_EQ(Counters().defence_low.value(), 0u);
  for (uint16_t port = 2000; port < 2010; ++port) EXPECT_EQ(Syn(port), 1u);
}

TEST_F(Flooded, ASynFloodPaysWithItsOwnRecordsAndEstablishedConnectionsSurvive) {
  d_.draft().defence.drop_entry = kDefenceAuto;
  Serve();
  for (uint16_t port = 1000; port < 1010; ++port) Establish(port);
  uint64_t full = 0;
  for (int second = 0; second < 40; ++second) {
    for (uint16_t port = 0; port < 300; ++port) {
      Syn(static_cast<uint16_t>(2000 + port), "203.0.113." + std::to_string(second + 1));
    }
    d_.Advance(1);
    full = d_.dropped(DropReason::kConnectionTableFull);
  }
  EXPECT_EQ(full, 0u) << "the flood is bigger than the table, and yet there was room";
  EXPECT_GT(Counters().defence_connections.value(), 11'000u);
  for (uint16_t port = 1000; port < 1010; ++port) EXPECT_TRUE(IsAlive(port)) << port;
  EXPECT_EQ(d_.CheckConservation(), "");
  d_.Advance(1000);
  EXPECT_EQ(d_.CheckNothingLeft(), "");
}

// A table that real connections have filled is no reason to cut handshakes: with half of the
// threshold free a half-open connection has 0.75 s.
TEST_F(Flooded, AFullTableLeavesAHandshakeItsTime) {
  d_.draft().defence.drop_entry = kDefenceAuto;
  Serve();
  for (uint16_t port = 1000; port < 1304; ++port) Establish(port, 8);
  Syn(5000);  // 15 of 320 are free, of a threshold of 32
  d_.Advance(0.5);
  EXPECT_EQ(Connections(), 305u);
  d_.Advance(0.3);
  EXPECT_EQ(Connections(), 304u);
  EXPECT_EQ(Counters().defence_connections.value(), 1u);
}

// What the server says gives a half-open connection no more time, where SYN_RECV has been set.
TEST_F(Flooded, RepeatedSynAcksDoNotProlongAHalfOpenConnection) {
  Serve();
  d_.service(service_).timeouts.Set(TcpState::kSynRecv, TicksFromSeconds(5));
  d_.service(service_).policy.secure_tcp = kDefenceAlways;
  d_.Publish();
  Syn(1000);
  for (int i = 0; i < 4; ++i) {
    d_.Advance(1);
    d_.Send(kInside, Tcp("10.0.0.11", 80, "198.51.100.7", 1000, kTcpSyn | kTcpAck));
    EXPECT_EQ(Connections(), 1u);
  }
  d_.Advance(1.5);
  EXPECT_EQ(Connections(), 0u);
}

// As in Linux, where it has not.
TEST_F(Flooded, WithTheTimersOfLinuxASynAckStartsSynAck) {
  Serve();
  d_.service(service_).policy.secure_tcp = kDefenceAlways;
  d_.Publish();
  Syn(1000);
  d_.Send(kInside, Tcp("10.0.0.11", 80, "198.51.100.7", 1000, kTcpSyn | kTcpAck));
  d_.Advance(119);
  EXPECT_EQ(Connections(), 1u);
  d_.Advance(2);
  EXPECT_EQ(Connections(), 0u);
}

// One record in 32 a second: after 32 seconds each has been looked at, not before.
TEST_F(Flooded, DropEntryLooksAtEveryRecordIn32Seconds) {
  d_.draft().defence.drop_entry = kDefenceAlways;
  Serve();
  for (uint16_t port = 1000; port < 1064; ++port) Syn(port);
  d_.Advance(1);
  EXPECT_EQ(Connections(), 62u);
  d_.Advance(10);
  EXPECT_EQ(Connections(), 42u);
  d_.Advance(21);
  EXPECT_EQ(Connections(), 0u);
  EXPECT_EQ(Counters().defence_connections.value(), 64u);
  EXPECT_EQ(d_.CheckNothingLeft(), "");
}

TEST_F(Flooded, DropEntryKeepsBusyAndLongConnections) {
  d_.draft().defence.drop_entry = kDefenceAlways;
  Serve();
  Establish(1000);     // two packets
  Establish(1001, 6);  // eight
  Establish(1002, 7);  // nine: too many to be dropped
  Establish(1003, 20);
  d_.Advance(59);
  EXPECT_EQ(Connections(), 4u) << "not idle for a minute";
  d_.Advance(60);
  EXPECT_EQ(Connections(), 2u);
  EXPECT_TRUE(IsAlive(1002));
  EXPECT_TRUE(IsAlive(1003));
}

TEST_F(Flooded, DropEntryLeavesStatesWithShortTimersAlone) {
  d_.draft().defence.drop_entry = kDefenceAlways;
  Serve();
  Establish(1000);
  d_.Send(kOutside, Tcp("198.51.100.7", 1000, kVip, 80, kTcpFin | kTcpAck));  // CLOSE_WAIT, 60 s
  d_.Advance(50);
  EXPECT_EQ(Connections(), 1u);
  EXPECT_EQ(Counters().defence_connections.value(), 0u);
}

TEST_F(Flooded, DropEntryTakesIdleUdp) {
  d_.draft().defence.drop_entry = kDefenceAlways;
  Serve({.port = 53, .protocol = kProtocolUdp});
  d_.Send(kOutside, Udp("198.51.100.7", 1000, kVip, 53));
  d_.Advance(59);
  EXPECT_EQ(Connections(), 1u);
  d_.Advance(33);
  EXPECT_EQ(Connections(), 0u);
}

// A template whose client never got through goes with its last connection; an assured one stays.
TEST_F(Flooded, TheTemplateOfAFloodGoesWithItsLastConnection) {
  d_.draft().defence.drop_entry = kDefenceAlways;
  Serve({.persistence_seconds = 3600});
  Syn(1000, "203.0.113.1");
  Syn(1001, "203.0.113.1");
  Establish(1000);
  EXPECT_EQ(Templates(), 2u);
  d_.Advance(33);
  EXPECT_EQ(Connections(), 1u);
  EXPECT_EQ(Templates(), 1u);
  EXPECT_EQ(Counters().defence_templates.value(), 1u);
  EXPECT_TRUE(IsAlive(1000));
  d_.Advance(1000);
  EXPECT_EQ(Templates(), 1u) << "assured";
}

// Its connections ended by themselves: nothing holds it.
TEST_F(Flooded, AnIdleTemplateThatIsNotAssuredGoes) {
  Serve({.persistence_seconds = 3600});
  Syn(1000, "203.0.113.1");
  d_.Advance(70);
  ASSERT_EQ(Connections(), 0u);
  ASSERT_EQ(Templates(), 1u);
  d_.draft().defence.drop_entry = kDefenceAlways;
  d_.Publish();
  d_.Advance(33);
  EXPECT_EQ(Templates(), 0u);
  EXPECT_EQ(d_.CheckNothingLeft(), "");
}

TEST_F(Flooded, TemplatesOfOnePacketServicesStay) {
  d_.draft().defence.drop_entry = kDefenceAlways;
  Serve({.port = 53, .protocol = kProtocolUdp, .persistence_seconds = 3600, .is_one_packet = true});
  d_.Send(kOutside, Udp("198.51.100.7", 1000, kVip, 53));
  d_.Advance(100);
  EXPECT_EQ(Templates(), 1u);
}

// The state that a connection with these packets has: "NAT" sees the server, DR does not.
class SecureTcp : public Flooded {
 protected:
  std::string_view StateAfter(bool with_server) {
    Syn(1000);
    d_.Send(kOutside, Tcp("198.51.100.7", 1000, kVip, 80, kTcpAck));
    if (with_server) d_.Send(kInside, Tcp("10.0.0.11", 80, "198.51.100.7", 1000, kTcpAck));
    const auto& table = d_.worker(0).shard().Connections<Ipv4Address>();
    return NameOf(static_cast<TcpState>(table.at(0).state));
  }
};

TEST_F(SecureTcp, OffTheClientAloneEstablishes) {
  Serve();
  EXPECT_EQ(StateAfter(false), "ESTABLISHED");
}

TEST_F(SecureTcp, AlwaysTheServerMustAcknowledge) {
  Serve();
  d_.service(service_).policy.secure_tcp = kDefenceAlways;
  d_.Publish();
  EXPECT_EQ(StateAfter(false), "SYN_RECV");
  d_.Advance(130);
  EXPECT_EQ(StateAfter(true), "ESTABLISHED");
}

TEST_F(SecureTcp, AutomaticActsWhileTheTableIsNearlyFull) {
  Serve();
  d_.service(service_).policy.secure_tcp = kDefenceAuto;
  d_.Publish();
  EXPECT_EQ(StateAfter(false), "ESTABLISHED");
  d_.draft().defence.amemthresh_percent = 100;
  d_.Publish();  // looked at again at once
  Syn(2000);
  d_.Send(kOutside, Tcp("198.51.100.7", 2000, kVip, 80, kTcpAck));
  const auto& table = d_.worker(0).shard().Connections<Ipv4Address>();
  EXPECT_EQ(NameOf(static_cast<TcpState>(table.at(1).state)), "SYN_RECV");
}

class ManyWorkers : public Flooded {
 protected:
  ManyWorkers() : Flooded({.workers = 4, .connections = 800, .templates = 800}) {}
};

// The forced release crosses workers; no child and no count leaks.
TEST_F(ManyWorkers, DropEntryLeavesNothingBehind) {
  d_.draft().defence.drop_entry = kDefenceAlways;
  Serve({.persistence_seconds = 300});
  for (uint16_t port = 1000; port < 1200; ++port) {
    Syn(port, "203.0.113." + std::to_string(port % 40 + 1));
  }
  d_.Advance(33);
  uint64_t templates = 0;
  for (size_t w = 0; w < d_.worker_count(); ++w) {
    EXPECT_EQ(d_.worker(w).shard().Connections<Ipv4Address>().size(), 0u);
    templates += d_.worker(w).shard().counters.defence_templates.value();
  }
  EXPECT_EQ(templates, 40u);
  EXPECT_EQ(d_.CheckNothingLeft(), "");
  EXPECT_EQ(d_.CheckConservation(), "");
}

}  // namespace
}  // namespace fairlead::dataplane::defence_test
