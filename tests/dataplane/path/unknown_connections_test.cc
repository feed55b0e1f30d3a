// policy.unknown_connections on bytes: what becomes of TCP packets whose connection is not here.
#include <gtest/gtest.h>

#include <array>
#include <set>

#include "byte_director.h"

namespace fairlead::dataplane::unknown_connections_test {
namespace {

const std::string kClient = "198.51.100.7";
const std::string kVip = "192.0.2.10";

class UnknownConnectionsOnBytes : public testing::TestWithParam<size_t> {
 protected:
  UnknownConnectionsOnBytes() : d_({.workers = GetParam()}) {}

  ServiceId Serve(const ServiceSpec& spec, UnknownConnections unknown, int reals = 1) {
    const ServiceId id = d_.AddService(spec);
    const bool is_v4 = spec.address.find(':') == std::string::npos;
    for (int i = 1; i <= reals; ++i) {
      d_.AddReal(id, (is_v4 ? "10.0.0." : "fd00::") + std::to_string(10 + i), spec.port, {});
    }
    d_.service(id).policy.unknown_connections = unknown;
    d_.Publish();
    return id;
  }
  // What a packet from outside leads to; "" is silence.
  std::string Outcome(const Frame& frame) {
    std::string text;
    for (const Sent& sent : d_.Send(kOutside, frame)) {
      text += (sent.port == kOutside ? "out " : "in ") + Text(sent.frame) + "\n";
    }
    EXPECT_EQ(d_.CheckConservation(), "");
    return text;
  }
  uint64_t Originated() {
    uint64_t sum = 0;
    for (size_t w = 0; w < d_.worker_count(); ++w) {
      sum += d_.worker(w).shard().counters.originated.value();
    }
    return sum;
  }
  uint64_t Connections() {
    uint64_t sum = 0;
    for (size_t w = 0; w < d_.worker_count(); ++w) {
      sum += d_.worker(w).shard().Connections<Ipv4Address>().size();
    }
    return sum;
  }

