#include "dataplane/tables/neighbour_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <vector>

namespace fairlead::dataplane::neighbour_table_test {
namespace {

constexpr PortId kPort{1};

IpAddress Host(uint32_t number) { return IpAddress(Ipv4Address::FromHost(0x0a000000 + number)); }

// Against a map, while neighbours come and go at random.
TEST(NeighbourTable, FindsWhatIsThereAndNothingElse) {
  constexpr uint32_t kHosts = 200;
  NeighbourTable table(256, TableHash{3, 4});
  std::map<uint32_t, NeighbourId> model;
  std::mt19937 random(7);
  for (int step = 0; step < 20000; ++step) {
    const auto host = static_cast<uint32_t>(random() % kHosts);
    if (const auto at = model.find(host); at != model.end()) {
      table.Forget(at->second);
      model.erase(at);
    } else if (model.size() < 150) {
      const NeighbourId id = table.Intern(kPort, Host(host));
      ASSERT_FALSE(id.is_none());
      model[host] = id;
    }
    const auto asked = static_cast<uint32_t>(random() % kHosts);
    const auto at = model.find(asked);
    ASSERT_EQ(table.Find(kPort, Host(asked)), at == model.end() ? NeighbourId{} : at->second);
    ASSERT_TRUE(table.Find(PortId{0}, Host(asked)).is_none()) << "another port";
  }
  std::set<uint32_t> ids;
  for (const auto& [host, id] : model) ids.insert(id.value());
  EXPECT_EQ(ids.size(), model.size());
}

// What has come and gone leaves no trace: a look-up that finds nothing ends where it began.
TEST(NeighbourTable, ChurnDoesNotLengthenLookUps) {
  NeighbourTable table(1024, TableHash{3, 4});
  for (uint32_t round = 0; round < 100; ++round) {
    std::vector<NeighbourId> ids;
    for (uint32_t i = 0; i < 500; ++i) ids.push_back(table.Intern(kPort, Host(round * 500 + i)));
    for (const NeighbourId id : ids) table.Forget(id);
  }
  EXPECT_EQ(table.CountEnds(), 1024u);
}

TEST(NeighbourTable, PlacesDependOnTheSecret) {
  NeighbourTable one(16384, TableHash{1, 2}), other(16384, TableHash{0x1234567, 0x89abcdef});
  size_t same = 0;
  for (uint32_t i = 0; i < 100; ++i) {
    same += one.Intern(kPort, Host(i)) == other.Intern(kPort, Host(i)) ? 1 : 0;
  }
  EXPECT_LT(same, 5u);
}

TEST(NeighbourTable, ChangesAreWhatWaitsMayGoOnFor) {
  NeighbourTable table(16, TableHash{1, 2});
  const uint64_t before = table.changes();
  const NeighbourId id = table.Intern(kPort, Host(1));
  EXPECT_EQ(table.changes(), before) << "nobody waits for a new one yet";
  table.Set(id, {MacAddress{{2}}, kPort, NeighbourState::kReachable});
  EXPECT_EQ(table.changes(), before + 1);
  EXPECT_FALSE(table.IsPinned(id));
  table.SetPinned(id, true);
  EXPECT_TRUE(table.IsPinned(id));
  EXPECT_TRUE(table.Load(id).is_reachable());
  table.Forget(id);
  EXPECT_FALSE(table.IsPinned(id));
}

}  // namespace
}  // namespace fairlead::dataplane::neighbour_table_test
