#include "control/neighbours.h"

#include "dataplane/arp.h"
#include "dataplane/neighbour_discovery.h"
#include "director_fixture.h"

namespace fairlead::control {
namespace {

using namespace std::chrono_literals;
using dataplane::NeighbourState;

const MacAddress kMac{{2, 0, 0, 0, 0, 0x99}};
const PortId kOutside{0}, kInside{1};

class NeighboursTest : public testing::Test {
 protected:
  struct Sent {
    std::vector<dataplane::TransmitFrame> frames;
    std::vector<NeighbourId> changes;
  };
  // Plays worker 0: takes what is in the mailbox and gives it back.
  Sent Take() {
    Sent sent;
    const auto take = [&](dataplane::Command& command) {
      if (command.kind == dataplane::CommandKind::kTransmitFrame) {
        sent.frames.push_back(static_cast<dataplane::TransmitFrame&>(command));
      } else {
        sent.changes.push_back(static_cast<dataplane::NeighbourChanged&>(command).neighbour);
      }
    };
    mail_.Poll();
    while (fabric_.control[0]->RunNext(take)) mail_.Poll();
    return sent;
  }
  void Wanted(PortId port, const char* address, TimePoint now) {
    neighbours_.OnEvent({.kind = dataplane::Event::Kind::kNeighbourWanted,
                         .port = port,
                         .address = Ip(address),
                         .mac = {}},
                        now);
  }
  void Seen(PortId port, const char* address, TimePoint now, const MacAddress& mac = kMac) {
    neighbours_.OnEvent({.kind = dataplane::Event::Kind::kNeighbourSeen,
                         .port = port,
                         .address = Ip(address),
                         .mac = mac},
                        now);
  }
  NeighbourState State(PortId port, const char* address) {
    const NeighbourId id = fabric_.neighbours.Find(port, Ip(address));
    return id.is_none() ? NeighbourState::kUnknown : fabric_.neighbours.Load(id).state;
  }
  // Ticks every 100 ms and counts frames.
  size_t FramesUntil(TimePoint* now, TimePoint end) {
    size_t count = 0;
    for (; *now < end; *now += 100ms) {
      neighbours_.Tick(*now, 1);
      count += Take().frames.size();
    }
    return count;
  }

