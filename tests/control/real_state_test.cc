#include "control/real_state.h"

#include <gtest/gtest.h>

namespace fairlead::control::real_state_test {
namespace {

TEST(RealState, TheHarshestCauseWins) {
  struct Case {
    AdminState admin;
    HealthState health;
    OnFail on_fail;
    RealState expected;
  };
  using dataplane::Remains;
  constexpr auto kUp = HealthState::kUp, kDown = HealthState::kDown;
  const Case cases[] = {
      {AdminState::kUp, kUp, OnFail::kDrain, {3, true, true}},
      {AdminState::kUp, HealthState::kUnchecked, OnFail::kRemove, {3, true, true}},
      {AdminState::kQuiesce, kUp, OnFail::kDrain, {0, true, true}},
      {AdminState::kDrain, kUp, OnFail::kDrain, {0, false, true}},
      {AdminState::kDown, kUp, OnFail::kDrain, {0, false, true, Remains::kMove}},
      {AdminState::kUp, kDown, OnFail::kDrain, {0, false, true, Remains::kMove}},
      {AdminState::kUp, kDown, OnFail::kQuiesce, {0, true, true}},
      {AdminState::kUp, kDown, OnFail::kRemove, {0, false, false, Remains::kMove}},
      {AdminState::kQuiesce, kDown, OnFail::kDrain, {0, false, true, Remains::kMove}},
      {AdminState::kDrain, kDown, OnFail::kQuiesce, {0, false, true}},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(StateOf({.weight = 3, .admin = c.admin, .health = c.health, .on_fail = c.on_fail}),
              c.expected)
        << &c - cases;
  }
}

TEST(RealState, ADrainResetsWhatIsLeftAtItsDeadline) {
  RealFacts facts{.weight = 3, .admin = AdminState::kDrain};
  EXPECT_EQ(StateOf(facts).remains, dataplane::Remains::kServe);
  facts.is_drain_over = true;
  EXPECT_EQ(StateOf(facts).remains, dataplane::Remains::kReset);
  facts.admin = AdminState::kUp;
  EXPECT_EQ(StateOf(facts).remains, dataplane::Remains::kServe) << "taken back";
}

// Dead in the file, dropped by the file, removed by hand; with and without expire_nodest_conn.
TEST(RealState, WhatRemovedAndDeadRealsLeaveBehind) {
  using dataplane::Remains;
  struct Case {
    std::optional<OnRemove> on_remove;
    bool expires;
    Remains dead, dropped, by_hand;
  };
  const Case cases[] = {
      {{}, false, Remains::kMove, Remains::kLeave, Remains::kHold},
      {{}, true, Remains::kExpire, Remains::kExpire, Remains::kExpire},
      {OnRemove::kDrain, true, Remains::kMove, Remains::kContinue, Remains::kContinue},
      {OnRemove::kHold, true, Remains::kHold, Remains::kHold, Remains::kHold},
      {OnRemove::kExpire, false, Remains::kExpire, Remains::kExpire, Remains::kExpire},
      {OnRemove::kReset, true, Remains::kReset, Remains::kReset, Remains::kReset},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(RemainsOfDead(c.on_remove, c.expires), c.dead) << &c - cases;
    EXPECT_EQ(RemainsOfRemoved(c.on_remove, c.expires, {}), c.dropped) << &c - cases;
    EXPECT_EQ(RemainsOfRemoved(c.on_remove, c.expires, {.by_hand = true}), c.by_hand) << &c - cases;
    // Flows stay with a real that was drained before, and while nobody else could take them.
    const Remains kept = c.dropped == Remains::kLeave ? Remains::kContinue : c.dropped;
    EXPECT_EQ(RemainsOfRemoved(c.on_remove, c.expires, {.was_draining = true}), kept);
    EXPECT_EQ(RemainsOfRemoved(c.on_remove, c.expires, {.has_others = false}), kept);
    EXPECT_EQ(
        StateOf({.admin = AdminState::kDown, .on_remove = c.on_remove, .expires_nodest = c.expires})
            .remains,
        c.dead);
  }
}

// The same failed check, said in one word of three: known clients move, stay, or find it gone.
TEST(RealState, Wish36AFailedCheckDrainsQuiescesOrRemovesAsTheFileSays) {
  const auto failed = [](OnFail on_fail) {
    return StateOf({.health = HealthState::kDown, .on_fail = on_fail});
  };
  EXPECT_EQ(failed(OnFail::kDrain).weight, 0);
  EXPECT_FALSE(failed(OnFail::kDrain).templates_valid);
  EXPECT_TRUE(failed(OnFail::kDrain).is_present);
  EXPECT_EQ(failed(OnFail::kQuiesce).weight, 0);
  EXPECT_TRUE(failed(OnFail::kQuiesce).templates_valid);
  EXPECT_TRUE(failed(OnFail::kQuiesce).is_present);
  EXPECT_FALSE(failed(OnFail::kRemove).is_present);
}

}  // namespace
}  // namespace fairlead::control::real_state_test
