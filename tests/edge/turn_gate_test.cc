#include "dataplane/dpdk/turn_gate.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace fairlead::edge::turn_gate_test {
namespace {

TEST(TurnGateTest, NobodyIsAtWorkDuringAChange) {
  TurnGate gate;
  std::atomic<bool> stop{false};
  std::atomic<int> at_work{0}, turns{0};
  std::vector<std::thread> workers;
  for (int w = 0; w < 2; ++w) {
    workers.emplace_back([&] {
      gate.Enter();
      while (!stop.load()) {
        gate.Pass();
        at_work.fetch_add(1);
        turns.fetch_add(1);
        std::this_thread::yield();
        at_work.fetch_sub(1);
      }
      gate.Leave();
    });
  }
  while (turns.load() == 0) std::this_thread::yield();
  int changes = 0, seen_at_work = 0;
  while (changes < 50) {
    changes += gate.WhileClosed([&] {
      seen_at_work += at_work.load();
      std::this_thread::yield();
      seen_at_work += at_work.load();
    });
    std::this_thread::yield();
  }
  const int before = turns.load();
  while (turns.load() == before) std::this_thread::yield();  // it is open again
  stop.store(true);
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(seen_at_work, 0);
}

// It saw an earlier closing, and is counted by this one just before it looks again.
TEST(TurnGateTest, AWorkerThatComesLateIsNotAtWorkDuringTheNextChange) {
  TurnGate gate;
  std::atomic<bool> stop{false};
  std::atomic<int> turns{0};
  std::thread worker([&] {
    gate.Enter();
    while (!stop.load()) {
      gate.Wait();
      turns.fetch_add(1);
    }
    gate.Leave();
  });
  int turns_during_changes = 0;
  while (turns.load() == 0) std::this_thread::yield();
  constexpr int kClosings = 1000;
  for (int i = 0; i < kClosings; ++i) {
    gate.WhileClosed(
        [&] {
          const int before = turns.load();
          std::this_thread::yield();
          turns_during_changes += turns.load() - before;
        },
        std::chrono::microseconds{100});
    std::this_thread::yield();
  }
  stop.store(true);
  worker.join();
  EXPECT_EQ(turns_during_changes, 0);
}

TEST(TurnGateTest, WithoutWorkersAChangeIsMadeAtOnce) {
  TurnGate gate;
  int changes = 0;
  EXPECT_TRUE(gate.WhileClosed([&] { ++changes; }));
  gate.Enter();
  gate.Leave();
  EXPECT_TRUE(gate.WhileClosed([&] { ++changes; }));
  EXPECT_EQ(changes, 2);
}

TEST(TurnGateTest, AWorkerThatDoesNotComePreventsTheChange) {
  TurnGate gate;
  gate.Enter();
  int changes = 0;
  EXPECT_FALSE(gate.WhileClosed([&] { ++changes; }));
  EXPECT_EQ(changes, 0);
  gate.Pass();  // it is open
  gate.Leave();
}

}  // namespace
}  // namespace fairlead::edge::turn_gate_test
