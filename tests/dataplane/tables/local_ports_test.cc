#include "dataplane/tables/local_ports.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

namespace fairlead::dataplane::local_ports_test {
namespace {

using Place = std::pair<uint32_t, uint16_t>;  // address, port

LocalPool PoolOf(uint32_t addresses, uint16_t first = 1024, uint16_t last = 65535) {
  LocalPool pool{.addresses = {}, .first_port = first, .last_port = last};
  for (uint32_t i = 0; i < addresses; ++i) {
    pool.addresses.emplace_back(Ipv4Address::FromHost(0x0a000001 + i));
  }
  return pool;
}

// One remote endpoint, whose places are taken here.
class Bed {
 public:
  explicit Bed(LocalPool pool) : pool_(std::move(pool)) {}

  // The place given, or {0, 0}; `owned`: of so many workers this is the first.
  Place Give(uint32_t workers = 1, uint64_t remote = 7) {
    Place given{0, 0};
    tries_ = 0;
    asked_.clear();
    ports_.Give<Ipv4Address>(
        pool_, remote << 52,
        [&](const Ipv4Address&, Be16 port) { return port.host() % workers == 0; },
        [&](const Ipv4Address& address, Be16 port) {
          ++tries_;
          const Place place{address.Fold(), port.host()};
          asked_.insert(place);
          if (!taken_.insert(place).second) return false;
          given = place;
          return true;
        },
        [&](const Ipv4Address& address, Be16 port) {
          expected_ = {address.Fold(), port.host()};
        });
    return given;
  }
  void Free(const Place& place) { taken_.erase(place); }
  void Take(const Place& place) { taken_.insert(place); }
  [[nodiscard]] uint32_t tries() const { return tries_; }
  // What the last Give says of the next one.
  [[nodiscard]] Place expected() const { return expected_; }
  [[nodiscard]] size_t taken() const { return taken_.size(); }
  // Places that the last Give has tried.
  [[nodiscard]] size_t asked() const { return asked_.size(); }

