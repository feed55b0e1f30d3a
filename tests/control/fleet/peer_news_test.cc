// A list of sync peers reaches the control core and the disk, whatever fails the first time.
#include "control/fleet/peer_news.h"

#include <gtest/gtest.h>

#include <new>

namespace fairlead::control::peer_news_test {
namespace {

using std::chrono::seconds;

class PeerNewsTest : public testing::Test {
 protected:
  void Tell(bool has_memory = true) {
    news_.Tell([&] {
      if (!has_memory) throw std::bad_alloc();
      ++told_;
    });
  }
  // The problem that is to be said after so long.
  std::string KeepAfter(seconds time, const std::string& fault = "") {
    return news_.Keep(now_ += time, [&]() -> Status {
      ++tries_;
      if (fault.empty()) return Done{};
      return Error{ErrorCode::kSystem, fault, "peers-edge-1"};
    });
  }

  PeerNews news_;
  TimePoint now_{seconds(1000)};
  int told_ = 0, tries_ = 0;
};

TEST_F(PeerNewsTest, IsToldAndKeptOnce) {
  Tell();
  KeepAfter(seconds(1));
  EXPECT_EQ(told_ + tries_, 0) << "there is nothing new";
  for (int i = 1; i <= 2; ++i) {
    news_.Note();
    for (int turn = 0; turn < 3; ++turn) {
      Tell();
      EXPECT_EQ(KeepAfter(seconds(1)), "");
    }
    EXPECT_EQ(told_, i);
    EXPECT_EQ(tries_, i);
  }
}

TEST_F(PeerNewsTest, AnExceptionLosesNothing) {
  news_.Note();
  EXPECT_THROW(Tell(false), std::bad_alloc);
  EXPECT_EQ(told_, 0);
  Tell();
  EXPECT_EQ(told_, 1);
  Tell();
  EXPECT_EQ(told_, 1);
}

TEST_F(PeerNewsTest, WhatCannotBeKeptIsTriedAgainAndSaidOnce) {
  news_.Note();
  EXPECT_NE(KeepAfter(seconds(1), "No space left on device"), "");
  EXPECT_EQ(KeepAfter(PeerNews::kRetry - seconds(1), "No space left on device"), "");
  EXPECT_EQ(tries_, 1) << "too early";
  EXPECT_EQ(KeepAfter(seconds(1), "No space left on device"), "") << "it was said";
  EXPECT_EQ(tries_, 2);
  EXPECT_NE(KeepAfter(PeerNews::kRetry, "Read-only file system"), "");
  EXPECT_EQ(KeepAfter(PeerNews::kRetry), "");
  EXPECT_EQ(tries_, 4);
  KeepAfter(PeerNews::kRetry);
  EXPECT_EQ(tries_, 4) << "it is kept";
}

TEST_F(PeerNewsTest, ANewListIsTriedAtOnce) {
  news_.Note();
  KeepAfter(seconds(1), "No space left on device");
  news_.Note();
  KeepAfter(seconds(1));
  EXPECT_EQ(tries_, 2);
}

}  // namespace
}  // namespace fairlead::control::peer_news_test
