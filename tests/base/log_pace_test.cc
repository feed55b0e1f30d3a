#include "base/log_pace.h"

#include <gtest/gtest.h>

namespace fairlead::log_pace_test {
namespace {

using namespace std::chrono_literals;

TEST(LogPace, TellsTheFirstAtOnceAndTheOthersOnceAMinute) {
  LogPace pace;
  const LogPace::TimePoint start{};  // also when the clock has just begun
  EXPECT_EQ(pace.Note(start), 1u);
  for (int i = 1; i < 600; ++i) EXPECT_EQ(pace.Note(start + i * 100ms), 0u);
  EXPECT_EQ(pace.Note(start + 60s), 600u);
  EXPECT_EQ(pace.Note(start + 61s), 0u);
  EXPECT_EQ(pace.Note(start + 1h), 2u) << "those of the silence, and this one";
  EXPECT_EQ(pace.Note(start + 2h), 1u);
}

}  // namespace
}  // namespace fairlead::log_pace_test
