#include "control/fleet/fleet_choice.h"

#include <gtest/gtest.h>

namespace fairlead::control::fleet_choice_test {
namespace {

using std::chrono::seconds;
using Step = FleetChoice::Step;

Documents Of(const std::string& text, uint64_t revision) {
  return {.common = {"etcd:/f/common", text, revision}, .own = {.place = "etcd:/f/directors/a"}};
}

class FleetChoiceTest : public testing::Test {
 protected:
  FleetChoiceTest() { choice_.Begin(Of("one", 1), Of("one", 1), now_); }
  Step Next(const Documents& heard, seconds later = seconds(0), uint64_t connections = 0) {
    return choice_.Next(now_ += later, heard, connections);
  }
  void Refuse(const Documents& documents) {
    ASSERT_EQ(Next(documents), Step::kApply);
    EXPECT_FALSE(choice_.OnReload(documents, false));
    EXPECT_TRUE(choice_.OnAttemptEnd());
    EXPECT_TRUE(choice_.is_refused());
  }

  FleetChoice choice_;
  TimePoint now_{};
};

TEST_F(FleetChoiceTest, OneAtATime) {
  EXPECT_EQ(Next(Of("one", 1)), Step::kNone);
  EXPECT_EQ(Next(Of("two", 2)), Step::kApply);
  EXPECT_EQ(Next(Of("three", 3)), Step::kNone);
  EXPECT_TRUE(choice_.OnReload(Of("two", 2), true));
  EXPECT_TRUE(choice_.OnAttemptEnd());
  EXPECT_EQ(choice_.in_force(), Of("two", 2));
  EXPECT_EQ(Next(Of("three", 3)), Step::kApply);
}

// A reload would take changes by hand back.
TEST_F(FleetChoiceTest, TheSameTextUnderAnotherRevisionIsNoReload) {
  EXPECT_EQ(Next(Of("one", 5)), Step::kAdopt);
  EXPECT_EQ(choice_.in_force().revision(), 5u);
  EXPECT_EQ(Next(Of("one", 5)), Step::kNone);
  EXPECT_EQ(Next(Of("", 6)), Step::kApply);
}

TEST_F(FleetChoiceTest, ADocumentThatIsGoneIsNotAnEmptyOne) {
  choice_.Begin(Of("", 1), Of("", 1), now_);
  EXPECT_EQ(Next(Of("", 0)), Step::kApply);
}

TEST_F(FleetChoiceTest, WhatWasRefusedIsTriedAgainSlowly) {
  Refuse(Of("bad", 2));
  EXPECT_EQ(Next(Of("bad", 2), FleetChoice::kRetry - seconds(1)), Step::kNone);
  EXPECT_EQ(Next(Of("bad", 2), seconds(1)), Step::kApply);
  choice_.OnReload(Of("bad", 2), true);
  choice_.OnAttemptEnd();
  EXPECT_FALSE(choice_.is_refused());
  EXPECT_EQ(Next(Of("bad", 2), FleetChoice::kRetry), Step::kNone);
}

TEST_F(FleetChoiceTest, AndWhenTheStoreIsWatchedAnew) {
  Refuse(Of("bad", 2));
  EXPECT_EQ(Next(Of("bad", 2), FleetChoice::kSoonestRetry, 1), Step::kApply);
}

TEST_F(FleetChoiceTest, AReloadByHandCounts) {
  Refuse(Of("bad", 2));
  EXPECT_TRUE(choice_.OnReload(Of("bad", 2), true));
  EXPECT_EQ(choice_.in_force(), Of("bad", 2));
  EXPECT_FALSE(choice_.is_refused());
  EXPECT_FALSE(choice_.OnReload(Of("bad", 2), true)) << "it was in force already";
}

TEST_F(FleetChoiceTest, WhatAFaultHasEndedIsRefused) {
  EXPECT_EQ(Next(Of("two", 2)), Step::kApply);
  EXPECT_FALSE(choice_.OnAttemptEnd());
  EXPECT_TRUE(choice_.is_refused());
  EXPECT_EQ(Next(Of("two", 2), FleetChoice::kRetry), Step::kApply);
}

TEST_F(FleetChoiceTest, AStartFromTheDiskTakesOverWhatIsHeardThen) {
  choice_.Begin(Of("one", 1), std::nullopt, now_);
  EXPECT_EQ(Next(Of("one", 1)), Step::kAdopt) << "it is no longer from the disk alone";
  choice_.Begin(Of("one", 1), Of("bad", 2), now_);
  EXPECT_TRUE(choice_.is_refused());
  EXPECT_EQ(Next(Of("bad", 2)), Step::kNone);
  EXPECT_EQ(Next(Of("bad", 2), FleetChoice::kRetry), Step::kApply);
}

}  // namespace
}  // namespace fairlead::control::fleet_choice_test
