#include "dataplane/tables/expiry_wheel.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <random>
#include <vector>

namespace fairlead::dataplane::expiry_wheel_test {
namespace {

struct Record {
  Tick deadline;
  uint32_t wheel_next = 0;
  uint32_t wheel_prev = 0;
};

using Wheel = ExpiryWheel<Record>;
constexpr uint32_t kUnlimited = 0xffff'ffff;
constexpr uint32_t kTurn = Wheel::kPositions * Wheel::kTicksPerPosition;

class ExpiryWheelTest : public testing::Test {
 protected:
  void Start(uint32_t records, Tick now) {
    records_.assign(records, Record{});
    wheel_ = Wheel(records_.data(), now);
  }
  void Add(uint32_t slot, Tick deadline) {
    records_[slot].deadline = deadline;
    wheel_.Add(slot);
  }
  // The slots that came out at `now`.
  std::vector<uint32_t> Advance(Tick now, uint32_t budget = kUnlimited) {
    std::vector<uint32_t> out;
    wheel_.Advance(now, budget, [&](uint32_t slot) {
      EXPECT_TRUE(records_[slot].deadline.HasPassed(now));
      out.push_back(slot);
      return WheelAction::kDrop;
    });
    return out;
  }
  // The first tick at which the slot comes out, asking every tick.
  Tick WhenDue(Tick from, uint32_t at_most) {
    for (Tick now = from;; now = now + 1) {
      if (!Advance(now).empty() || now == from + at_most) return now;
    }
  }

