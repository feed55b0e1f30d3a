#include "main/watchdog.h"

#include <gtest/gtest.h>

#include "base/ids.h"

namespace fairlead::watchdog_test {
namespace {

using namespace std::chrono_literals;

// Time is the test's own: nothing here waits.
class WatchdogTest : public testing::Test {
 protected:
  Watchdog Make(Watchdog::Clock::duration period) {
    return {period, stats_, [this](std::string_view state) {
              EXPECT_EQ(state, "WATCHDOG=1");
              if (is_full_) return false;
              ++pings_;
              return true;
            }};
  }
  void Poll(uint8_t worker) { stats_.worker(WorkerId{worker}).polls.Add(1); }
  void PollAll() {
    Poll(0);
    Poll(1);
  }
  // Turns of the control core, each 5 ms, with workers that poll (or one that does not).
  void Run(Watchdog& watchdog, Watchdog::Clock::duration time, int hung = -1) {
    for (const auto end = now_ + time; now_ < end; now_ += 5ms) {
      for (uint8_t w = 0; w < 2; ++w) {
        if (w != hung) Poll(w);
      }
      watchdog.OnTurn(now_);
    }
  }

  dataplane::StatsBoard stats_{2, 16, 2};
  Watchdog::Clock::time_point now_{1h};
  int pings_ = 0;
  bool is_full_ = false;
};

TEST_F(WatchdogTest, PingsTwiceInAPeriodWhileAllTurn) {
  Watchdog watchdog = Make(10s);
  Run(watchdog, 60s);
  EXPECT_EQ(pings_, 12);
}

TEST_F(WatchdogTest, WithoutAPeriodNothingIsSent) {
  Watchdog watchdog = Make(0s);
  Run(watchdog, 60s);
  EXPECT_EQ(pings_, 0);
}

TEST_F(WatchdogTest, AWorkerThatHangsStopsThePings) {
  for (const int hung : {0, 1}) {
    Watchdog watchdog = Make(10s);
    Run(watchdog, 20s);
    pings_ = 0;
    Run(watchdog, 60s, hung);
    // What it did before it hung may carry one more.
    EXPECT_LE(pings_, 1) << "worker " << hung;
    pings_ = 0;
    Run(watchdog, 60s, hung);
    EXPECT_EQ(pings_, 0) << "worker " << hung;
  }
}

TEST_F(WatchdogTest, AWorkerThatGoesOnIsForgiven) {
  Watchdog watchdog = Make(10s);
  Run(watchdog, 20s);
  Run(watchdog, 9s, 1);
  pings_ = 0;
  PollAll();
  watchdog.OnTurn(now_);
  EXPECT_EQ(pings_, 1);
  Run(watchdog, 10s);
  EXPECT_EQ(pings_, 2);
}

TEST_F(WatchdogTest, TheFirstPingWaitsForTheWorkersFirstTurns) {
  Watchdog watchdog = Make(10s);
  watchdog.OnTurn(now_);
  Poll(0);
  watchdog.OnTurn(now_);
  EXPECT_EQ(pings_, 0);
  Poll(1);
  watchdog.OnTurn(now_);
  EXPECT_EQ(pings_, 1);
}

TEST_F(WatchdogTest, WithoutTurnsOfTheControlCoreNothingIsSent) {
  Watchdog watchdog = Make(10s);
  Run(watchdog, 1s);
  EXPECT_EQ(pings_, 1);
  for (int i = 0; i < 1000; ++i) PollAll();
  now_ += 60s;
  EXPECT_EQ(pings_, 1);
  watchdog.OnTurn(now_);
  EXPECT_EQ(pings_, 2);
}

TEST_F(WatchdogTest, WhatTheManagersQueueDidNotTakeIsSentAgain) {
  Watchdog watchdog = Make(10s);
  is_full_ = true;
  Run(watchdog, 1s);
  EXPECT_EQ(pings_, 0);
  is_full_ = false;
  Run(watchdog, 5ms);
  EXPECT_EQ(pings_, 1);
}

}  // namespace
}  // namespace fairlead::watchdog_test