  ByteDirector d_;
};
INSTANTIATE_TEST_SUITE_P(Workers, UnknownConnectionsOnBytes, testing::Values(1, 2, 3, 8));

constexpr std::array<uint8_t, 4> kLaterFlags{kTcpAck, kTcpFin | kTcpAck, 0, kTcpRst};

TEST_P(UnknownConnectionsOnBytes, ByDefaultAreReset) {
  EXPECT_EQ(PolicyView{}.unknown_connections, UnknownConnections::kReset);
  Serve({}, UnknownConnections::kReset);
  EXPECT_EQ(Outcome(Tcp(kClient, 1, kVip, 80, kTcpAck)),
            "out 198.51.100.7:1 <- 192.0.2.10:80 TCP R ttl 64\n");
  EXPECT_EQ(Outcome(Tcp(kClient, 1, kVip, 80, kTcpRst)), "");  // never answered
  EXPECT_EQ(d_.dropped(DropReason::kNotASyn), 2u);
  EXPECT_EQ(d_.dropped(DropReason::kUnknownConnection), 0u);
}

TEST_P(UnknownConnectionsOnBytes, AreResetInSilenceWithoutAListener) {
  Serve({}, UnknownConnections::kReset);
  d_.draft().policy.reset_without_listener = false;
  d_.Publish();
  EXPECT_EQ(Outcome(Tcp(kClient, 1, kVip, 80, kTcpAck)), "");
  EXPECT_EQ(d_.dropped(DropReason::kNotASyn), 1u);
}

TEST_P(UnknownConnectionsOnBytes, AreDroppedUnderANameOfTheirOwn) {
  Serve({}, UnknownConnections::kDrop);
  for (const uint8_t flags : kLaterFlags) {
    EXPECT_EQ(Outcome(Tcp(kClient, 1, kVip, 80, flags)), "") << unsigned{flags};
  }
  EXPECT_EQ(d_.dropped(DropReason::kUnknownConnection), kLaterFlags.size());
  EXPECT_EQ(d_.dropped(DropReason::kNotASyn), 0u);
  EXPECT_EQ(Originated(), 0u);
  EXPECT_EQ(Connections(), 0u);
  // A SYN begins a connection as ever, and then later packets follow it.
  EXPECT_EQ(Outcome(Tcp(kClient, 1, kVip, 80, kTcpSyn)),
            "in 10.0.0.11:80 <- 198.51.100.7:1 TCP S ttl 63\n");
  EXPECT_EQ(Outcome(Tcp(kClient, 1, kVip, 80, kTcpAck)),
            "in 10.0.0.11:80 <- 198.51.100.7:1 TCP A ttl 63\n");
  EXPECT_EQ(d_.dropped(DropReason::kUnknownConnection), kLaterFlags.size());
}

TEST_P(UnknownConnectionsOnBytes, AreTheServicesOwnAffair) {
  Serve({}, UnknownConnections::kDrop);
  Serve({.port = 81}, UnknownConnections::kReset);
  EXPECT_EQ(Outcome(Tcp(kClient, 1, kVip, 80, kTcpAck)), "");
  EXPECT_EQ(Outcome(Tcp(kClient, 1, kVip, 81, kTcpAck)),
            "out 198.51.100.7:1 <- 192.0.2.10:81 TCP R ttl 64\n");
  // A port that nobody serves is no service's.
  EXPECT_EQ(Outcome(Tcp(kClient, 1, kVip, 99, kTcpAck)),
            "out 198.51.100.7:1 <- 192.0.2.10:99 TCP R ttl 64\n");
  EXPECT_EQ(d_.dropped(DropReason::kClosedPort), 1u);
}

TEST_P(UnknownConnectionsOnBytes, AreScheduledAndGoOnAsConnections) {
  Serve({}, UnknownConnections::kSchedule);
  EXPECT_EQ(Outcome(Tcp(kClient, 1, kVip, 80, kTcpAck)),
            "in 10.0.0.11:80 <- 198.51.100.7:1 TCP A ttl 63\n");
  EXPECT_EQ(Connections(), 1u);
  const auto reply = d_.Send(kInside, Tcp("10.0.0.11", 80, kClient, 1, kTcpAck));
  ASSERT_EQ(reply.size(), 1u);
  EXPECT_EQ(Text(reply[0].frame), "198.51.100.7:1 <- 192.0.2.10:80 TCP A ttl 63");
  EXPECT_EQ(d_.fabric().stats.SumTraffic(RealId{0}).connections, 1u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(UnknownConnectionsOnBytes, AResetIsNeverScheduled) {
  Serve({}, UnknownConnections::kSchedule);
  for (const uint8_t flags : {kTcpRst, uint8_t{kTcpRst | kTcpAck}, uint8_t{kTcpRst | kTcpSyn}}) {
    EXPECT_EQ(Outcome(Tcp(kClient, 1, kVip, 80, flags)), "") << unsigned{flags};
  }
  EXPECT_EQ(d_.dropped(DropReason::kNotASyn), 3u);
  EXPECT_EQ(Connections(), 0u);
}

TEST_P(UnknownConnectionsOnBytes, GoWhereTheClientsTemplateSays) {
  Serve({.persistence_seconds = 300}, UnknownConnections::kSchedule, 5);
  std::set<std::string> reals;
  for (int i = 1; i <= 20; ++i) {
    const std::string client = "198.51.100." + std::to_string(i);
    const auto to = [&](uint16_t port, uint8_t flags) {
      const std::string text = Outcome(Tcp(client, port, kVip, 80, flags));
      return text.substr(0, text.find(" <- "));
    };
    const std::string home = to(1000, kTcpSyn);
    reals.insert(home);
    for (uint16_t port = 2000; port < 2010; ++port) ASSERT_EQ(to(port, kTcpAck), home) << client;
  }
  EXPECT_GE(reals.size(), 2u);
  EXPECT_EQ(Connections(), 220u);
}

TEST_P(UnknownConnectionsOnBytes, SloppyTcpComesFirst) {
  const ServiceId web = Serve({}, UnknownConnections::kDrop);
  d_.service(web).policy.sloppy_tcp = true;
  d_.Publish();
  EXPECT_EQ(Outcome(Tcp(kClient, 1, kVip, 80, kTcpAck)),
            "in 10.0.0.11:80 <- 198.51.100.7:1 TCP A ttl 63\n");
  EXPECT_EQ(Outcome(Tcp(kClient, 2, kVip, 80, kTcpRst)), "");
  EXPECT_EQ(d_.dropped(DropReason::kUnknownConnection), 1u);
}

TEST_P(UnknownConnectionsOnBytes, OfIpv6AreTheSame) {
  const std::string vip = "2001:db8::10", client = "2001:db8:1::7";
  const ServiceId web = Serve({.address = vip}, UnknownConnections::kDrop);
  EXPECT_EQ(Outcome(Tcp(client, 1, vip, 80, kTcpAck)), "");
  EXPECT_EQ(d_.dropped(DropReason::kUnknownConnection), 1u);
  d_.service(web).policy.unknown_connections = UnknownConnections::kSchedule;
  d_.Publish();
  EXPECT_EQ(Outcome(Tcp(client, 1, vip, 80, kTcpAck)),
            "in [fd00::11]:80 <- [2001:db8:1::7]:1 TCP A ttl 63\n");
}

TEST_P(UnknownConnectionsOnBytes, AreOfTcpAlone) {
  Serve({.port = 53, .protocol = kProtocolUdp}, UnknownConnections::kDrop);
  EXPECT_EQ(Outcome(Udp(kClient, 1, kVip, 53)), "in 10.0.0.11:53 <- 198.51.100.7:1 UDP ttl 63\n");
  EXPECT_EQ(d_.dropped(DropReason::kUnknownConnection), 0u);
}

// What cache_bypass lets through is remembered nowhere, so its later packets look unknown.
TEST_P(UnknownConnectionsOnBytes, PassByWhereTheCacheIsBypassed) {
  ClassifierBuilder rules;
  rules.AddRule({.destination_set = rules.AddSet({*Prefix::Parse("203.0.113.0/24")}), .mark = 7});
  d_.draft().classifier = rules.Build();
  const ServiceId cache = Serve({.mark = 7}, UnknownConnections::kDrop, 0);
  EXPECT_EQ(Outcome(Tcp(kClient, 1, "203.0.113.5", 80, kTcpAck)), "");
  EXPECT_EQ(d_.dropped(DropReason::kUnknownConnection), 1u);
  d_.service(cache).policy.cache_bypass = true;
  d_.Publish();
  EXPECT_EQ(Outcome(Tcp(kClient, 1, "203.0.113.5", 80, kTcpAck)),
            "out 203.0.113.5:80 <- 198.51.100.7:1 TCP A ttl 63\n");
  EXPECT_EQ(d_.dropped(DropReason::kUnknownConnection), 1u);
}

}  // namespace
}  // namespace fairlead::dataplane::unknown_connections_test