  std::vector<Record> records_;
  Wheel wheel_;
};

TEST_F(ExpiryWheelTest, ComesAtMostOnePositionLateAndNeverEarly) {
  // Starts that are no multiple of a position, and one just before the tick wraps.
  for (const uint32_t start : {0u, 5u, 15u, 16u, 0xffff'fff0u, 0xffff'ff05u}) {
    for (const uint32_t timeout : {0u, 1u, 15u, 16u, 17u, 200u, kTurn - 1, kTurn, kTurn + 1}) {
      Start(1, Tick{start});
      Add(0, Tick{start} + timeout);
      const Tick due = WhenDue(Tick{start}, timeout + 100);
      const uint32_t took = due.value - start;
      EXPECT_GE(took, timeout) << start;
      EXPECT_LT(took, timeout + Wheel::kTicksPerPosition) << start;
    }
  }
}

TEST_F(ExpiryWheelTest, BeyondOneTurnItGoesRoundAgain) {
  Start(1, Tick{100});
  const uint32_t month = TicksFromSeconds(2678400);  // the longest timeout
  Add(0, Tick{100} + month);
  Tick now{100};
  for (; now.value < 100 + month; now = now + 97) ASSERT_TRUE(Advance(now).empty());
  EXPECT_EQ(Advance(now + Wheel::kTicksPerPosition).size(), 1u);
}

TEST_F(ExpiryWheelTest, LaterIsLazyEarlierIsNot) {
  Start(2, Tick{0});
  Add(0, Tick{1000});
  Add(1, Tick{1000});
  wheel_.SetDeadline(0, Tick{5000});
  wheel_.SetDeadline(1, Tick{200});
  EXPECT_EQ(Advance(Tick{208}), std::vector<uint32_t>{1});
  EXPECT_TRUE(Advance(Tick{4999}).empty());
  EXPECT_EQ(Advance(Tick{5008}), std::vector<uint32_t>{0});
}

TEST_F(ExpiryWheelTest, NothingIsLostInALongPause) {
  for (const uint32_t pause : {kTurn - 1, kTurn, 3 * kTurn + 7, 0x7000'0000u}) {
    Start(1000, Tick{0xffff'0000});
    for (uint32_t i = 0; i < 1000; ++i) Add(i, Tick{0xffff'0000} + i * 137);
    const Tick now = Tick{0xffff'0000} + pause;
    size_t found = 0;
    // One pass over the wheel at a time; whoever sleeps for days pays in slices.
    uint32_t left = 0;
    while (left == 0) {
      left = wheel_.Advance(now, 1000, [&](uint32_t) {
        ++found;
        return WheelAction::kDrop;
      });
    }
    EXPECT_EQ(found, pause >= 1000 * 137 ? 1000u : pause / 137 + 1) << pause;
  }
}

TEST_F(ExpiryWheelTest, TheBudgetBoundsACallAndTheNextGoesOn) {
  Start(100, Tick{0});
  for (uint32_t i = 0; i < 100; ++i) Add(i, Tick{16});
  Advance(Tick{15});  // up to just before
  std::vector<bool> seen(100);
  size_t calls = 0;
  for (size_t found = 0; found < 100; ++calls) {
    const auto some = Advance(Tick{16}, 7);
    ASSERT_LE(some.size(), 7u);
    for (const uint32_t slot : some) {
      EXPECT_FALSE(seen[slot]);
      seen[slot] = true;
    }
    found += some.size();
    ASSERT_LT(calls, 20u);
  }
}

TEST_F(ExpiryWheelTest, AddingWhileItLagsIsNotLost) {
  Start(3, Tick{0});
  Add(0, Tick{2 * kTurn});  // the wheel has not moved for two turns
  Add(1, Tick{5});
  Add(2, Tick{kTurn + 160});
  EXPECT_EQ(Advance(Tick{kTurn}), std::vector<uint32_t>{1});
  EXPECT_EQ(Advance(Tick{kTurn + 160}), std::vector<uint32_t>{2});
  EXPECT_EQ(Advance(Tick{2 * kTurn + 160}), std::vector<uint32_t>{0});
}

TEST_F(ExpiryWheelTest, TheCallbackMayRemoveOthers) {
  Start(3, Tick{0});
  for (uint32_t i = 0; i < 3; ++i) Add(i, Tick{16});
  std::vector<uint32_t> seen;
  wheel_.Advance(Tick{32}, kUnlimited, [&](uint32_t slot) {
    seen.push_back(slot);
    if (slot == 2) wheel_.Remove(1);  // last in, first out: 2, 1, 0
    return WheelAction::kDrop;
  });
  EXPECT_EQ(seen, (std::vector<uint32_t>{2, 0}));
}

TEST_F(ExpiryWheelTest, AKeptRecordComesBackAtItsNewDeadline) {
  Start(1, Tick{0});
  Add(0, Tick{16});
  int visits = 0;
  const auto keep = [&](uint32_t slot) {
    ++visits;
    records_[slot].deadline = records_[slot].deadline + 160;
    return WheelAction::kKeep;
  };
  wheel_.Advance(Tick{16}, kUnlimited, keep);
  wheel_.Advance(Tick{175}, kUnlimited, keep);
  EXPECT_EQ(visits, 1);
  wheel_.Advance(Tick{176}, kUnlimited, keep);
  EXPECT_EQ(visits, 2);
}

// A wheel that lags may keep a record whose new deadline has passed as well: the pass still ends.
TEST_F(ExpiryWheelTest, KeepingAnOverdueRecordCannotHoldThePassUp) {
  Start(2, Tick{0});
  Add(0, Tick{16});
  Add(1, Tick{320});
  int visits = 0;
  bool has_seen_other = false;
  wheel_.Advance(Tick{320}, 1000, [&](uint32_t slot) {
    if (slot == 1) {
      has_seen_other = true;
      return WheelAction::kDrop;
    }
    ++visits;
    return WheelAction::kKeep;
  });
  EXPECT_TRUE(has_seen_other);
  EXPECT_EQ(visits, 20);  // once for each position from 16 to 320
}

// Against a plain map of deadlines: random adds, moves, removals and pauses.
TEST_F(ExpiryWheelTest, AgreesWithAMap) {
  for (const uint32_t seed : {1u, 2u, 3u, 4u}) {
    std::mt19937 random(seed);
    const auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
    Tick now{0xfff0'0000 + seed};
    Start(200, now);
    std::map<uint32_t, Tick> model;
    for (int step = 0; step < 25000; ++step) {
      const uint32_t slot = below(200);
      const Tick deadline = now + below(step % 7 == 0 ? 3 * kTurn : 2000);
      if (!model.contains(slot)) {
        Add(slot, deadline);
        model[slot] = deadline;
      } else if (below(4) == 0) {
        wheel_.Remove(slot);
        model.erase(slot);
      } else {
        wheel_.SetDeadline(slot, deadline);
        model[slot] = deadline;
      }
      now = now + (below(500) == 0 ? below(3 * kTurn) : below(20));
      for (const uint32_t out : Advance(now)) {
        ASSERT_TRUE(model.contains(out));
        ASSERT_TRUE(model[out].HasPassed(now));
        model.erase(out);
      }
      // What was due one position ago is gone.
      for (const auto& [kept, its] : model) {
        ASSERT_FALSE((its + Wheel::kTicksPerPosition).HasPassed(now)) << kept;
      }
    }
  }
}

}  // namespace
}  // namespace fairlead::dataplane::expiry_wheel_test
