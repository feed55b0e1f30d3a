#include <gmock/gmock.h>

#include "control/health/monitor.h"
#include "director_fixture.h"

namespace fairlead::control {
namespace {

using namespace std::chrono_literals;

// Answers when told to.
class FakeProber : public Prober {
 public:
  void Start(const ProbeTarget& target, std::function<void(ProbeResult)> done) override {
    asked.push_back({target, std::move(done)});
  }
  void AnswerAll(bool is_ok) {
    for (auto& [target, done] : std::exchange(asked, {})) {
      done({.is_ok = is_ok, .detail = is_ok ? "connected" : "connection refused", .took = 3ms});
    }
  }
  std::vector<std::pair<ProbeTarget, std::function<void(ProbeResult)>>> asked;
};

constexpr const char* kYaml = R"(
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80,
      health: { type: tcp, interval: 2s, timeout: 1s, fall: 3, rise: 2 },
      reals: [ { address: 10.0.0.11 } ] }
  - { name: also, address: 192.0.2.81, protocol: tcp, port: 80,
      health: { type: tcp, interval: 2s, timeout: 1s, fall: 3, rise: 2 },
      reals: [ { address: 10.0.0.11 } ] }
)";

class HealthMonitorTest : public testing::Test {
 protected:
  HealthMonitorTest() { monitor_.SetChecks(ChecksOf(model_), At(0s)); }

  // A look is due in each round; returns how many were taken.
  size_t Round(bool is_ok) {
    now_ += 2s;
    monitor_.Tick(now_);
    const size_t count = prober_.asked.size();
    prober_.AnswerAll(is_ok);
    return count;
  }
  HealthState State() { return monitor_.StateOf(CheckOf(model_.services[0], Real())); }
  const RealConfig& Real() { return model_.services[0].reals[0]; }

  FakeProber prober_;
  int changes_ = 0;
  ConfigModel model_ = ModelOf(kYaml);
  HealthMonitor monitor_{prober_, [this] { ++changes_; }};
  TimePoint now_ = At(0s);
};

TEST_F(HealthMonitorTest, StartsUpAndFallsAfterThreeFailuresInARow) {
  EXPECT_EQ(State(), HealthState::kUp);
  Round(false);
  Round(false);
  Round(true);  // starts over
  Round(false);
  Round(false);
  EXPECT_EQ(State(), HealthState::kUp);
  EXPECT_EQ(changes_, 0);
  Round(false);
  EXPECT_EQ(State(), HealthState::kDown);
  EXPECT_EQ(changes_, 1);
}

TEST_F(HealthMonitorTest, RisesAfterTwoSuccessesInARow) {
  for (int i = 0; i < 3; ++i) Round(false);
  Round(true);
  Round(false);
  Round(true);
  EXPECT_EQ(State(), HealthState::kDown);
  Round(true);
  EXPECT_EQ(State(), HealthState::kUp);
  EXPECT_EQ(changes_, 2);
}

TEST_F(HealthMonitorTest, TheSameQuestionIsAskedOnce) {
  EXPECT_EQ(Round(true), 1u);
  EXPECT_EQ(ChecksOf(model_)[0].wanted_by, "web, also");
}

TEST_F(HealthMonitorTest, NoSecondLookWhileOneIsOut) {
  monitor_.Tick(At(2s));
  monitor_.Tick(At(4s));
  EXPECT_EQ(prober_.asked.size(), 1u);
}

TEST_F(HealthMonitorTest, AnUnchangedCheckGoesOnOverAReload) {
  for (int i = 0; i < 3; ++i) Round(false);
  model_.services.Edit(0).name = "renamed";
  monitor_.SetChecks(ChecksOf(model_), now_);
  EXPECT_EQ(State(), HealthState::kDown);
}

// A reload that only makes checks slower must not send clients to servers known to be dead.
TEST_F(HealthMonitorTest, AChangedCheckKeepsWhatTheOldOneKnew) {
  for (int i = 0; i < 3; ++i) Round(false);
  for (size_t i = 0; i < model_.services.size(); ++i) {
    model_.services.Edit(i).health->interval = 3s;
    model_.services.Edit(i).health->fall = 5;
  }
  monitor_.SetChecks(ChecksOf(model_), now_);
  EXPECT_EQ(State(), HealthState::kDown);
  const HealthHistogram* histogram = monitor_.HistogramOf(CheckOf(model_.services[0], Real()));
  ASSERT_NE(histogram, nullptr);
  EXPECT_EQ(histogram->counts[2], 3u);
}

TEST_F(HealthMonitorTest, AnotherEndpointKnowsNothing) {
  for (int i = 0; i < 3; ++i) Round(false);
  for (size_t i = 0; i < model_.services.size(); ++i) model_.services.Edit(i).health->port = 8080;
  monitor_.SetChecks(ChecksOf(model_), now_);
  EXPECT_EQ(State(), HealthState::kUp);
}

// Else a real would be out later than interval × fall + timeout after its death.
TEST_F(HealthMonitorTest, LateTurnsDoNotAddUp) {
  monitor_.Tick(At(1s));  // every first look is due
  prober_.AnswerAll(true);
  for (const auto when : {3049ms, 5048ms, 7047ms}) {
    monitor_.Tick(At(when));
    EXPECT_EQ(prober_.asked.size(), 1u) << when.count();
    prober_.AnswerAll(true);
  }
}

TEST_F(HealthMonitorTest, ALateAnswerForARemovedCheckIsIgnored) {
  monitor_.Tick(At(2s));
  monitor_.SetChecks({}, At(2s));
  prober_.AnswerAll(false);
  EXPECT_EQ(State(), HealthState::kUnchecked);
  EXPECT_EQ(changes_, 0);
}

TEST_F(HealthMonitorTest, CountsDurations) {
  Round(true);
  const HealthHistogram* histogram = monitor_.HistogramOf(CheckOf(model_.services[0], Real()));
  ASSERT_NE(histogram, nullptr);
  EXPECT_EQ(histogram->counts.size(), histogram->bounds_seconds.size() + 1);
  EXPECT_EQ(histogram->counts[2], 1u);  // 2.5 ms < 3 ms ≤ 5 ms
  EXPECT_DOUBLE_EQ(histogram->sum_seconds, 0.003);
  EXPECT_EQ(monitor_.DetailOf(CheckOf(model_.services[0], Real())), "connected");
}

}  // namespace
}  // namespace fairlead::control
