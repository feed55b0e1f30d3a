#include "dataplane/tables/snat_ports.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace fairlead::dataplane::snat_ports_test {
namespace {

using Place = std::pair<uint32_t, uint16_t>;  // address, port

class SnatPortsTest : public testing::Test {
 protected:
  void Pool(uint32_t addresses, uint16_t first = 1024, uint16_t last = 65535) {
    pool_ = {.addresses = {}, .first_port = first, .last_port = last};
    for (uint32_t i = 0; i < addresses; ++i) {
      pool_.addresses.emplace_back(Ipv4Address::FromHost(0x0a000000 + i));
    }
  }
  // Of flow number `flow`, to remote endpoint number `remote`; the place is taken then. {0, 0}:
  // none was found.
  Place Give(uint64_t flow, uint16_t own = 0, uint64_t remote = 7) {
    looks_ = 0;
    const SnatPorts::Wish wish{.host = 1,
                               .flow = MixMultiply(flow + 1, 0x9e37'79b9'7f4a'7c15),
                               .remote = remote << 52,
                               .port = Be16::FromHost(own)};
    Ipv4Address address;
    Be16 port;
    const bool is_found = ports_.Find<Ipv4Address>(
        pool_, wish,
        [&](const Ipv4Address& a, Be16 p) {
          ++looks_;
          asked_.insert({a.value.host() & 0xff, p.host()});
          return is_full_.count(a.value.host() & 0xff) == 0 &&
                 taken_.count({a.value.host() & 0xff, p.host()}) == 0;
        },
        &address, &port);
    ports_.Note(wish, is_found);
    if (!is_found) return {0, 0};
    const Place place{address.value.host() & 0xff, port.host()};
    EXPECT_TRUE(taken_.insert(place).second);
    return place;
  }

  LocalPool pool_;
  SnatPorts ports_;
  std::set<Place> taken_, asked_;
  std::set<uint32_t> is_full_;  // addresses
  uint32_t looks_ = 0;
};

TEST_F(SnatPortsTest, TheHostsOwnPortIsKept) {
  Pool(3, 2000, 3999);
  EXPECT_EQ(Give(1, 2500), (Place{1, 2500}));
  EXPECT_EQ(looks_, 1u);
  EXPECT_NE(Give(2, 2500), (Place{1, 2500}));  // taken
  EXPECT_GE(Give(3, 80).second, 2000);         // no port of the pool
  EXPECT_LE(Give(4, 4000).second, 3999);
}

// A host has one address, as long as that has a port.
TEST_F(SnatPortsTest, AHostKeepsToAnAddress) {
  Pool(4);
  for (uint64_t flow = 0; flow < 1000; ++flow) ASSERT_EQ(Give(flow).first, 1u);
  is_full_ = {1, 2};
  EXPECT_EQ(Give(1000).first, 3u);
}

TEST_F(SnatPortsTest, ASmallPoolIsUsedToItsEnd) {
  Pool(2, 2000, 2099);
  for (uint64_t flow = 0; flow < 200; ++flow) ASSERT_NE(Give(flow), (Place{0, 0})) << flow;
  EXPECT_EQ(taken_.size(), 200u);
  EXPECT_EQ(Give(200), (Place{0, 0}));
  EXPECT_EQ(looks_, 200u);
  EXPECT_EQ(asked_.size(), 200u);  // each once
}

// Ports in use are in runs, as a search that goes by neighbours leaves them, and nine in ten.
TEST_F(SnatPortsTest, ALongRunIsLeftBehind) {
  Pool(1);
  for (uint32_t port = 1024; port <= 65535; ++port) {
    if (port % 1000 < 900) taken_.insert({0, static_cast<uint16_t>(port)});
  }
  for (uint64_t flow = 0; flow < 2000; ++flow) {
    ASSERT_NE(Give(flow), (Place{0, 0})) << flow;
    ASSERT_LE(looks_, 160u);  // ten on average
  }
}

// Of 260 ports the golden section is 160, which has the factor 20 in common with them: 13 jumps
// come round.
TEST_F(SnatPortsTest, LooksAreAtDifferentPorts) {
  for (const uint32_t ports : {260u, 300u, 340u, 1000u, 4096u, 10'000u, 64'512u}) {
    Pool(1, 1024, static_cast<uint16_t>(1024 + ports - 1));
    ports_ = SnatPorts();
    is_full_ = {0};
    for (uint32_t looks = 256; looks >= 8; looks /= 2) {
      asked_.clear();
      EXPECT_EQ(Give(looks), (Place{0, 0}));
      EXPECT_EQ(looks_, looks);
      EXPECT_GE(asked_.size(), looks - looks / 16) << ports;
    }
  }
}

// Each of them but for a few is found, whatever their number.
TEST_F(SnatPortsTest, TheLastPortsOfARangeAreFound) {
  Pool(1, 1024, 1283);
  for (uint64_t flow = 0; flow < 250; ++flow) ASSERT_NE(Give(flow), (Place{0, 0})) << flow;
}

// A flood towards a pool without free ports costs little, and no more than the others' share.
TEST_F(SnatPortsTest, LooksAreFewOnceThePoolIsUsedUp) {
  Pool(1);
  is_full_ = {0};
  std::vector<uint32_t> looks;
  for (uint64_t flow = 0; flow < 8; ++flow) {
    EXPECT_EQ(Give(flow), (Place{0, 0}));
    looks.push_back(looks_);
  }
  EXPECT_EQ(looks, (std::vector<uint32_t>{256, 128, 64, 32, 16, 8, 8, 8}));
  // Another remote endpoint has all of it.
  Give(8, 0, 9);
  EXPECT_EQ(looks_, 256u);
  // A free port brings it back.
  is_full_.clear();
  EXPECT_NE(Give(9), (Place{0, 0}));
  is_full_ = {0};
  Give(10);
  EXPECT_EQ(looks_, 16u);
}

TEST_F(SnatPortsTest, LooksAreBoundedOverAllAddresses) {
  Pool(256);
  for (uint32_t i = 0; i < 256; ++i) is_full_.insert(i);
  for (uint64_t flow = 0; flow < 3; ++flow) {
    Give(flow, 5000);
    EXPECT_LE(looks_, SnatPorts::kMostLooks);
  }
  std::set<uint32_t> addresses;
  for (const Place& place : asked_) addresses.insert(place.first);
  EXPECT_EQ(addresses.size(), 128u);  // two looks at each
}

}  // namespace
}  // namespace fairlead::dataplane::snat_ports_test
