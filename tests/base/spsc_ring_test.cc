#include "base/spsc_ring.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>

namespace fairlead::spsc_ring_test {
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

TEST(SpscRing, StagedItemsAreSeenTogether) {
  SpscRing<int> ring(4);
  int got = 0;
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.Stage(i));
  EXPECT_FALSE(ring.Stage(4));
  EXPECT_FALSE(ring.Pop(&got));
  EXPECT_EQ(ring.size(), 0u);
  ring.Publish();
  EXPECT_EQ(ring.size(), 4u);
  EXPECT_TRUE(ring.Pop(&got));
  EXPECT_EQ(got, 0);
}

TEST(SpscRing, AnItemIsWrittenInItsPlaceOrNotAtAll) {
  SpscRing<int> ring(2);
  int got = 0;
  EXPECT_TRUE(ring.PushFilled([](int* slot) { *slot = 7; }));
  EXPECT_TRUE(ring.Push(8));
  EXPECT_FALSE(ring.PushFilled([](int* slot) { *slot = 9; }));
  EXPECT_TRUE(ring.Pop(&got));
  EXPECT_EQ(got, 7);
  EXPECT_TRUE(ring.Pop(&got));
  EXPECT_EQ(got, 8);
  EXPECT_FALSE(ring.Pop(&got));
}

TEST(SpscRing, ABurstIsOldestFirstAndGoesRoundTheEnd) {
  SpscRing<int> ring(4);
  std::array<int, 8> got{};
  for (int i = 0; i < 3; ++i) ring.Push(i);
  EXPECT_EQ(ring.PopBurst({got.data(), 2}), 2u);
  for (int i = 3; i < 6; ++i) EXPECT_TRUE(ring.Push(i));
  EXPECT_FALSE(ring.Push(6));
  // What this side knows of first, then the rest.
  EXPECT_EQ(ring.PopBurst({got.data() + 2, 6}), 1u);
  EXPECT_EQ(ring.PopBurst({got.data() + 3, 5}), 3u);
  EXPECT_EQ(got, (std::array<int, 8>{0, 1, 2, 3, 4, 5, 0, 0}));
  EXPECT_EQ(ring.PopBurst(got), 0u);
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

TEST(SpscRing, BurstsKeepOrderBetweenTwoThreads) {
  SpscRing<uint32_t> ring(64);
  constexpr uint32_t kItems = 100000;
  std::thread producer([&] {
    for (uint32_t i = 0; i < kItems;) {
      uint32_t staged = 0;
      while (staged < 7 && i < kItems && ring.Stage(i)) ++i, ++staged;
      ring.Publish();
      if (staged == 0) std::this_thread::yield();
    }
  });
  std::array<uint32_t, 32> got;
  for (uint32_t next = 0; next < kItems;) {
    const size_t count = ring.PopBurst(got);
    if (count == 0) std::this_thread::yield();
    for (size_t i = 0; i < count; ++i) ASSERT_EQ(got[i], next++);
  }
  producer.join();
}

}  // namespace
}  // namespace fairlead::spsc_ring_test
