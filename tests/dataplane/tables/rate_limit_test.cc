#include "dataplane/tables/rate_limit.h"

#include <gtest/gtest.h>

namespace fairlead::dataplane::rate_limit_test {
namespace {

template <typename Limit>
int CountAllowed(Limit& limit, Tick now, int tries) {
  int allowed = 0;
  for (int i = 0; i < tries; ++i) allowed += limit.Allow(now);
  return allowed;
}

TEST(RateLimit, SixAtOnceThenOneASecond) {
  for (uint32_t start : {0u, 12345u, 0xffffffffu}) {
    ErrorLimit limit;
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
  RateLimitTable<ErrorLimit, 4> table;
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(table.Allow(1, Tick{}));
  EXPECT_FALSE(table.Allow(1, Tick{}));
  EXPECT_FALSE(table.Allow(5, Tick{}));  // the same bucket
  EXPECT_TRUE(table.Allow(2, Tick{}));
}

TEST(RateLimit, AThousandResetsThenAHundredASecond) {
  ResetLimit limit;
  const Tick t{12345};
  EXPECT_EQ(CountAllowed(limit, t, 2000), 1000);
  EXPECT_EQ(CountAllowed(limit, t + 100, 2000), 100);
}

TEST(RateLimit, TooBigIsLimitedInTotal) {
  for (uint32_t start : {0u, 12345u, 0xffffffffu}) {
    TotalLimit<20> limit;
    const Tick t{start};
    EXPECT_EQ(CountAllowed(limit, t, 5000), 2000);
    EXPECT_EQ(CountAllowed(limit, t + 1, 5000), 20);
    EXPECT_EQ(CountAllowed(limit, t + 51, 5000), 1000);
    EXPECT_EQ(CountAllowed(limit, t + 100000, 5000), 2000);
  }
}

// A budget that is spent is no other's.
TEST(AnswerLimits, BudgetsAreApart) {
  AnswerLimits limits;
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(limits.AllowError(1, Tick{}));
  EXPECT_FALSE(limits.AllowError(1, Tick{}));
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(limits.AllowTooBig(1, Tick{}));
  EXPECT_FALSE(limits.AllowTooBig(1, Tick{}));
  EXPECT_TRUE(limits.AllowReset(1, Tick{}));
}

}  // namespace
}  // namespace fairlead::dataplane::rate_limit_test
