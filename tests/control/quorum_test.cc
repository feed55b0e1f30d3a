#include "control/health/quorum.h"

#include <gmock/gmock.h>

#include "control/publication.h"
#include "director_fixture.h"
#include "fake_prober.h"

namespace fairlead::control::quorum_test {
namespace {

using namespace std::chrono_literals;

ServiceConfig With(uint32_t quorum, uint32_t hysteresis) {
  ServiceConfig service;
  service.name = "web";
  service.address = Ip("192.0.2.80");
  service.port = 80;
  service.quorum = quorum;
  service.hysteresis = hysteresis;
  return service;
}

// "+" or "-" for each living weight in turn, of ten in all.
std::string Course(const ServiceConfig& service, std::initializer_list<uint64_t> weights) {
  std::string course;
  bool has = true;
  for (const uint64_t living : weights) {
    has = HasQuorum(service, {living, 10}, has);
    course += has ? "+" : "-";
  }
  return course;
}

// The example of keepalived's manual: quorum 7, hysteresis 2: up at 9, down at 4.
TEST(Quorum, IsLostBelowAndRegainedAboveByTheHysteresis) {
  EXPECT_EQ(Course(With(7, 2), {10, 6, 5, 4, 5, 8, 9, 5}), "+++---++");
}

TEST(Quorum, WithoutOneAnythingThatLivesIsEnough) {
  EXPECT_EQ(Course(With(1, 0), {1, 0, 1}), "+-+");
}

TEST(Quorum, IsLostWithTheLast) { EXPECT_EQ(Course(With(3, 2), {1, 0, 4, 5}), "+--+"); }

TEST(Quorum, MoreThanAllIsNeverAskedFor) {
  EXPECT_EQ(Course(With(50, 0), {10, 9, 10}), "+-+");
  EXPECT_EQ(Course(With(9, 8), {10, 0, 9, 10}), "+--+");
}

TEST(QuorumBook, TellsOfAChangeOnce) {
  QuorumBook book;
  const ServiceConfig service = With(2, 0);
  EXPECT_TRUE(book.Decide(service, {3, 3}));
  EXPECT_TRUE(book.Commit().empty());
  const uint64_t revision = book.revision();
  EXPECT_FALSE(book.Decide(service, {1, 3}));
  const auto changes = book.Commit();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_FALSE(changes[0].has_quorum);
  EXPECT_FALSE(changes[0].is_first);
  EXPECT_EQ(changes[0].name, "web");
  EXPECT_GT(book.revision(), revision);
  EXPECT_FALSE(book.Decide(service, {1, 3}));
  EXPECT_TRUE(book.Commit().empty());
}

TEST(QuorumBook, WhatWasNotPublishedDoesNotHold) {
  QuorumBook book;
  book.Decide(With(2, 0), {0, 3});
  book.Discard();
  EXPECT_TRUE(book.Commit().empty());
  EXPECT_TRUE(book.has_quorum(KeyOf(With(2, 0))));
}

TEST(QuorumBook, SaysWhatWasSoFromTheStart) {
  QuorumBook book;
  book.Decide(With(2, 0), {0, 3});
  const auto changes = book.Commit();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_TRUE(changes[0].is_first);
}

// Between the two marks only memory knows.
// With `initial: down` a service waits for its real servers: that they come is no news for mail.
TEST(QuorumBook, TheFirstQuorumAfterTheStartIsNotMailed) {
  const ServiceConfig service = With(3, 0);
  QuorumBook book;
  const auto change = [&](uint64_t living) {
    book.Decide(service, {living, 10});
    const std::vector<QuorumChange> changes = book.Commit();
    return changes.empty() ? QuorumChange{} : changes[0];
  };
  EXPECT_TRUE(change(0).is_first);
  const QuorumChange first = change(5);
  EXPECT_TRUE(first.has_quorum && first.ends_start);
  EXPECT_EQ(NotificationOf(first).title, "");
  EXPECT_EQ(NotificationOf(change(1)).title, "service web has lost its quorum");
  EXPECT_EQ(NotificationOf(change(5)).title, "service web has its quorum again");
}

TEST(QuorumBook, ARestartGoesOnWithWhatWasLost) {
  const ServiceConfig service = With(5, 2);
  QuorumBook before;
  before.Decide(service, {2, 10});
  before.Commit();
  QuorumBook after;
  after.Recall(before.Lost());
  EXPECT_FALSE(after.Decide(service, {6, 10}));
  EXPECT_TRUE(after.Commit().empty()) << "no news";
  EXPECT_TRUE(after.Decide(service, {7, 10}));
  EXPECT_EQ(after.Commit().size(), 1u);
}

TEST(QuorumBook, ForgetsServicesThatAreGone) {
  QuorumBook book;
  book.Decide(With(1, 0), {0, 1});
  book.Commit();
  book.Follow(ConfigModel{});
  EXPECT_THAT(book.Lost(), testing::IsEmpty());
}

// ---- from the checks to the snapshot ----------------------------------------------------------

constexpr const char* kFour = R"(
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, quorum: 3, hysteresis: 1,
      health: { type: tcp, interval: 1s, timeout: 1s, fall: 1, rise: 1 },
      on_up: [/bin/notify, up], on_down: [/bin/notify, down],
      fallback: { address: 10.0.0.99 },
      reals: [ { address: 10.0.0.11 }, { address: 10.0.0.12 }, { address: 10.0.0.13 },
               { address: 10.0.0.14, on_down: [/bin/notify, real] } ] }
)";

