#include "base/tick_counter.h"

#include <gtest/gtest.h>

namespace fairlead::tick_counter_test {
namespace {

constexpr uint64_t kBase = 1'000'000, kPerTick = 100;

TEST(TickCounter, CountsFromItsBase) {
  TickCounter ticks(kBase, kPerTick);
  EXPECT_FALSE(ticks.Advance(kBase + 99));
  EXPECT_EQ(ticks.now().value, 0u);
  EXPECT_TRUE(ticks.Advance(kBase + 100));
  EXPECT_FALSE(ticks.Advance(kBase + 199));
  EXPECT_TRUE(ticks.Advance(kBase + 1234));
  EXPECT_EQ(ticks.now().value, 12u);
}

// A suspended machine counts from 0 again, a guest that moved from anywhere.
TEST(TickCounter, GoesOnAfterTheCyclesWereSetBack) {
  for (const uint64_t anew : {uint64_t{5}, kBase - 1, kBase + 3000}) {
    TickCounter ticks(kBase, kPerTick);
    ticks.Advance(kBase + 5050);
    ASSERT_EQ(ticks.now().value, 50u);
    EXPECT_FALSE(ticks.Advance(anew));
    EXPECT_EQ(ticks.now().value, 50u);
    EXPECT_TRUE(ticks.Advance(anew + 1000)) << anew;
    EXPECT_EQ(ticks.now().value, 60u) << anew;
    EXPECT_TRUE(ticks.Advance(anew + 100'000));
    EXPECT_EQ(ticks.now().value, 1050u) << anew;
    EXPECT_FALSE(ticks.Advance(anew + 7));  // and once more
    EXPECT_TRUE(ticks.Advance(anew + 107));
    EXPECT_EQ(ticks.now().value, 1051u) << anew;
  }
}

TEST(TickCounter, ACoreThatIsALittleBehindTakesNothingBack) {
  TickCounter ticks(kBase, kPerTick);
  ticks.Advance(kBase + 1001);
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(ticks.Advance(kBase + 990));
  EXPECT_TRUE(ticks.Advance(kBase + 1100));
  EXPECT_EQ(ticks.now().value, 11u);
}

}  // namespace
}  // namespace fairlead::tick_counter_test