  dataplane::Fabric fabric_{SmallFabric()};
  ConfigModel model_ = ModelOf("");
  std::vector<PortRuntime> ports_ = TwoPorts();
  WorkerMail mail_{fabric_};
  Neighbours neighbours_{fabric_.neighbours, mail_, model_.ports, ports_};
};

TEST_F(NeighboursTest, AsksForAWantedNeighbourAtOnce) {
  Wanted(kInside, "10.0.0.11", At(0s));
  const Sent sent = Take();
  ASSERT_EQ(sent.frames.size(), 1u);
  EXPECT_EQ(sent.frames[0].port, kInside);
  ASSERT_EQ(sent.frames[0].length, dataplane::kArpFrameLength);
  dataplane::ArpMessage arp;
  ASSERT_TRUE(dataplane::ParseArp(sent.frames[0].bytes.data(), sent.frames[0].length, &arp));
  EXPECT_TRUE(arp.is_request);
  EXPECT_EQ(IpAddress(arp.target), Ip("10.0.0.11"));
  EXPECT_EQ(IpAddress(arp.sender), Ip("10.0.0.1"));
  EXPECT_EQ(arp.sender_mac, ports_[1].mac);
  EXPECT_EQ(State(kInside, "10.0.0.11"), NeighbourState::kIncomplete);
}

TEST_F(NeighboursTest, AnAnswerMakesItReachableAndWakesWhatWaits) {
  Wanted(kInside, "10.0.0.11", At(0s));
  Take();
  Seen(kInside, "10.0.0.11", At(10ms));
  const NeighbourId id = fabric_.neighbours.Find(kInside, Ip("10.0.0.11"));
  EXPECT_EQ(Take().changes, std::vector{id});
  EXPECT_TRUE(fabric_.neighbours.Load(id).is_reachable());
  EXPECT_EQ(fabric_.neighbours.Load(id).mac, kMac);
}

TEST_F(NeighboursTest, ThreeSilentProbesFailAndPausesGrow) {
  TimePoint now = At(0s);
  neighbours_.Intern(kInside, Ip("10.0.0.11"), 1);
  EXPECT_EQ(FramesUntil(&now, At(2900ms)), 3u);
  EXPECT_EQ(State(kInside, "10.0.0.11"), NeighbourState::kIncomplete);
  EXPECT_EQ(FramesUntil(&now, At(3100ms)), 0u);
  EXPECT_EQ(State(kInside, "10.0.0.11"), NeighbourState::kFailed);
  // Twelve rounds of three, after pauses of 1, 2, 4, 8, 16 and then 30 seconds.
  EXPECT_EQ(FramesUntil(&now, At(300s)), 36u);
  Seen(kInside, "10.0.0.11", now);
  EXPECT_EQ(State(kInside, "10.0.0.11"), NeighbourState::kReachable);
}

TEST_F(NeighboursTest, AReachableOneIsAskedAgainAndUsedMeanwhile) {
  neighbours_.Intern(kInside, Ip("10.0.0.11"), 1);
  TimePoint now = At(0s);
  FramesUntil(&now, At(100ms));
  Seen(kInside, "10.0.0.11", now);
  Take();
  EXPECT_EQ(FramesUntil(&now, At(29s)), 0u);
  now = At(30200ms);
  neighbours_.Tick(now, 1);
  const Sent sent = Take();
  ASSERT_EQ(sent.frames.size(), 1u);
  EXPECT_EQ(MacAddress::Load(sent.frames[0].bytes.data()), kMac);  // unicast
  EXPECT_EQ(State(kInside, "10.0.0.11"), NeighbourState::kReachable);
  Seen(kInside, "10.0.0.11", now + 1ms);
  EXPECT_TRUE(Take().changes.empty());  // nothing new
  now += 100ms;
  EXPECT_EQ(FramesUntil(&now, At(60s)), 0u);
}

TEST_F(NeighboursTest, ASilentRefreshEndsInFailure) {
  neighbours_.Intern(kInside, Ip("10.0.0.11"), 1);
  TimePoint now = At(0s);
  FramesUntil(&now, At(100ms));
  Seen(kInside, "10.0.0.11", now);
  FramesUntil(&now, At(34s));
  EXPECT_EQ(State(kInside, "10.0.0.11"), NeighbourState::kFailed);
}

TEST_F(NeighboursTest, AMovedNeighbourIsTakenAtOnce) {
  neighbours_.Intern(kInside, Ip("10.0.0.11"), 1);
  Seen(kInside, "10.0.0.11", At(0s));
  Take();
  const MacAddress moved{{2, 0, 0, 0, 0, 0x77}};
  Seen(kInside, "10.0.0.11", At(1s), moved);
  EXPECT_EQ(Take().changes.size(), 1u);
  EXPECT_EQ(fabric_.neighbours.Load(fabric_.neighbours.Find(kInside, Ip("10.0.0.11"))).mac, moved);
}

TEST_F(NeighboursTest, NeighboursOfNoNetworkOfThePortAreNotLearned) {
  Seen(kInside, "198.51.100.1", At(0s));
  Wanted(kInside, "224.0.0.1", At(0s));
  EXPECT_EQ(neighbours_.size(), 0u);
  EXPECT_TRUE(Take().frames.empty());
}

TEST_F(NeighboursTest, UnwantedFailedOnesAreForgottenPinnedOnesNever) {
  Wanted(kInside, "10.0.0.50", At(0s));
  neighbours_.Intern(kInside, Ip("10.0.0.11"), 1);
  TimePoint now = At(0s);
  FramesUntil(&now, At(200s));
  EXPECT_EQ(neighbours_.size(), 1u);
  EXPECT_EQ(State(kInside, "10.0.0.50"), NeighbourState::kUnknown);
  // The next snapshot does not name it, and nobody holds the one before.
  for (; now < At(400s); now += 100ms) {
    neighbours_.Tick(now, 2);
    Take();
  }
  EXPECT_EQ(neighbours_.size(), 0u);
}

TEST_F(NeighboursTest, Ipv6IsSolicited) {
  Wanted(kOutside, "2001:db8::99", At(0s));
  const Sent sent = Take();
  ASSERT_EQ(sent.frames.size(), 1u);
  EXPECT_EQ(sent.frames[0].length, dataplane::kNeighbourFrameLength);
  EXPECT_EQ(Ipv6Address::Load(sent.frames[0].bytes.data() + 14 + 8), Ip("2001:db8::1").v6());
}

TEST_F(NeighboursTest, NewAddressesAreAnnouncedThreeTimes) {
  neighbours_.Announce({{kOutside, Ip("192.0.2.80")}, {kOutside, Ip("2001:db8::80")}}, At(0s));
  EXPECT_EQ(Take().frames.size(), 2u);
  TimePoint now = At(0s);
  EXPECT_EQ(FramesUntil(&now, At(5s)), 4u);
  neighbours_.Announce({{kOutside, Ip("192.0.2.80")}, {kOutside, Ip("192.0.2.81")}}, now);
  const Sent sent = Take();
  ASSERT_EQ(sent.frames.size(), 1u);  // only the new one
  dataplane::ArpMessage arp;
  ASSERT_TRUE(dataplane::ParseArp(sent.frames[0].bytes.data(), sent.frames[0].length, &arp));
  EXPECT_TRUE(arp.is_gratuitous());
  EXPECT_EQ(IpAddress(arp.sender), Ip("192.0.2.81"));
}

}  // namespace
}  // namespace fairlead::control