class QuorumInForce : public testing::Test {
 protected:
  // A director, and what it has run.
  struct Side {
    explicit Side(dataplane::Fabric& fabric, const std::vector<PortRuntime>& ports)
        : publication(fabric, SharedModelOf(kFour), ports, prober, 1) {
      publication.SetNotify([this](const Notification& notice) {
        std::string text = notice.command.back();
        for (const std::string& word : notice.words) text += " " + word;
        notices.push_back(text);
      });
    }
    FakeProber prober;
    Publication publication;
    std::vector<std::string> notices;
  };

  // So many of the four answer well, for a second.
  void Living(size_t count, Side* side) {
    for (const TimePoint then = now_ + 1100ms; now_ < then;) {
      side->publication.Turn(now_ += 10ms);
      for (auto& [target, done] : std::exchange(side->prober.asked, {})) {
        const uint8_t number = target.endpoint.address.bytes()[3];
        done({.is_ok = number < 11 + count, .detail = "said so"});
      }
      AdoptAll(fabric_);
    }
  }
  // Weights of the four and of the fallback, as workers see them.
  static std::string Weights(const Side& side) {
    std::map<std::string, int32_t> weights;
    for (const dataplane::RealView& real : side.publication.snapshot()->reals) {
      if (!real.service.is_none()) weights[real.address.ToString()] = real.weight;
    }
    std::string text;
    for (const auto& [address, weight] : weights) text += std::to_string(weight);
    return text;
  }

  dataplane::Fabric fabric_{SmallFabric()};
  std::vector<PortRuntime> ports_ = TwoPorts();
  TimePoint now_ = At(1000s);
};

TEST_F(QuorumInForce, TheFallbackComesAndGoesOnce) {
  Side side(fabric_, ports_);
  Living(4, &side);
  EXPECT_EQ(Weights(side), "11110");
  Living(2, &side);
  EXPECT_EQ(Weights(side), "11000") << "not yet below 3 - 1";
  EXPECT_THAT(side.notices,
              testing::ElementsAre("real RS [10.0.0.14]:tcp:80 [192.0.2.80]:tcp:80 DOWN"));
  Living(1, &side);
  EXPECT_EQ(Weights(side), "00001");
  Living(3, &side);
  EXPECT_EQ(Weights(side), "00001") << "not yet 3 + 1";
  Living(4, &side);
  EXPECT_EQ(Weights(side), "11110");
  side.notices.erase(side.notices.begin());
  EXPECT_THAT(side.notices, testing::ElementsAre("down VS [192.0.2.80]:tcp:80 DOWN",
                                                 "up VS [192.0.2.80]:tcp:80 UP"));
}

TEST_F(QuorumInForce, ARestartAndAReloadRunNothing) {
  Side before(fabric_, ports_);
  Living(4, &before);
  Living(1, &before);
  Living(3, &before);
  ASSERT_EQ(Weights(before), "00001");
  before.notices.clear();
  before.publication.Want({SharedModelOf(kFour), {}}, {});
  Living(3, &before);
  EXPECT_EQ(Weights(before), "00001");
  EXPECT_THAT(before.notices, testing::IsEmpty());

  dataplane::Fabric fabric{SmallFabric()};
  Side after(fabric, ports_);
  after.publication.Recall({.checks = before.publication.health().Remembered(),
                            .lost_quorums = before.publication.quorums().Lost()});
  after.publication.Turn(now_);
  EXPECT_EQ(Weights(after), "00001") << "in the first snapshot";
  EXPECT_THAT(after.notices, testing::IsEmpty());
}

}  // namespace
}  // namespace fairlead::control::quorum_test
