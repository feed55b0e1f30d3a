#include "dataplane/snapshot/prefix_map.h"

#include <gtest/gtest.h>

#include <random>

namespace fairlead::dataplane::prefix_map_test {
namespace {

Prefix P(const char* text) { return *Prefix::Parse(text); }
IpAddress A(const char* text) { return *IpAddress::Parse(text); }

TEST(PrefixMap, LongestPrefixWins) {
  const auto map = PrefixMap<int>::Build({{P("0.0.0.0/0"), 1},
                                          {P("10.0.0.0/8"), 2},
                                          {P("10.1.0.0/16"), 3},
                                          {P("10.1.0.1/32"), 4},
                                          {P("255.255.255.255/32"), 5},
                                          {P("2001:db8::/32"), 6}});
  EXPECT_EQ(*map.Find(A("192.0.2.1")), 1);
  EXPECT_EQ(*map.Find(A("10.0.0.0")), 2);
  EXPECT_EQ(*map.Find(A("10.1.0.0")), 3);
  EXPECT_EQ(*map.Find(A("10.1.0.1")), 4);
  EXPECT_EQ(*map.Find(A("10.1.0.2")), 3);
  EXPECT_EQ(*map.Find(A("10.2.0.0")), 2);
  EXPECT_EQ(*map.Find(A("11.0.0.0")), 1);
  EXPECT_EQ(*map.Find(A("255.255.255.255")), 5);
  EXPECT_EQ(*map.Find(A("2001:db8:1::")), 6);
  EXPECT_EQ(map.Find(A("2001:db9::")), nullptr);
  EXPECT_EQ(PrefixMap<int>{}.Find(A("10.0.0.1")), nullptr);
}

TEST(PrefixMap, OfEqualPrefixesTheLastCounts) {
  const auto map = PrefixMap<int>::Build({{P("10.0.0.0/8"), 1}, {P("10.9.9.9/8"), 2}});
  EXPECT_EQ(*map.Find(A("10.1.2.3")), 2);
}

// Against a linear search, with lengths and networks chosen so that many nest and touch. The last
// rounds have enough for the table over the first 16 bits.
TEST(PrefixMap, AgreesWithLinearSearch) {
  std::mt19937 random(20260101);
  for (int round = 0; round < 66; ++round) {
    const bool v4 = round % 2 == 0;
    const bool has_table = round >= 60;
    std::vector<PrefixMap<int>::Entry> entries;
    const auto address = [&] {
      uint8_t bytes[16] = {};
      for (auto& b : bytes)
        b = static_cast<uint8_t>(random() % (has_table ? 2 : 4) == 0 ? random()
                                                                     : 0xff * (random() % 2));
      return v4 ? IpAddress(Ipv4Address::Load(bytes)) : IpAddress(Ipv6Address::Load(bytes));
    };
    for (int i = 0; i < (has_table ? 4000 : 80); ++i) {
      entries.push_back({Prefix{address(), static_cast<int>(random() % (v4 ? 33 : 129))}, i});
    }
    const auto map = PrefixMap<int>::Build(entries);
    EXPECT_EQ(map.bytes() > sizeof(uint32_t) << 16, has_table);
    for (int i = 0; i < 500; ++i) {
      const IpAddress a = i % 2 ? address() : entries[random() % entries.size()].first.network();
      const int* found = map.Find(a);
      int best = -1, value = -1;
      for (const auto& [prefix, v] : entries) {
        if (prefix.length >= best && prefix.Contains(a)) {
          best = prefix.length;
          value = v;
        }
      }
      ASSERT_EQ(found ? *found : -1, value) << a.ToString();
    }
  }
}

}  // namespace
}  // namespace fairlead::dataplane::prefix_map_test
