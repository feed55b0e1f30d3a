// A flood of connection attempts uses up the ports of FULLNAT's local addresses long before the
// table is full (docs/defence.md).
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "byte_director.h"

namespace fairlead::dataplane::port_shortage_test {
namespace {

constexpr const char* kClient = "198.51.100.7";
constexpr const char* kVip = "192.0.2.10";
constexpr uint16_t kPorts = 40;

TEST(Defence, AWorkerWithoutALocalPortIsLow) {
  Defence defence;
  const auto is_low = [&] {
    defence.Evaluate({1000, 1000}, {1000, 1000}, {}, Tick{});
    return defence.is_low();
  };
  EXPECT_FALSE(is_low());
  defence.NoteNoPort(Transport::kTcp);
  EXPECT_TRUE(defence.LacksPorts(Transport::kTcp));
  EXPECT_FALSE(defence.LacksPorts(Transport::kUdp));
  EXPECT_TRUE(is_low());
  EXPECT_TRUE(defence.LacksPorts(Transport::kTcp));
  EXPECT_FALSE(defence.DropsNext(kDefenceAuto)) << "there are records enough";
  EXPECT_FALSE(is_low());
  EXPECT_FALSE(defence.LacksPorts(Transport::kTcp));
  defence.NoteNoPort(Transport::kUdp);
  EXPECT_TRUE(is_low());
  EXPECT_FALSE(defence.LacksPorts(Transport::kTcp));
}

class PortShortage : public testing::TestWithParam<size_t> {
 protected:
  PortShortage() : d_({.workers = GetParam()}) {}

  // A service whose real server has 40 ports, three of them of established connections and the
  // others of half-open ones.
  void Fill(uint8_t drop_entry) {
    d_.draft().defence.drop_entry = drop_entry;
    const ServiceId web = d_.AddService({.address = kVip});
    d_.AddReal(web, "10.0.0.11", 80,
               {.method = ForwardMethod::kFullnat,
                .local_addresses = {"10.0.0.201"},
                .first_local_port = 4000,
                .last_local_port = 4000 + kPorts - 1});
    d_.Publish();
    for (uint16_t port = 1000; port < 1003; ++port) {
      ASSERT_TRUE(Syn(port));
      Answer(locals_.back());
      d_.Send(kOutside, Tcp(kClient, port, kVip, 80, kTcpAck));
    }
    for (uint16_t port = 2000; locals_.size() < kPorts; ++port)
      ASSERT_TRUE(Syn(port) || port < 3000);
    refused_ = d_.dropped(DropReason::kNoLocalPort);
    ASSERT_EQ(Connections(), kPorts);
  }
  bool Syn(uint16_t port) {
    const auto sent = d_.Send(kOutside, Tcp(kClient, port, kVip, 80, kTcpSyn));
    if (sent.size() != 1 || sent[0].port != kInside) return false;
    locals_.push_back(Be16::Load(&sent[0].frame[34]).host());
    return true;
  }
  // Of some clients, since a worker may have no port for one.
  bool SynOfSome(uint16_t first) {
    bool is_one_through = false;
    for (uint16_t port = first; port < first + 20; ++port) is_one_through |= Syn(port);
    return is_one_through;
  }
  void Answer(uint16_t local) {
    d_.Send(kInside, Tcp("10.0.0.11", 80, "10.0.0.201", local, kTcpSyn | kTcpAck));
  }
  // Whether a packet of that connection still reaches its real.
  bool IsAlive(uint16_t port) {
    const auto sent = d_.Send(kOutside, Tcp(kClient, port, kVip, 80, kTcpAck));
    return sent.size() == 1 && sent[0].port == kInside;
  }
  uint32_t Connections() {
    uint32_t sum = 0;
    for (Shard* shard : d_.shards()) sum += shard->Connections<Ipv4Address>().size();
    return sum;
  }
  uint64_t SumOf(Counter WorkerCounters::*counter) {
    uint64_t sum = 0;
    for (size_t w = 0; w < d_.worker_count(); ++w)
      sum += (d_.worker(w).counters().*counter).value();
    return sum;
  }

  ByteDirector d_;
  std::vector<uint16_t> locals_;
  uint64_t refused_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Workers, PortShortage, testing::Values(1, 2));

TEST_P(PortShortage, AFloodPaysWithItsOwnPorts) {
  Fill(kDefenceAuto);
  EXPECT_FALSE(SynOfSome(5000));
  d_.Advance(0.9);
  EXPECT_EQ(Connections(), kPorts) << "a handshake has its time";
  // What the server repeats gives them no more of it.
  for (size_t i = 3; i < kPorts; ++i) Answer(locals_[i]);
  d_.Advance(0.2);
  EXPECT_EQ(Connections(), 3u);
  EXPECT_EQ(SumOf(&WorkerCounters::defence_connections), kPorts - 3u);
  EXPECT_EQ(SumOf(&WorkerCounters::defence_low), GetParam());
  EXPECT_TRUE(SynOfSome(6000));
  for (uint16_t port = 1000; port < 1003; ++port) EXPECT_TRUE(IsAlive(port)) << port;
  d_.Advance(3);
  EXPECT_EQ(SumOf(&WorkerCounters::defence_low), 0u) << "nobody has been refused since";
  EXPECT_EQ(d_.CheckConservation(), "");
  d_.Advance(1000);
  EXPECT_EQ(d_.CheckNothingLeft(), "");
}

TEST_P(PortShortage, WhereDropEntryIsOffNothingIsTaken) {
  Fill(kDefenceOff);
  EXPECT_FALSE(SynOfSome(5000));
  d_.Advance(5);
  EXPECT_EQ(Connections(), kPorts);
  EXPECT_EQ(SumOf(&WorkerCounters::defence_connections), 0u);
  EXPECT_FALSE(SynOfSome(5000));
}

// Who has no port is in nobody's way: drop_entry goes on at its usual pace there.
TEST_P(PortShortage, ConnectionsWithoutAPortHaveTheirTime) {
  const ServiceId nat = d_.AddService({.address = "192.0.2.20"});
  d_.AddReal(nat, "10.0.0.12", 80);
  Fill(kDefenceAuto);
  for (uint16_t port = 1000; port < 1064; ++port) {
    d_.Send(kOutside, Tcp(kClient, port, "192.0.2.20", 80, kTcpSyn));
  }
  EXPECT_EQ(Connections(), kPorts + 64u);
  EXPECT_FALSE(SynOfSome(5000));
  d_.Advance(1.1);
  EXPECT_GE(Connections(), 3u + 64 - 2 * 4);
  EXPECT_LE(Connections(), 3u + 64);
}

}  // namespace
}  // namespace fairlead::dataplane::port_shortage_test
