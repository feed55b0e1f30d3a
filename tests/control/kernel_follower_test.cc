#include "control/kernel_follower.h"

#include "control/publication.h"
#include "fake_kernel.h"

namespace fairlead::control::kernel_follower_test {
namespace {

using namespace std::chrono_literals;

class KernelFollowerTest : public testing::Test {
 protected:
  KernelFollowerTest() { follower_.SetWatch(&kernel_); }
  // How often it takes something over until `end`, tick by tick.
  int TakenUntil(TimePoint end, bool is_changing = false) {
    int taken = 0;
    for (; now_ < end; now_ += 5ms) {
      if (is_changing) kernel_.Add("192.0.2.9/32");
      if (follower_.Tick(now_)) ++taken;
    }
    return taken;
  }

  FakeKernel kernel_;
  KernelFollower follower_{{"outside", "inside"}};
  TimePoint now_ = At(0ms);
};

TEST_F(KernelFollowerTest, TheStartIsTakenOverAtOnceAndNoArrival) {
  kernel_.Add("192.0.2.1/24");
  kernel_.is_settled = false;
  EXPECT_EQ(follower_.network(), nullptr);
  EXPECT_TRUE(follower_.Tick(now_));
  EXPECT_EQ(follower_.network()->addresses.size(), 1u);
  EXPECT_TRUE(follower_.TakeArrived().empty());
}

TEST_F(KernelFollowerTest, AChangeIsTakenOverOnceItIsComplete) {
  TakenUntil(At(200ms));
  kernel_.Add("192.0.2.80/32");
  EXPECT_EQ(TakenUntil(At(205ms)), 0) << "more may come";
  kernel_.Add("192.0.2.81/32");
  EXPECT_EQ(TakenUntil(At(210ms)), 0);
  EXPECT_EQ(TakenUntil(At(215ms)), 1);
  EXPECT_EQ(follower_.TakeArrived(), (std::vector{Ip("192.0.2.80"), Ip("192.0.2.81")}));
  EXPECT_EQ(TakenUntil(At(500ms)), 0);
}

TEST_F(KernelFollowerTest, WhatNeverRestsIsTakenOverTenTimesASecond) {
  TakenUntil(At(200ms));
  EXPECT_EQ(TakenUntil(At(1200ms), /*is_changing=*/true), 9);
}

TEST_F(KernelFollowerTest, WhatCostsMuchIsTakenOverLessOften) {
  TakenUntil(At(200ms));
  kernel_.Add("192.0.2.80/32");
  EXPECT_EQ(TakenUntil(At(300ms)), 1);
  follower_.NoteCost(50ms, now_);
  kernel_.Add("192.0.2.81/32");
  EXPECT_EQ(TakenUntil(At(800ms)), 0) << "ten times as long";
  EXPECT_EQ(TakenUntil(At(900ms)), 1);
}

TEST_F(KernelFollowerTest, RoutesAreAskedForOnceWhenTheNumberIsAnother) {
  follower_.FollowRoutes(100);
  EXPECT_EQ(kernel_.most_routes, 100u);
  kernel_.most_routes = 0;
  follower_.FollowRoutes(100);
  EXPECT_EQ(kernel_.most_routes, 0u) << "nobody asks twice";
}

TEST_F(KernelFollowerTest, AnAddressThatWasAwayForAMomentHasArrivedAgain) {
  kernel_.Add("192.0.2.80/32");
  TakenUntil(At(200ms));
  kernel_.Remove("192.0.2.80/32");
  kernel_.Add("192.0.2.80/32");
  EXPECT_EQ(TakenUntil(At(210ms)), 1);
  EXPECT_EQ(follower_.TakeArrived(), std::vector{Ip("192.0.2.80")});
}

std::shared_ptr<const ConfigModel> Follower(const std::string& scheduler) {
  return std::make_shared<const ConfigModel>(
      ModelWithTwins("services:\n  - { name: c, address: 192.0.2.82, protocol: tcp, port: 80, "
                     "announce: follow-kernel, scheduler: " +
                     scheduler + ", reals: [] }\n"));
}

uint64_t clock_ms = 0;  // of the news

// The whole way: twin, snapshot, announcements, groups, neighbours.
class FollowedTest : public testing::Test {
 protected:
  FollowedTest() {
    clock_ms = 50'000;
    fabric_.kernel_news.SetClock([]() noexcept { return clock_ms; });
    publication_.SetKernelWatch(&kernel_);
  }
  // Frames that worker 0 is told to send, until the turns are over.
  size_t Turns(int count) {
    size_t frames = 0;
    for (; count > 0; --count) {
      AdoptAll(fabric_);
      clock_ms += 5;
      publication_.Turn(now_ += 5ms);
      const auto run = [&](dataplane::Command& command) {
        if (command.kind != dataplane::CommandKind::kTransmitFrame) return;
        auto& frame = static_cast<dataplane::TransmitFrame&>(command);
        frame.is_sent = true;
        const bool is_arp = frame.bytes[12] == 8 && frame.bytes[13] == 6;
        const bool is_announcement =
            std::equal(&frame.bytes[28], &frame.bytes[32], &frame.bytes[38]);
        frames += is_arp && is_announcement && frame.bytes[31] == 82 ? 1 : 0;
      };
      while (fabric_.control[0]->RunNext(run)) {
      }
    }
    return frames;
  }
  [[nodiscard]] bool IsAnswered() const {
    return publication_.snapshot()->FindLocal(Ip("192.0.2.82"))->is_announced;
  }

