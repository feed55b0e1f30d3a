#include "base/spsc_ring.h"

#include <gtest/gtest.h>

#include <thread>

namespace fairlead {
namespace {

TEST(SpscRing, FullAndEmptyAreSaid) {
  SpscRing<int> ring(4);
  int got = 0;
  EXPECT_FALSE(ring.Pop(&got));
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.Push(i));
  EXPECT_FALSE(ring.Push(4));
  EXPECT_EQ(ring.size(), 4u);
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(ring.Pop(&got));
    EXPECT_EQ(got, i);
  }
  EXPECT_FALSE(ring.Pop(&got));
}

TEST(SpscRing, KeepsOrderBetweenTwoThreads) {
  SpscRing<uint32_t> ring(64);
  constexpr uint32_t kItems = 100000;
  std::thread producer([&] {
    for (uint32_t i = 0; i < kItems; ++i) {
      while (!ring.Push(i)) std::this_thread::yield();
    }
  });
  for (uint32_t i = 0; i < kItems; ++i) {
    uint32_t got = 0;
    while (!ring.Pop(&got)) std::this_thread::yield();
    ASSERT_EQ(got, i);
  }
  producer.join();
}

}  // namespace
}  // namespace fairlead
