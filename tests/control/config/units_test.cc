#include "control/config/units.h"

#include <gtest/gtest.h>

namespace fairlead::control::units_test {
namespace {

TEST(Units, DurationsAreAWholeNumberAndOneUnit) {
  EXPECT_EQ(ParseDuration("500ms"), 500ms);
  EXPECT_EQ(ParseDuration("10s"), 10s);
  EXPECT_EQ(ParseDuration("5m"), 5min);
  EXPECT_EQ(ParseDuration("1h"), 1h);
  EXPECT_EQ(ParseDuration("7d"), 24h * 7);
  EXPECT_EQ(ParseDuration("0s"), 0s);
  for (const char* bad : {"", "s", "10", "1.5s", "-1s", "+1s", "1 s", "1S", "010s", "1h30m", "1w",
                          "99999999999999999999s", "9223372036854775807d"})
    EXPECT_EQ(ParseDuration(bad), std::nullopt) << bad;
}

TEST(Units, SizesArePowersOf1024) {
  EXPECT_EQ(ParseSize("0"), 0u);
  EXPECT_EQ(ParseSize("1000"), 1000u);
  EXPECT_EQ(ParseSize("64k"), 65536u);
  EXPECT_EQ(ParseSize("4M"), 4u << 20);
  EXPECT_EQ(ParseSize("2G"), uint64_t{2} << 30);
  for (const char* bad : {"", "k", "4m", "4K", "4MB", "0x10", "08", "1e6", "9999999999999G"})
    EXPECT_EQ(ParseSize(bad), std::nullopt) << bad;
}

TEST(Units, FormatTakesTheLargestExactUnitAndParsesBack) {
  EXPECT_EQ(FormatDuration(0ms), "0ms");
  EXPECT_EQ(FormatDuration(1500ms), "1500ms");
  EXPECT_EQ(FormatDuration(90s), "90s");
  EXPECT_EQ(FormatDuration(6min), "6m");
  EXPECT_EQ(FormatDuration(48h), "2d");
  EXPECT_EQ(FormatSize(0), "0");
  EXPECT_EQ(FormatSize(1000), "1000");
  EXPECT_EQ(FormatSize(262144), "256k");
  for (const int64_t ms : {1, 999, 1000, 61000, 3600000, 86400001}) {
    const Duration duration(ms);
    EXPECT_EQ(ParseDuration(FormatDuration(duration)), duration);
  }
}

}  // namespace
}  // namespace fairlead::control::units_test
