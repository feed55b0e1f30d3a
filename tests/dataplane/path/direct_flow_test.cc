// A client that speaks with a real server itself from the port of an old NAT connection (ipvs.md,
// reuse).
#include <gtest/gtest.h>

#include "byte_director.h"

namespace fairlead::dataplane::direct_flow_test {
namespace {

struct Family {
  std::string client, vip, real;
};
const Family kIpv4{"198.51.100.7", "192.0.2.10", "10.0.0.11"};
const Family kIpv6{"2001:db8:1::7", "2001:db8::80", "fd00::11"};
constexpr uint16_t kPort = 1234;

class DirectFlow : public testing::TestWithParam<size_t> {
 protected:
  DirectFlow() : d_({.workers = GetParam()}) {}

  // A connection of kPort through the service, brought to `state`.
  void Connect(const Family& family, TcpState state, uint8_t reuse_mode = 1,
               const ServiceSpec& how = {}) {
    family_ = family;
    ServiceSpec spec = how;
    spec.address = family.vip;
    web_ = d_.AddService(spec);
    real_ = d_.AddReal(web_, family.real, 8080);
    d_.service(web_).policy.conn_reuse_mode = reuse_mode;
    d_.Publish();
    ToVip(kTcpSyn);
    FromReal(kTcpSyn | kTcpAck);
    ToVip(kTcpAck);
    if (state == TcpState::kTimeWait) ToVip(kTcpFin | kTcpAck);
    if (state == TcpState::kTimeWait) FromReal(kTcpFin | kTcpAck);
    if (state == TcpState::kClose) ToVip(kTcpRst);
    EXPECT_EQ(Connections(), 1u);
  }
  std::string Send(PortId port, const Frame& frame) {
    std::string text;
    for (const Sent& sent : d_.Send(port, frame)) {
      text += (sent.port == kOutside ? "out " : "in ") + Text(sent.frame);
    }
    EXPECT_EQ(d_.CheckConservation(), "");
    return text;
  }
  std::string ToVip(uint8_t flags) {
    return Send(kOutside, Tcp(family_.client, kPort, family_.vip, 80, flags));
  }
  std::string ToReal(uint8_t flags, uint16_t port = kPort) {
    return Send(kOutside, Tcp(family_.client, port, family_.real, 8080, flags));
  }
  std::string FromReal(uint8_t flags) {
    return Send(kInside, Tcp(family_.real, 8080, family_.client, kPort, flags));
  }
  size_t Connections() {
    size_t n = 0;
    for (Shard* shard : d_.shards()) {
      n += shard->Connections<Ipv4Address>().size() + shard->Connections<Ipv6Address>().size();
    }
    return n;
  }
  // A segment of the real as it is, and as the old connection's.
  std::string AsItIs(const char* flags) {
    return "out " + At(family_.client, kPort) + " <- " + At(family_.real, 8080) + " TCP " + flags +
           " ttl 63";
  }
  std::string AsOfTheService(const char* flags) {
    return "out " + At(family_.client, kPort) + " <- " + At(family_.vip, 80) + " TCP " + flags +
           " ttl 63";
  }
  static std::string At(const std::string& address, uint16_t port) {
    const bool is_v6 = address.find(':') != std::string::npos;
    return (is_v6 ? "[" + address + "]:" : address + ":") + std::to_string(port);
  }

  ByteDirector d_;
  Family family_;
  ServiceId web_;
  RealId real_;
};
INSTANTIATE_TEST_SUITE_P(Workers, DirectFlow, testing::Values(1u, 2u, 3u));

TEST_P(DirectFlow, ASynToTheRealEndsAnOldConnection) {
  Connect(kIpv4, TcpState::kTimeWait);
  EXPECT_EQ(ToReal(kTcpSyn), "in 10.0.0.11:8080 <- 198.51.100.7:1234 TCP S ttl 63");
  EXPECT_EQ(Connections(), 0u);
  EXPECT_EQ(FromReal(kTcpSyn | kTcpAck), AsItIs("SA"));
  EXPECT_EQ(ToReal(kTcpAck), "in 10.0.0.11:8080 <- 198.51.100.7:1234 TCP A ttl 63");
  EXPECT_EQ(FromReal(kTcpAck), AsItIs("A"));
  EXPECT_EQ(d_.CheckNothingLeft(), "");
}

TEST_P(DirectFlow, Ipv6AndCloseAreTheSame) {
  Connect(kIpv6, TcpState::kClose);
  ToReal(kTcpSyn);
  EXPECT_EQ(FromReal(kTcpSyn | kTcpAck), AsItIs("SA"));
  EXPECT_EQ(Connections(), 0u);
}

// Nothing is scheduled, so the client's template need not be asked. It goes on.
TEST_P(DirectFlow, AConnectionOfAPersistentServiceGivesWayToo) {
  Connect(kIpv4, TcpState::kTimeWait, 1, {.persistence_seconds = 600});
  ToReal(kTcpSyn);
  EXPECT_EQ(FromReal(kTcpSyn | kTcpAck), AsItIs("SA"));
  EXPECT_EQ(ToVip(kTcpSyn), "in 10.0.0.11:8080 <- 198.51.100.7:1234 TCP S ttl 63");
  EXPECT_EQ(Connections(), 1u);
}

// A connection in use stays: the real would not take the SYN for a new one either.
TEST_P(DirectFlow, AConnectionInUseStays) {
  Connect(kIpv4, TcpState::kEstablished);
  ToReal(kTcpSyn);
  EXPECT_EQ(Connections(), 1u);
  EXPECT_EQ(FromReal(kTcpAck), AsOfTheService("A"));
}

// Not a first segment; another port of the client.
TEST_P(DirectFlow, OtherSegmentsEndNothing) {
  Connect(kIpv4, TcpState::kTimeWait);
  ToReal(kTcpAck);
  ToReal(kTcpSyn | kTcpAck);
  ToReal(kTcpSyn | kTcpRst);
  ToReal(kTcpSyn, kPort + 1);
  EXPECT_EQ(Connections(), 1u);
  EXPECT_EQ(FromReal(kTcpAck), AsOfTheService("A"));
}

TEST_P(DirectFlow, WithoutReuseTheOldConnectionStays) {
  Connect(kIpv4, TcpState::kTimeWait, 0);
  ToReal(kTcpSyn);
  EXPECT_EQ(Connections(), 1u);
  EXPECT_EQ(FromReal(kTcpSyn | kTcpAck), AsOfTheService("SA"));
}

// As recorded (the state table, out SYN): who has not seen a SYN of the client cannot tell.
TEST_P(DirectFlow, ASynOfTheRealAloneIsTheOldConnections) {
  Connect(kIpv4, TcpState::kTimeWait);
  EXPECT_EQ(FromReal(kTcpSyn | kTcpAck), AsOfTheService("SA"));
}

}  // namespace
}  // namespace fairlead::dataplane::direct_flow_test
