#include "sched/load_board.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

namespace fairlead::sched::load_board_test {
namespace {

constexpr WorkerId kWorker{0};
constexpr RealId kReal{7};

TEST(LoadBoard, SumsTheWorkers) {
  LoadBoard board(3, 1 << 17);
  EXPECT_EQ(board.Sum(RealId{(1 << 17) - 1}), Load{});
  board.AddActive(WorkerId{0}, kReal, 2);
  board.AddActive(WorkerId{2}, kReal, 3);
  board.AddInactive(WorkerId{1}, kReal, 4);
  board.AddTemplates(WorkerId{1}, kReal, 5);
  EXPECT_EQ(board.Sum(kReal), (Load{5, 4, 5}));
  EXPECT_EQ(board.Sum(RealId{6}), Load{});
  EXPECT_EQ(board.Sum(RealId{8}), Load{});
}

TEST(LoadBoard, AConnectionMayLeaveFromAnotherWorker) {
  LoadBoard board(2, 8);
  board.AddActive(WorkerId{0}, kReal, 1);
  board.AddActive(WorkerId{1}, kReal, -1);
  EXPECT_EQ(board.Sum(kReal), Load{});
}

// Counts up to `top` and down to 0 and says where the flag was set and where it was cleared.
std::string Thresholds(uint32_t upper, uint32_t lower, uint32_t top) {
  LoadBoard board(1, 8);
  std::string text;
  const auto step = [&](int32_t delta) {
    const bool before = board.overloaded(kReal);
    board.AddInactive(kWorker, kReal, delta);
    board.UpdateOverload(kReal, upper, lower);
    if (board.overloaded(kReal) == before) return;
    text += before ? "cleared " : "set ";
    text += std::to_string(board.Sum(kReal).inactive) + " ";
  };
  for (uint32_t i = 0; i < top; ++i) step(+1);
  for (uint32_t i = 0; i < top; ++i) step(-1);
  return text;
}

TEST(LoadBoard, SpecThresholds) {
  EXPECT_EQ(Thresholds(10, 0, 12), "set 10 cleared 7 ");
  EXPECT_EQ(Thresholds(5, 0, 5), "set 5 cleared 3 ");
  EXPECT_EQ(Thresholds(10, 2, 10), "set 10 cleared 1 ");
  EXPECT_EQ(Thresholds(1, 0, 1), "set 1 cleared 0 ");
  EXPECT_EQ(Thresholds(10, 10, 11), "set 10 cleared 9 ");
  EXPECT_EQ(Thresholds(10, 0, 9), "");
  EXPECT_EQ(Thresholds(0, 0, 9), "");
}

TEST(LoadBoard, ActiveAndInactiveCountTemplatesDoNot) {
  LoadBoard board(1, 8);
  board.AddTemplates(kWorker, kReal, 50);
  board.AddActive(kWorker, kReal, 1);
  board.UpdateOverload(kReal, 2, 0);
  EXPECT_FALSE(board.overloaded(kReal));
  board.AddInactive(kWorker, kReal, 1);
  board.UpdateOverload(kReal, 2, 0);
  EXPECT_TRUE(board.overloaded(kReal));
  EXPECT_FALSE(board.overloaded(RealId{6}));
}

TEST(LoadBoard, EditingTheThresholds) {
  LoadBoard board(1, 8);
  board.AddActive(kWorker, kReal, 9);
  board.UpdateOverload(kReal, 9, 0);
  EXPECT_TRUE(board.overloaded(kReal));
  board.UpdateOverload(kReal, 10, 8);  // in between: as it was
  EXPECT_TRUE(board.overloaded(kReal));
  board.UpdateOverload(kReal, 20, 10);  // below the lower one
  EXPECT_FALSE(board.overloaded(kReal));
  board.UpdateOverload(kReal, 10, 8);
  EXPECT_FALSE(board.overloaded(kReal));
  board.UpdateOverload(kReal, 5, 0);
  EXPECT_TRUE(board.overloaded(kReal));
  board.UpdateOverload(kReal, 0, 0);
  EXPECT_FALSE(board.overloaded(kReal));
}

// Two workers that close the last two connections at the same instant: with lower threshold 1 only
// count 0 clears the flag, and one of them must see it. Without the order that UpdateOverload
// asks for, both may read the other's old count (tried: it sticks within some thousand rounds).
TEST(LoadBoard, TheFlagNeverSticks) {
  constexpr uint32_t kRounds = 20000;
  LoadBoard board(2, 8);
  std::atomic<uint32_t> arrived = 0;
  std::atomic<uint32_t> stuck = 0;
  const auto meet = [&arrived](uint32_t* phase) {
    *phase += 2;
    ++arrived;
    for (int spins = 0; arrived < *phase; ++spins) {
      if (spins > 1000) std::this_thread::yield();
    }
  };
  const auto work = [&](WorkerId worker) {
    uint32_t phase = 0;
    const auto change = [&](int32_t delta) {
      board.AddActive(worker, kReal, delta);
      board.UpdateOverload(kReal, 2, 1);
    };
    for (uint32_t round = 0; round < kRounds; ++round) {
      change(+1);
      meet(&phase);
      if (!board.overloaded(kReal)) ++stuck;
      meet(&phase);
      change(-1);
      meet(&phase);
      if (board.overloaded(kReal)) ++stuck;
      meet(&phase);
    }
  };
  std::thread other(work, WorkerId{1});
  work(WorkerId{0});
  other.join();
  EXPECT_EQ(stuck, 0u);
}

}  // namespace
}  // namespace fairlead::sched::load_board_test
