#include "dataplane/shard/neighbour_reports.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "byte_director.h"

namespace fairlead::dataplane::neighbour_reports_test {
namespace {

const MacAddress kMac{{2, 0, 0, 0, 0, 7}}, kOther{{2, 0, 0, 0, 0, 8}};

class NeighbourReportsTest : public testing::Test {
 protected:
  static IpAddress Host(uint32_t number) {
    return IpAddress(Ipv4Address::FromHost(0x0a000000 + number));
  }
  NeighbourId Know(uint32_t number, bool is_pinned) {
    const NeighbourId id = table_.Intern(kInside, Host(number));
    table_.Set(id, {kMac, kInside, NeighbourState::kReachable});
    table_.SetPinned(id, is_pinned);
    return id;
  }
  bool Want(uint32_t number, NeighbourNeed need = NeighbourNeed::kRouted, uint64_t source = 0) {
    const IpAddress hop = Host(number);
    return reports_.Want({.port = kInside,
                          .hop = hop,
                          .id = table_.Find(kInside, hop),
                          .need = need,
                          .source = source == 0 ? random_() : source},
                         now_);
  }
  size_t WantMany(uint32_t count, NeighbourNeed need, uint64_t source = 0) {
    size_t told = 0;
    for (uint32_t i = 0; i < count; ++i) told += Want(1000 + i, need, source) ? 1 : 0;
    return told;
  }
  std::vector<Event> Read() {
    std::vector<Event> events;
    Event event;
    while (ring_.Pop(&event)) events.push_back(event);
    return events;
  }

  NeighbourTable table_{4096, TableHash{1, 2}};
  EventRing ring_{1024};
  WorkerCounters counters_;
  NeighbourReports reports_{table_, ring_, counters_, TableHash{3, 4}};
  Tick now_{1000};
  std::mt19937_64 random_{5};
};

TEST_F(NeighbourReportsTest, UnknownOnesAreLimitedPerPortAndNeed) {
  EXPECT_EQ(WantMany(40000, NeighbourNeed::kRouted), 200u);
  EXPECT_EQ(Read().size(), 200u);
  EXPECT_EQ(counters_.neighbour_limited.value(), 39800u);
  now_ = now_ + kTicksPerSecond;
  EXPECT_EQ(WantMany(40000, NeighbourNeed::kRouted), 100u);
  EXPECT_EQ(WantMany(10, NeighbourNeed::kHost), 10u);
  EXPECT_EQ(WantMany(10, NeighbourNeed::kReply), 10u);
  EXPECT_EQ(WantMany(10, NeighbourNeed::kAnswer), 10u);
}

TEST_F(NeighbourReportsTest, OneSourceHasItsOwnLimit) {
  EXPECT_EQ(WantMany(40000, NeighbourNeed::kRouted, 77), 32u);
  EXPECT_TRUE(Want(5, NeighbourNeed::kRouted, 78));
  now_ = now_ + kTicksPerSecond;
  EXPECT_EQ(WantMany(40000, NeighbourNeed::kRouted, 77), 8u);
}

TEST_F(NeighbourReportsTest, TheConfigurationsNextHopsAreNotAskedForHere) {
  Know(1, true);
  Know(2, false);
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(Want(1));
    EXPECT_TRUE(Want(2));
  }
  const auto events = Read();
  EXPECT_EQ(events.size(), 2u) << "the other, and not each time";
  for (const Event& event : events) EXPECT_EQ(event.address, Host(2));
}

// A confirmation is told once a second; a move at once, though the same neighbour has just said
// something else a thousand times.
TEST_F(NeighbourReportsTest, AMoveIsToldWhateverWasSaidBefore) {
  Know(1, true);
  for (int i = 0; i < 1000; ++i) reports_.Seen(kInside, Host(1), kMac, now_);
  EXPECT_EQ(Read().size(), 2u);
  reports_.Seen(kInside, Host(1), kOther, now_);
  const auto events = Read();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].mac, kOther);
  for (int i = 0; i < 1000; ++i) reports_.Seen(kInside, Host(1), kOther, now_);
  EXPECT_EQ(Read().size(), 5u) << "forged by the thousand";
}

TEST_F(NeighbourReportsTest, StrangersLeaveHalfTheRingToNextHops) {
  for (uint32_t i = 0; i < 300; ++i) Know(i, true);
  for (uint32_t i = 300; i < 1000; ++i) Know(i, false);
  for (uint32_t i = 300; i < 1000; ++i) reports_.Seen(kInside, Host(i), kMac, now_);
  for (int i = 0; i < 1000; ++i) {
    reports_.Tell({.kind = Event::Kind::kPathMtu, .port = kInside, .address = Host(1), .mac = {}});
  }
  WantMany(1000, NeighbourNeed::kRouted);
  EXPECT_EQ(ring_.size(), 512u);
  EXPECT_GT(counters_.neighbour_events_lost.value(), 1000u);
  for (uint32_t i = 0; i < 300; ++i) reports_.Seen(kInside, Host(i), kMac, now_);
  EXPECT_EQ(ring_.size(), 812u) << "all of them";
  EXPECT_TRUE(Want(5000, NeighbourNeed::kHost));
}

// ---- and in a worker

// 40,000 packets to addresses that nobody has: the next hop of a real is none of them.
TEST(NeighbourLimits, AFloodToUnknownAddressesIsDroppedByNameAndHoldsNothingUp) {
  ByteDirector d({.workers = 1});
  const ServiceId web = d.AddService({});
  d.AddReal(web, "10.0.0.11", 80);
  d.Publish();
  const NeighbourId real = d.fabric().neighbours.Find(kInside, *IpAddress::Parse("10.0.0.11"));
  d.fabric().neighbours.SetPinned(real, true);
  constexpr uint32_t kPackets = 4000;
  for (uint32_t i = 0; i < kPackets; ++i) {
    const std::string number = std::to_string(1000 + i);
    d.Send(kOutside, Udp("2001:db8:9::" + number, 9, "fd00::1:" + number, 9));
  }
  // What was told of waits, as far as places for strangers go; all else is dropped at once.
  EXPECT_EQ(d.dropped(DropReason::kNeighbourQueueFull), 8u);
  EXPECT_EQ(d.dropped(DropReason::kNeighbourLimited), kPackets - 200);
  // A next hop that does not answer just now finds a place all the same.
  d.SetNeighbour(kInside, "10.0.0.11", NeighbourState::kIncomplete);
  EXPECT_TRUE(d.Send(kOutside, Tcp("198.51.100.7", 1234, "192.0.2.10", 80, kTcpSyn)).empty());
  EXPECT_EQ(d.dropped(DropReason::kNeighbourQueueFull), 8u);
  d.SetNeighbour(kInside, "10.0.0.11", NeighbourState::kReachable);
  EXPECT_EQ(d.Settle().size(), 1u) << "it goes on at once";
  EXPECT_EQ(d.CheckConservation(), "");
}

}  // namespace
}  // namespace fairlead::dataplane::neighbour_reports_test
