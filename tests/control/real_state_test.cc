#include "control/real_state.h"

#include <gtest/gtest.h>

namespace fairlead::control {
namespace {

TEST(RealState, TheHarshestCauseWins) {
  struct Case {
    AdminState admin;
    HealthState health;
    OnFail on_fail;
    RealState expected;
  };
  constexpr auto kUp = HealthState::kUp, kDown = HealthState::kDown;
  const Case cases[] = {
      {AdminState::kUp, kUp, OnFail::kDrain, {3, true, true}},
      {AdminState::kUp, HealthState::kUnchecked, OnFail::kRemove, {3, true, true}},
      {AdminState::kQuiesce, kUp, OnFail::kDrain, {0, true, true}},
      {AdminState::kDrain, kUp, OnFail::kDrain, {0, false, true}},
      {AdminState::kDown, kUp, OnFail::kDrain, {0, false, true}},
      {AdminState::kUp, kDown, OnFail::kDrain, {0, false, true}},
      {AdminState::kUp, kDown, OnFail::kQuiesce, {0, true, true}},
      {AdminState::kUp, kDown, OnFail::kRemove, {0, false, false}},
      {AdminState::kQuiesce, kDown, OnFail::kDrain, {0, false, true}},
      {AdminState::kDrain, kDown, OnFail::kQuiesce, {0, false, true}},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(StateOf({.weight = 3, .admin = c.admin, .health = c.health, .on_fail = c.on_fail}),
              c.expected)
        << &c - cases;
  }
}

}  // namespace
}  // namespace fairlead::control