 private:
  LocalPool pool_;
  LocalPorts ports_{42};
  std::set<Place> taken_, asked_;
  uint32_t tries_ = 0;
  Place expected_{0, 0};
};

TEST(LocalPorts, TakeTurnsOverAddresses) {
  Bed bed(PoolOf(4));
  std::map<uint32_t, int> by_address;
  for (int i = 0; i < 400; ++i) ++by_address[bed.Give().first];
  ASSERT_EQ(by_address.size(), 4u);
  for (const auto& [address, count] : by_address) EXPECT_EQ(count, 100) << address;
}

TEST(LocalPorts, AreAnnouncedOneAhead) {
  for (const uint32_t workers : {1u, 3u}) {
    Bed bed(PoolOf(2, 5000, 5099));
    Place expected = {0, 0};
    for (int i = 0; i < 66; ++i) {
      const Place place = bed.Give(workers);
      if (i > 0) {
        ASSERT_EQ(place, expected) << workers << " workers, " << i;
      }
      expected = bed.expected();
    }
  }
}

TEST(LocalPorts, ComeAgainAsLateAsCanBe) {
  Bed bed(PoolOf(3, 2000, 2099));
  std::map<Place, int> last;
  for (int i = 0; i < 1000; ++i) {
    const Place place = bed.Give();
    if (last.contains(place)) {
      ASSERT_EQ(i - last[place], 300);
    }
    last[place] = i;
    bed.Free(place);
  }
  EXPECT_EQ(last.size(), 300u);
}

TEST(LocalPorts, KeepToTheirRangeAndTheirWorker) {
  Bed bed(PoolOf(1, 5000, 5099));
  for (int i = 0; i < 25; ++i) {
    const Place place = bed.Give(4);
    EXPECT_EQ(place.second % 4, 0) << place.second;
    EXPECT_GE(place.second, 5000);
    EXPECT_LE(place.second, 5099);
  }
  EXPECT_EQ(bed.Give(4), Place(0, 0));
  EXPECT_EQ(bed.taken(), 25u);
}

TEST(LocalPorts, AllOfASmallRangeAreFound) {
  Bed bed(PoolOf(2, 1024, 1039));
  for (int i = 0; i < 32; ++i) ASSERT_NE(bed.Give(), Place(0, 0)) << i;
  EXPECT_EQ(bed.Give(), Place(0, 0));
  EXPECT_EQ(bed.taken(), 32u);
}

// 60,000 connections that stay lie in one run before the cursor when it comes round.
TEST(LocalPorts, ALongRunOfTakenPlacesIsLeftBehindInFewTries) {
  Bed bed(PoolOf(2));
  const Place first = bed.Give();
  bed.Free(first);
  for (int i = 0; i < 60'000; ++i) ASSERT_NE(bed.Give(), Place(0, 0));
  const uint32_t places = 2 * (65535 - 1024 + 1);
  uint32_t most = 0;
  for (uint32_t i = 0; i < 2 * places; ++i) {
    const Place place = bed.Give();
    ASSERT_NE(place, Place(0, 0)) << i;
    most = std::max(most, bed.tries());
    bed.Free(place);
  }
  EXPECT_GT(most, 1u) << "the run was never met";
  EXPECT_LE(most, 20u);
}

TEST(LocalPorts, NearlyAllOfALargePoolIsUsed) {
  Bed bed(PoolOf(1));
  uint32_t refused = 0;
  for (uint32_t i = 0; i < 64'512 * 95 / 100; ++i) refused += bed.Give() == Place(0, 0) ? 1 : 0;
  EXPECT_EQ(refused, 0u);
}

// A flood towards a pool that is full costs little, and a place that comes free is found soon.
TEST(LocalPorts, AFullPoolIsTriedLessAndLess) {
  Bed bed(PoolOf(1, 10'000, 19'999));
  Place last;
  for (uint32_t port = 10'000; port < 20'000; ++port) {
    last = {0x0a000001, static_cast<uint16_t>(port)};
    bed.Take(last);
  }
  EXPECT_EQ(bed.Give(), Place(0, 0));
  EXPECT_EQ(bed.tries(), LocalPorts::kMostTries);
  for (int i = 0; i < 10; ++i) bed.Give();
  EXPECT_EQ(bed.tries(), LocalPorts::kLeastTries);
  for (uint16_t port = 10'000; port < 20'000; port += 100) bed.Free({0x0a000001, port});
  int needed = 1;
  while (bed.Give() == Place(0, 0)) ASSERT_LT(++needed, 100);
  EXPECT_LE(bed.tries(), LocalPorts::kLeastTries);
}

// Of 260 places the golden section is 160, which has the factor 20 in common with them: 13 jumps
// come round.
TEST(LocalPorts, TriesAreOfDifferentPlaces) {
  for (const uint32_t addresses : {1u, 2u, 4u}) {
    for (const uint32_t places : {260u, 300u, 340u, 1000u, 4096u, 10'000u}) {
      const auto last = static_cast<uint16_t>(1024 + places / addresses - 1);
      Bed bed(PoolOf(addresses, 1024, last));
      for (uint32_t i = 0; i < addresses; ++i) {
        for (uint32_t port = 1024; port <= last; ++port) {
          bed.Take({0x0a000001 + i, static_cast<uint16_t>(port)});
        }
      }
      for (const uint32_t tries : {64u, 32u, 16u, 8u}) {
        EXPECT_EQ(bed.Give(), Place(0, 0));
        EXPECT_EQ(bed.tries(), tries);
        EXPECT_GE(bed.asked(), tries - tries / 8) << places << " places of " << addresses;
      }
    }
  }
}

TEST(LocalPorts, EachRemoteEndpointHasItsOwnTurn) {
  Bed bed(PoolOf(1, 3000, 3999));
  const Place a = bed.Give(1, 1);
  const Place b = bed.Give(1, 2);
  bed.Free(a);
  bed.Free(b);
  EXPECT_EQ(bed.Give(1, 1).second, a.second == 3999 ? 3000 : a.second + 1);
  EXPECT_EQ(bed.Give(1, 2).second, b.second == 3999 ? 3000 : b.second + 1);
  EXPECT_NE(a, b) << "a seed for each";
}

TEST(LocalPorts, APoolWithoutAddressesGivesNothing) {
  Bed bed(PoolOf(0));
  EXPECT_EQ(bed.Give(), Place(0, 0));
  EXPECT_EQ(bed.tries(), 0u);
}

}  // namespace
}  // namespace fairlead::dataplane::local_ports_test
