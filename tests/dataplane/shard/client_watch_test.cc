// Clients counted by workers, on bytes: what is counted, where, and when it is not any more.
#include "dataplane/shard/client_watch.h"

#include <gtest/gtest.h>

#include "byte_director.h"

namespace fairlead::dataplane::client_watch_test {
namespace {

constexpr const char* kVip = "192.0.2.10";
constexpr const char* kLoud = "198.51.100.7";
constexpr const char* kQuiet = "198.51.100.8";

class ClientWatchTest : public ::testing::TestWithParam<size_t> {
 protected:
  ClientWatchTest() : d_({.workers = GetParam()}) {
    web_ = d_.AddService({.address = kVip, .port = 80});
    real_ = d_.AddReal(web_, "10.0.0.11", 80);
    d_.Publish();
  }

  void Begin(size_t place, ClientMeasure measure, double seconds = 60) {
    for (size_t w = 0; w < d_.worker_count(); ++w) {
      WatchClients command;
      command.place = place;
      command.measure = measure;
      command.time = TicksFromSeconds(static_cast<uint32_t>(seconds));
      command.sketch = std::make_unique<ClientSketch>(ClientSketch::kBuckets, d_.fabric().hash);
      d_.RunCommand(w, &command);
      EXPECT_EQ(command.sketch, nullptr) << "nobody was in that place";
    }
  }
  // What was counted of each client since Begin.
  std::string End(size_t place) {
    std::vector<std::unique_ptr<ClientSketch>> sketches;
    std::vector<const ClientSketch*> pointers;
    for (size_t w = 0; w < d_.worker_count(); ++w) {
      WatchClients command;
      command.place = place;
      d_.RunCommand(w, &command);
      if (command.sketch == nullptr) return "nothing";
      pointers.push_back(command.sketch.get());
      sketches.push_back(std::move(command.sketch));
    }
    std::string text;
    for (const RankedClient& ranked : RankClients(pointers, 10).clients) {
      EXPECT_EQ(ranked.amount.at_least, ranked.amount.at_most);
      text += ranked.client.ToString() + " " + std::to_string(ranked.amount.at_most) + "; ";
    }
    return text;
  }
  bool IsObserved() {
    for (Shard* shard : d_.shards()) {
      if (shard->is_observed) return true;
    }
    return false;
  }
  // A connection, and `acks` packets on it.
  void Talk(const std::string& client, uint16_t port, int acks) {
    d_.Send(kOutside, Tcp(client, port, kVip, 80, kTcpSyn));
    d_.Send(kInside, Tcp("10.0.0.11", 80, client, port, kTcpSyn | kTcpAck));
    for (int i = 0; i < acks; ++i) d_.Send(kOutside, Tcp(client, port, kVip, 80, kTcpAck));
  }

  ByteDirector d_;
  ServiceId web_;
  RealId real_;
};
INSTANTIATE_TEST_SUITE_P(Workers, ClientWatchTest, ::testing::Values(1, 3));

TEST_P(ClientWatchTest, CountsPacketsOfBothDirectionsFromTheFirstOn) {
  Talk(kQuiet, 999, 5);
  Begin(0, ClientMeasure::kPackets);
  Begin(1, ClientMeasure::kBytes);
  Begin(2, ClientMeasure::kNew);
  for (uint16_t port = 1000; port < 1010; ++port) Talk(kLoud, port, 8);
  for (int i = 0; i < 7; ++i) d_.Send(kOutside, Tcp(kQuiet, 999, kVip, 80, kTcpAck));
  EXPECT_EQ(End(0), "198.51.100.7 100; 198.51.100.8 7; ");
  EXPECT_EQ(End(1), "198.51.100.7 4000; 198.51.100.8 280; ") << "40 bytes each";
  EXPECT_EQ(End(2), "198.51.100.7 10; ");
}

TEST_P(ClientWatchTest, WhatNoConnectionComesOfIsNotCounted) {
  Begin(0, ClientMeasure::kPackets);
  Begin(1, ClientMeasure::kNew);
  d_.Send(kOutside, Tcp(kLoud, 1000, kVip, 80, kTcpAck));
  d_.Send(kOutside, Tcp(kLoud, 1001, kVip, 81, kTcpSyn));
  d_.Send(kOutside, Tcp(kLoud, 1002, "10.0.0.11", 80, kTcpSyn));
  EXPECT_EQ(End(0), "");
  EXPECT_EQ(End(1), "");
}

TEST_P(ClientWatchTest, NothingIsLookedAtBeforeAndAfter) {
  EXPECT_FALSE(IsObserved());
  Begin(3, ClientMeasure::kNew);
  EXPECT_FALSE(IsObserved()) << "new connections are counted where they are made";
  Begin(0, ClientMeasure::kPackets);
  EXPECT_TRUE(IsObserved());
  EXPECT_NE(End(0), "nothing");
  EXPECT_FALSE(IsObserved());
  EXPECT_NE(End(3), "nothing");
  EXPECT_EQ(End(0), "nothing") << "its memory is gone";
}

TEST_P(ClientWatchTest, ALookWhoseEndNeverComesEndsByItself) {
  Talk(kLoud, 1000, 1);
  Begin(0, ClientMeasure::kPackets, 5);
  Begin(1, ClientMeasure::kNew, 5);
  Talk(kQuiet, 1000, 1);
  d_.Advance(6);
  for (int i = 0; i < 200; ++i) d_.Send(kOutside, Tcp(kLoud, 1000, kVip, 80, kTcpAck));
  for (uint16_t port = 1; port < 60; ++port) Talk(kLoud, port, 0);
  for (Shard* shard : d_.shards()) {
    if (shard->Connections<Ipv4Address>().size() == 0) continue;
    EXPECT_FALSE(shard->is_observed);
    EXPECT_FALSE(shard->watch.counts_new());
  }
  EXPECT_EQ(End(1), "198.51.100.8 1; ");
}

TEST_P(ClientWatchTest, IsLeftOnByAnotherSnapshot) {
  Begin(0, ClientMeasure::kPackets);
  d_.SetWeight(real_, 2);
  d_.Publish();
  Talk(kLoud, 1000, 2);
  EXPECT_EQ(End(0), "198.51.100.7 4; ");
}

TEST_P(ClientWatchTest, APlaceThatIsNotThereIsLeftAlone) {
  WatchClients command;
  command.place = kClientLooks;
  command.sketch = std::make_unique<ClientSketch>(ClientSketch::kBuckets, d_.fabric().hash);
  d_.RunCommand(0, &command);
  EXPECT_NE(command.sketch, nullptr);
  EXPECT_FALSE(IsObserved());
}

}  // namespace
}  // namespace fairlead::dataplane::client_watch_test
