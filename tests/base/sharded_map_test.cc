#include "base/sharded_map.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <unordered_map>

namespace fairlead::sharded_map_test {
namespace {

using Map = ShardedMap<uint32_t, uint32_t>;

std::map<uint32_t, uint32_t> Sorted(const Map& map) { return {map.begin(), map.end()}; }

TEST(ShardedMap, ACopyIsChangedWithoutTheOriginal) {
  Map original;
  for (uint32_t key = 0; key < 1000; ++key) original[key] = key;
  Map copy = original;
  copy[7] = 70;
  copy[5000] = 1;
  EXPECT_EQ(copy.erase(8), 1u);
  EXPECT_EQ(original.size(), 1000u);
  EXPECT_EQ(original.at(7), 7u);
  EXPECT_TRUE(original.contains(8));
  EXPECT_FALSE(original.contains(5000));
  EXPECT_EQ(copy.size(), 1000u);
  EXPECT_EQ(copy.at(7), 70u);
  EXPECT_EQ(copy.find(8), copy.end());
}

TEST(ShardedMap, IsAMap) {
  std::mt19937 random(1);
  std::map<uint32_t, uint32_t> wanted;
  Map map, before;
  for (uint32_t step = 0; step < 20'000; ++step) {
    const auto key = static_cast<uint32_t>(random() % 500);
    switch (random() % 4) {
      case 0:
        ASSERT_EQ(map.erase(key), wanted.erase(key));
        break;
      case 1:
        ASSERT_EQ(map.try_emplace(key, step), wanted.try_emplace(key, step).second);
        break;
      case 2:
        map[key] = wanted[key] = step;
        break;
      default:
        ASSERT_EQ(map.contains(key), wanted.contains(key));
        if (step % 64 == 0) before = map;  // from then on shards are shared
    }
    ASSERT_EQ(map.size(), wanted.size());
  }
  EXPECT_EQ(Sorted(map), wanted);
  EXPECT_THROW((void)map.at(1000), std::out_of_range);
  map.clear();
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(map.begin(), map.end());
}

}  // namespace
}  // namespace fairlead::sharded_map_test
