#include "control/neighbours.h"

#include <algorithm>

#include "dataplane/wire/arp.h"
#include "dataplane/wire/neighbour_discovery.h"
#include "director_fixture.h"

namespace fairlead::control::neighbours_test {
namespace {

using namespace std::chrono_literals;
using dataplane::NeighbourState;

const MacAddress kMac{{2, 0, 0, 0, 0, 0x99}};
const PortId kOutside{0}, kInside{1};

class NeighboursTest : public testing::Test {
 protected:
  explicit NeighboursTest(const char* inside = "10.0.0.1/24", uint32_t capacity = 256)
      : fabric_(FabricOf(capacity)), model_(ModelWith(inside)) {}
  static dataplane::FabricConfig FabricOf(uint32_t neighbours) {
    dataplane::FabricConfig config = SmallFabric();
    config.neighbours = neighbours;
    return config;
  }
  static ConfigModel ModelWith(const char* inside) {
    ConfigModel model = ModelOf("");
    model.ports[1].addresses = {*Prefix::Parse(inside)};
    return model;
  }
  struct Sent {
    std::vector<dataplane::TransmitFrame> frames;
    uint64_t changes = 0;  // that workers are to notice
  };
  // Plays worker 0: takes what is in the mailbox and gives it back.
  Sent Take(size_t most = ~size_t{0}) {
    Sent sent;
    const auto take = [&](dataplane::Command& command) {
      auto& frame = static_cast<dataplane::TransmitFrame&>(command);
      frame.is_sent = true;
      sent.frames.push_back(frame);
    };
    for (; most > 0 && fabric_.control[0]->RunNext(take); --most) {
    }
    mail_.Poll();
    sent.changes = fabric_.neighbours.changes() - changes_seen_;
    changes_seen_ += sent.changes;
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

  dataplane::Fabric fabric_;
  ConfigModel model_;
  std::vector<PortRuntime> ports_ = TwoPorts();
  WorkerMail mail_{fabric_};
  Neighbours neighbours_{fabric_, mail_, model_.ports, ports_};
  uint64_t changes_seen_ = 0;
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
  EXPECT_EQ(Take().changes, 1u);
  EXPECT_TRUE(fabric_.neighbours.Load(id).is_reachable());
  EXPECT_EQ(fabric_.neighbours.Load(id).mac, kMac);
}

TEST_F(NeighboursTest, AllAreListedWithTheirStateAndAge) {
  neighbours_.Intern(kInside, Ip("10.0.0.11"), 1);
  Wanted(kOutside, "192.0.2.7", At(1s));
  Wanted(kInside, "10.0.0.12", At(1s));
  Seen(kInside, "10.0.0.12", At(2s));
  std::string text;
  for (const NeighbourInfo& n : neighbours_.List(At(5s))) {
    text += std::to_string(n.port.value()) + " " + n.address.ToString() + " " + n.mac.ToString() +
            " state " + std::to_string(static_cast<int>(n.state)) + " " +
            (n.age ? std::to_string(n.age->count()) : "never") + (n.is_pinned ? " pinned" : "") +
            (n.is_seen_by_workers ? "\n" : " AND WORKERS SEE ANOTHER\n");
  }
  EXPECT_EQ(text,
            "0 192.0.2.7 00:00:00:00:00:00 state 1 4000\n"
            "1 10.0.0.11 00:00:00:00:00:00 state 1 never pinned\n"
            "1 10.0.0.12 02:00:00:00:00:99 state 2 3000\n");
  // What workers read is another thing than what the control core remembers.
  fabric_.neighbours.Set(fabric_.neighbours.Find(kInside, Ip("10.0.0.12")),
                         {MacAddress{}, kInside, NeighbourState::kFailed});
  EXPECT_FALSE(neighbours_.List(At(5s)).back().is_seen_by_workers);
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
  EXPECT_EQ(Take().changes, 0u);  // nothing new
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
  EXPECT_EQ(Take().changes, 1u);
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

// ---- what strangers may do

IpAddress Inside(uint32_t host) { return IpAddress(Ipv4Address::FromHost(0x0a000000 + host)); }

class StrangersTest : public NeighboursTest {
 protected:
  static constexpr uint32_t kNextHops = 6;

  StrangersTest() : NeighboursTest("10.0.0.1/16", 1 << 14) {
    for (uint32_t i = 0; i < kNextHops; ++i) neighbours_.Intern(kInside, Inside(11 + i), 1);
  }
  void WantStranger(TimePoint now,
                    dataplane::NeighbourNeed need = dataplane::NeighbourNeed::kRouted) {
    neighbours_.OnEvent({.kind = dataplane::Event::Kind::kNeighbourWanted,
                         .need = need,
                         .port = kInside,
                         .address = Inside(100 + stranger_++ % 60000),
                         .mac = {}},
                        now);
  }
  // Next hops answer when they are asked; strangers never do.
  void Answer(const std::vector<dataplane::TransmitFrame>& frames, TimePoint now) {
    for (const auto& frame : frames) {
      dataplane::ArpMessage arp;
      ASSERT_TRUE(dataplane::ParseArp(frame.bytes.data(), frame.length, &arp));
      const uint32_t host = arp.target.value.host() - 0x0a000000;
      if (host < 11 || host >= 11 + kNextHops) continue;
      neighbours_.OnEvent({.kind = dataplane::Event::Kind::kNeighbourSeen,
                           .port = kInside,
                           .address = Inside(host),
                           .mac = kMac},
                          now);
    }
  }
  size_t ReachableNextHops() {
    size_t count = 0;
    for (uint32_t i = 0; i < kNextHops; ++i) {
      const NeighbourId id = fabric_.neighbours.Find(kInside, Inside(11 + i));
      count += !id.is_none() && fabric_.neighbours.Load(id).is_reachable() ? 1 : 0;
    }
    return count;
  }
  uint32_t stranger_ = 0;
};

// Two thousand addresses a second that nobody has, for a minute, and a worker that is slow.
TEST_F(StrangersTest, NextHopsStayWhateverAddressesAreWanted) {
  size_t least = kNextHops;
  for (TimePoint now = At(0s); now < At(60s); now += 50ms) {
    for (int i = 0; i < 100; ++i) WantStranger(now);
    neighbours_.Tick(now, 1);
    Answer(Take(40).frames, now);
    if (now >= At(1s)) least = std::min(least, ReachableNextHops());
    ASSERT_LE(neighbours_.size(), Neighbours::kMaxLearned + kNextHops);
  }
  EXPECT_EQ(least, kNextHops);
  const auto& counters = fabric_.stats.neighbours();
  EXPECT_EQ(counters.pinned.value(), kNextHops);
  EXPECT_LE(counters.learned.value(), Neighbours::kMaxLearned);
  EXPECT_GT(counters.limited.value(), 100'000u);
}

TEST_F(StrangersTest, NextHopsAreAskedWhileAWorkerIsFullOfOthers) {
  neighbours_.Tick(At(0s), 1);
  Answer(Take().frames, At(0s));
  ASSERT_EQ(ReachableNextHops(), kNextHops);
  // The worker takes nothing for a while.
  for (TimePoint now = At(0s); now < At(29s); now += 50ms) {
    for (int i = 0; i < 50; ++i) WantStranger(now);
    neighbours_.Tick(now, 1);
  }
  EXPECT_EQ(mail_.frames_out(), WorkerMail::kShare[0]);
  EXPECT_GT(fabric_.stats.neighbours().deferred_frames.value(), 0u);
  neighbours_.Tick(At(30s), 1);
  EXPECT_EQ(mail_.frames_out(), WorkerMail::kShare[0] + kNextHops);
}

TEST_F(StrangersTest, EachNeedHasALimitOfItsOwn) {
  using dataplane::NeighbourNeed;
  for (int i = 0; i < 1000; ++i) WantStranger(At(0s));
  EXPECT_EQ(neighbours_.size(), kNextHops + 200);
  WantStranger(At(0s), NeighbourNeed::kHost);
  WantStranger(At(0s), NeighbourNeed::kReply);
  WantStranger(At(0s), NeighbourNeed::kAnswer);
  EXPECT_EQ(neighbours_.size(), kNextHops + 203);
  for (uint32_t i = 0; i < 1000; ++i) {
    neighbours_.OnEvent({.kind = dataplane::Event::Kind::kNeighbourSeen,
                         .port = kInside,
                         .address = Inside(70 * 256 + i),
                         .mac = kMac},
                        At(0s));
  }
  EXPECT_EQ(neighbours_.size(), kNextHops + 403);
  EXPECT_EQ(fabric_.stats.neighbours().limited.value(), 1600u);
  for (int i = 0; i < 1000; ++i) WantStranger(At(1s));
  EXPECT_EQ(neighbours_.size(), kNextHops + 503);
}

// Somebody forges answers of a next hop. Each is believed, as ARP goes, but not each is told.
TEST_F(StrangersTest, ANextHopThatMovesAllTheTimeDoesNotFillTheLog) {
  neighbours_.Tick(At(0s), 1);
  Answer(Take().frames, At(0s));
  testing::internal::CaptureStderr();
  for (int i = 0; i < 10000; ++i) {
    const MacAddress mac{{2, 0, 0, 0, 1, static_cast<uint8_t>(i % 2)}};
    Seen(kInside, "10.0.0.11", At(std::chrono::milliseconds(i)), mac);
  }
  Seen(kInside, "10.0.0.11", At(20s), kMac);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_GE(std::ranges::count(log, '\n'), 5) << log;
  EXPECT_LE(std::ranges::count(log, '\n'), 16) << log;
  EXPECT_EQ(fabric_.stats.neighbours().moves.value(), 10001u);
}

// One that packets name first and the configuration then, and the other way round.
TEST_F(StrangersTest, WhatTheConfigurationNamesIsPinnedAndNoLongerWhenItDoesNot) {
  Wanted(kInside, "10.0.0.50", At(0s));
  const NeighbourId id = fabric_.neighbours.Find(kInside, Ip("10.0.0.50"));
  EXPECT_FALSE(fabric_.neighbours.IsPinned(id));
  EXPECT_EQ(neighbours_.Intern(kInside, Ip("10.0.0.50"), 1), id);
  EXPECT_TRUE(fabric_.neighbours.IsPinned(id));
  neighbours_.Tick(At(0s), 1);
  EXPECT_EQ(fabric_.stats.neighbours().pinned.value(), kNextHops + 1);
  for (TimePoint now = At(0s); now < At(10s); now += 50ms) {
    neighbours_.Tick(now, 2);
    Take();
  }
  EXPECT_FALSE(fabric_.neighbours.IsPinned(id));
  EXPECT_EQ(fabric_.stats.neighbours().pinned.value(), 0u);
}

}  // namespace
}  // namespace fairlead::control::neighbours_test
