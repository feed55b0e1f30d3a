// When workers tell of connections, in numbers; the recordings say the same of a kernel.
#include <gtest/gtest.h>

#include "byte_director.h"
#include "dataplane/decide/sync_due.h"

namespace fairlead::sync::tell_test {
namespace {

using namespace fairlead::dataplane;

constexpr const char* kClient = "198.51.100.7";
constexpr const char* kVip = "192.0.2.10";

// Numbers of the client's packets after which a connection was told of, out of `count`.
std::vector<int> Told(const SyncView& sync, bool has_fast_path, int count, bool is_udp = false,
                      size_t workers = 1) {
  ByteDirector d({.workers = workers, .has_fast_path = has_fast_path});
  const ServiceId web = d.AddService({.protocol = is_udp ? kProtocolUdp : kProtocolTcp});
  d.AddReal(web, "10.0.0.11", 80);
  d.draft().sync = sync;
  d.Publish();
  std::vector<int> told;
  for (int i = 1; i <= count; ++i) {
    if (is_udp) {
      d.Send(kOutside, Udp(kClient, 1234, kVip, 80));
    } else {
      d.Send(kOutside, Tcp(kClient, 1234, kVip, 80, i == 1 ? kTcpSyn : kTcpAck));
      if (i == 1) d.Send(kInside, Tcp("10.0.0.11", 80, kClient, 1234, kTcpSyn | kTcpAck));
    }
    // Replies are never a reason.
    if (!is_udp) d.Send(kInside, Tcp("10.0.0.11", 80, kClient, 1234, kTcpAck));
    SyncNews news;
    for (const auto& ring : d.fabric().sync_news) {
      while (ring->Pop(&news)) told.push_back(i);
    }
    d.Advance(0.1);
  }
  return told;
}

TEST(Tell, TheFastPathTellsAsTheLongWayDoes) {
  for (const SyncView& sync :
       {SyncView{.is_on = true}, SyncView{.is_on = true, .threshold = 1, .period = 5},
        SyncView{.is_on = true, .threshold = 3, .period = 0},
        SyncView{.is_on = true, .threshold = 0, .period = 1},
        SyncView{.is_on = true, .threshold = 3, .period = 0, .refresh = 400},
        SyncView{.is_on = true, .retries = 2, .threshold = 1, .period = 2, .refresh = 300}}) {
    for (const bool is_udp : {false, true}) {
      const auto fast = Told(sync, true, 120, is_udp);
      EXPECT_FALSE(fast.empty());
      EXPECT_EQ(fast, Told(sync, false, 120, is_udp));
      EXPECT_EQ(fast, Told(sync, true, 120, is_udp, 3));
    }
  }
}

// From the threshold on it is the division; before it, it may ask in vain.
TEST(Tell, TheMultiplicationFindsWhatTheDivisionFinds) {
  size_t counted = 0;
  for (const uint32_t period : {0u, 1u, 2u, 3u, 50u, 4096u, 1'000'000'007u, 0x7fff'ffffu}) {
    for (const uint32_t threshold : {0u, 1u, 3u, 49u, 4095u}) {
      if (period != 0 && threshold >= period) continue;
      for (const TickCount refresh : {0u, 100u}) {
        const SyncView sync{.threshold = threshold, .period = period, .refresh = refresh};
        const CountedPackets packets(sync);
        for (uint64_t n = threshold; n < uint64_t{1} << 32; n += n < 20'000 ? 1 : 99'999'989) {
          const auto packet = static_cast<uint32_t>(n);
          ASSERT_EQ(packets.MayBe(packet), sync.IsCounted(packet))
              << packet << " of " << threshold << "/" << period;
          if (sync.IsCounted(packet)) ++counted;
        }
        for (uint32_t n = 1; n < threshold; ++n) ASSERT_LE(sync.IsCounted(n), packets.MayBe(n));
      }
    }
  }
  EXPECT_GT(counted, 100'000u);
}

TEST(Tell, ThresholdsSayWhichPacket) {
  EXPECT_EQ(Told({.is_on = true}, true, 120), (std::vector<int>{3, 53, 103}));
  EXPECT_EQ(Told({.is_on = true, .threshold = 3, .period = 0}, true, 120), (std::vector<int>{3}));
  EXPECT_EQ(Told({.is_on = true, .threshold = 0, .period = 50}, true, 120),
            (std::vector<int>{50, 100}));
  EXPECT_EQ(Told({}, true, 120), std::vector<int>{});
}

// A ring that nobody empties costs the news and nothing else.
TEST(Tell, AFullRingIsCounted) {
  ByteDirector d;
  const ServiceId web = d.AddService({});
  d.AddReal(web, "10.0.0.11", 80, {.method = ForwardMethod::kDr});
  d.draft().sync = {.is_on = true, .threshold = 0, .period = 1};
  d.Publish();
  d.Send(kOutside, Tcp(kClient, 1234, kVip, 80, kTcpSyn));
  for (size_t i = 0; i < kSyncNews + 10; ++i) {
    EXPECT_EQ(d.Send(kOutside, Tcp(kClient, 1234, kVip, 80, kTcpAck)).size(), 1u);
  }
  EXPECT_EQ(d.worker(0).counters().sync_news_lost.value(), 10u);
  EXPECT_EQ(d.CheckConservation(), "");
}

TEST(Tell, HalfOpenConnectionsAreNot) {
  for (unsigned state = 0; state < kTcpStateCount; ++state) {
    const auto tcp = static_cast<TcpState>(state);
    const bool is_told = tcp == TcpState::kEstablished || tcp == TcpState::kFinWait ||
                         tcp == TcpState::kTimeWait || tcp == TcpState::kClose ||
                         tcp == TcpState::kCloseWait;
    EXPECT_EQ(IsToldOf(Transport::kTcp, static_cast<uint8_t>(state)), is_told) << state;
    // An end is told of at once, whatever the count, and once.
    SyncMoment moment;
    moment.state = static_cast<uint8_t>(state);
    moment.packets = 2;
    const bool is_end = is_told && tcp != TcpState::kEstablished;
    EXPECT_EQ(IsDue({.is_on = true}, moment).is_due, is_end) << state;
    moment.was_sent = true;
    moment.sent_state = static_cast<uint8_t>(state);
    EXPECT_FALSE(IsDue({.is_on = true}, moment).is_due) << state;
  }
}

}  // namespace
}  // namespace fairlead::sync::tell_test
