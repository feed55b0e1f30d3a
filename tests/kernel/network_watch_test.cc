#include "kernel/network_watch.h"

#include <gtest/gtest.h>
#include <net/if.h>

namespace fairlead::kernel::network_watch_test {
namespace {

// The machine's own loopback interface has an address that does not count, so the first list is
// complete and empty.
TEST(NetworkWatch, HasReadAFirstListWhenItIsOpen) {
  auto watch = NetworkWatch::Open({if_nametoindex("lo")});
  ASSERT_TRUE(watch) << watch.error().ToString();
  EXPECT_TRUE((*watch)->addresses().entries().empty());
  EXPECT_EQ((*watch)->relists(), 1u);
  EXPECT_TRUE((*watch)->Turn(NetworkWatch::TimePoint{} + std::chrono::hours{1}));
  EXPECT_EQ((*watch)->relists(), 1u) << "nobody asks again without need";
}

TEST(NetworkWatch, ReadsRoutesOnceItIsToldTo) {
  auto watch = NetworkWatch::Open({if_nametoindex("lo")});
  ASSERT_TRUE(watch) << watch.error().ToString();
  (*watch)->FollowRoutes(10);
  const auto now = std::chrono::steady_clock::now() + std::chrono::hours{1};
  for (int i = 0; i < 1000 && !(*watch)->Turn(now); ++i) {
  }
  EXPECT_EQ((*watch)->relists(), 2u);
  EXPECT_EQ((*watch)->routes().size(), 0u) << "none leads out of lo";
}

}  // namespace
}  // namespace fairlead::kernel::network_watch_test
