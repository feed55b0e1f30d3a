#include "dataplane/rate_limit.h"

#include <gtest/gtest.h>

namespace fairlead::dataplane {
namespace {

int CountAllowed(RateLimit& limit, Tick now, int tries) {
  int allowed = 0;
  for (int i = 0; i < tries; ++i) allowed += limit.Allow(now);
  return allowed;
}

TEST(RateLimit, SixAtOnceThenOneASecond) {
  for (uint32_t start : {0u, 12345u, 0xffffffffu}) {
    RateLimit limit;
    const Tick t{start};
    EXPECT_EQ(CountAllowed(limit, t, 10), 6);
    EXPECT_EQ(CountAllowed(limit, t + 99, 10), 0);
    EXPECT_EQ(CountAllowed(limit, t + 100, 10), 1);
    EXPECT_EQ(CountAllowed(limit, t + 350, 10), 2);
    EXPECT_EQ(CountAllowed(limit, t + 400, 10), 1);  // the half second was kept
    EXPECT_EQ(CountAllowed(limit, t + 100000, 10), 6);
  }
}

TEST(RateLimit, BucketsAreApart) {
  RateLimitTable<4> table;
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(table.Allow(1, Tick{}));
  EXPECT_FALSE(table.Allow(1, Tick{}));
  EXPECT_FALSE(table.Allow(5, Tick{}));  // the same bucket
  EXPECT_TRUE(table.Allow(2, Tick{}));
}

}  // namespace
}  // namespace fairlead::dataplane