  dataplane::Fabric fabric_{SmallFabric(1)};
  std::vector<PortRuntime> ports_ = TwoPorts();
  SilentProber prober_;
  FakeKernel kernel_;
  Publication publication_{fabric_, Follower("wlc"), ports_, prober_, 1};
  TimePoint now_ = At(0s);
};

TEST_F(FollowedTest, AnAddressIsAnsweredForWhileTheTwinHasItAndAnnouncedEachTimeItComes) {
  EXPECT_EQ(Turns(600), 0u);
  EXPECT_FALSE(IsAnswered());
  kernel_.Add("192.0.2.82/32");
  EXPECT_EQ(Turns(600), 3u);
  EXPECT_TRUE(IsAnswered());
  kernel_.Remove("192.0.2.82/32");
  kernel_.Add("192.0.2.82/32");
  EXPECT_EQ(Turns(600), 3u) << "it was away for a moment";
  kernel_.Remove("192.0.2.82/32");
  EXPECT_EQ(Turns(600), 0u);
  EXPECT_FALSE(IsAnswered());
}

TEST_F(FollowedTest, ARouteOfTheKernelIsUsedWhileItIsThere) {
  Turns(30);
  kernel_.Route("198.51.100.0/24", "10.0.0.252", 1);
  Turns(30);
  const dataplane::RouteView* route = publication_.snapshot()->routes.Find(Ip("198.51.100.7"));
  ASSERT_NE(route, nullptr);
  EXPECT_EQ(route->gateway_address, Ip("10.0.0.252"));
  EXPECT_EQ(route->source, Ip("10.0.0.1"));
  kernel_.RemoveRoutes();
  Turns(30);
  EXPECT_EQ(publication_.snapshot()->routes.Find(Ip("198.51.100.7"))->gateway_address,
            Ip("192.0.2.254"));
}

TEST_F(FollowedTest, AReloadChangesNothing) {
  kernel_.Add("192.0.2.82/32");
  kernel_.Add("10.0.0.254/32", 1);
  Turns(600);
  publication_.Want({Follower("rr"), {}}, {});
  EXPECT_EQ(Turns(600), 0u) << "no news";
  EXPECT_TRUE(IsAnswered());
  EXPECT_NE(publication_.snapshot()->FindLocal(Ip("10.0.0.254")), nullptr);
}

TEST_F(FollowedTest, WhatIsHereByATwinAloneIsMarked) {
  kernel_.Add("192.0.2.82/32");
  kernel_.Add("10.0.0.250/24", 1);
  kernel_.Add("10.0.0.1/24", 1);  // which the configuration has too
  Turns(10);
  const auto is_of_kernel = [this](const char* address) {
    return publication_.snapshot()->FindLocal(Ip(address))->is_of_kernel;
  };
  EXPECT_TRUE(is_of_kernel("192.0.2.82"));
  EXPECT_TRUE(is_of_kernel("10.0.0.250"));
  EXPECT_FALSE(is_of_kernel("10.0.0.1"));
}

// Workers that go on before this thread does say nothing; and neither does this thread, before what
// the twins have lost meanwhile is in force.
TEST_F(FollowedTest, AfterAGapTheNewsAreFreshOnceTheyAreInForce) {
  kernel_.Add("192.0.2.82/32");
  Turns(600);
  EXPECT_TRUE(IsAnswered());
  EXPECT_TRUE(fabric_.kernel_news.IsFresh());
  clock_ms += 5000;
  now_ += 5s;
  EXPECT_FALSE(fabric_.kernel_news.IsFresh());
  kernel_.Remove("192.0.2.82/32");
  size_t turns = 0;
  for (; !fabric_.kernel_news.IsFresh() && turns < 100; ++turns) {
    EXPECT_EQ(Turns(1), 0u);
    EXPECT_TRUE(!fabric_.kernel_news.IsFresh() || !IsAnswered());
  }
  EXPECT_LT(turns, 30u);
  EXPECT_GT(turns, 1u) << "the first turn reads it, a later one has it in force";
  Turns(100);
  EXPECT_TRUE(fabric_.kernel_news.IsFresh());
}

TEST_F(FollowedTest, ChangesWithoutAnEndKeepTheNewsFreshInService) {
  Turns(10);
  for (int i = 0; i < 400; ++i) {
    kernel_.Route("198.51.100.0/24", "192.0.2.9", 0);
    Turns(1);
    ASSERT_TRUE(fabric_.kernel_news.IsFresh()) << i;
  }
}

TEST_F(FollowedTest, WhoIsNeverInForceIsWaitedForButNotForEver) {
  Turns(10);
  clock_ms += 5000;
  kernel_.is_settled = false;
  for (int i = 0; i < 900; ++i) {
    clock_ms += 5;
    publication_.Turn(now_ += 5ms);
    ASSERT_FALSE(fabric_.kernel_news.IsFresh()) << i;
  }
  Turns(200);
  EXPECT_TRUE(fabric_.kernel_news.IsFresh());
}

}  // namespace
}  // namespace fairlead::control::kernel_follower_test
