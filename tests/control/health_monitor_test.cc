#include <gmock/gmock.h>

#include <cerrno>

#include "control/health/monitor.h"
#include "control/health/probe_clock.h"
#include "director_fixture.h"
#include "fake_prober.h"

namespace fairlead::control::health_monitor_test {
namespace {

using namespace std::chrono_literals;

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

  // As the control core does.
  void TickUntil(TimePoint then) {
    while (now_ < then) monitor_.Tick(now_ = std::min(now_ + 50ms, then));
  }
  // A look is due in each round; returns how many were taken.
  template <typename How>  // bool or LocalError
  size_t Round(How is_ok) {
    TickUntil(now_ + 2s);
    const size_t count = prober_.asked.size();
    prober_.AnswerAll(is_ok);
    return count;
  }
  HealthState State() { return monitor_.StateOf(ChecksOf(model_.services[0], Real())); }
  const RealConfig& Real() { return model_.services[0].reals[0]; }

  FakeProber prober_;
  int changes_ = 0;
  ConfigModel model_ = ModelOf(kYaml);
  uint64_t lost_frames_ = 0;
  HealthMonitor monitor_{prober_, [this] { ++changes_; }, [this] { return lost_frames_; }};
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
  TickUntil(At(4s));
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
    model_.services.Edit(i).health[0].interval = 3s;
    model_.services.Edit(i).health[0].fall = 5;
  }
  monitor_.SetChecks(ChecksOf(model_), now_);
  EXPECT_EQ(State(), HealthState::kDown);
  const auto histogram = monitor_.HistogramOf(ChecksOf(model_.services[0], Real()));
  ASSERT_TRUE(histogram);
  EXPECT_EQ(histogram->counts[2], 3u);
}

// Nor may one that changes what is asked: the server is dead until the new question is answered.
TEST_F(HealthMonitorTest, AChangedQuestionKeepsTheStateUntilItIsAnswered) {
  for (int i = 0; i < 3; ++i) Round(false);
  for (size_t i = 0; i < model_.services.size(); ++i) {
    model_.services.Edit(i).health[0].type = HealthType::kHttp;
    model_.services.Edit(i).health[0].port = 8080;
  }
  monitor_.SetChecks(ChecksOf(model_), now_);
  EXPECT_EQ(State(), HealthState::kDown);
  Round(true);
  EXPECT_EQ(State(), HealthState::kDown);
  Round(true);
  EXPECT_EQ(State(), HealthState::kUp);
}

TEST_F(HealthMonitorTest, AChangedQuestionKeepsAServerUpUntilItFails) {
  Round(true);
  for (size_t i = 0; i < model_.services.size(); ++i) model_.services.Edit(i).health[0].port = 8080;
  monitor_.SetChecks(ChecksOf(model_), now_);
  Round(false);
  Round(false);
  EXPECT_EQ(State(), HealthState::kUp);
  Round(false);
  EXPECT_EQ(State(), HealthState::kDown);
}

// Two services asked different questions and now ask the same: no reload brings a dead server back.
TEST_F(HealthMonitorTest, WhereOldAnswersDifferTheServerIsDead) {
  model_.services.Edit(1).health[0].port = 8080;
  monitor_.SetChecks(ChecksOf(model_), now_);
  for (int i = 0; i < 3; ++i) {
    TickUntil(now_ + 2s);
    for (auto& [target, done] : std::exchange(prober_.asked, {})) {
      done({.is_ok = target.endpoint.port.host() == 80, .detail = "", .took = 1ms});
    }
  }
  EXPECT_EQ(State(), HealthState::kUp);
  for (size_t i = 0; i < model_.services.size(); ++i) model_.services.Edit(i).health[0].port = 9090;
  monitor_.SetChecks(ChecksOf(model_), now_);
  EXPECT_EQ(State(), HealthState::kDown);
}

TEST_F(HealthMonitorTest, AnotherServerKnowsNothing) {
  for (int i = 0; i < 3; ++i) Round(false);
  for (size_t i = 0; i < model_.services.size(); ++i) {
    model_.services.Edit(i).reals[0].address = Ip("10.0.0.12");
  }
  monitor_.SetChecks(ChecksOf(model_), now_);
  EXPECT_EQ(State(), HealthState::kUp);
}

// Else a real would be out later than interval × fall + timeout after its death.
TEST_F(HealthMonitorTest, LateTurnsDoNotAddUp) {
  TickUntil(At(1s));  // every first look is due
  prober_.AnswerAll(true);
  for (const auto when : {3049ms, 5048ms, 7047ms}) {
    TickUntil(At(when));
    EXPECT_EQ(prober_.asked.size(), 1u) << when.count();
    prober_.AnswerAll(true);
  }
}

TEST_F(HealthMonitorTest, ALateAnswerForARemovedCheckIsIgnored) {
  TickUntil(At(2s));
  monitor_.SetChecks({}, At(2s));
  prober_.AnswerAll(false);
  EXPECT_EQ(State(), HealthState::kUnchecked);
  EXPECT_EQ(changes_, 0);
}

// A look that is refused a connection has seen none: what was seen before stands.
TEST_F(HealthMonitorTest, RemembersWhenTheCertificateEnds) {
  const auto end = std::chrono::system_clock::from_time_t(1'800'000'000);
  const auto seen = [this] {
    return monitor_.InfosOf(ChecksOf(model_.services[0], Real()))[0].facts.certificate_expires;
  };
  EXPECT_FALSE(seen());
  TickUntil(now_ + 2s);
  for (auto& [target, done] : std::exchange(prober_.asked, {})) {
    done({.detail = "TLS certificate refused", .certificate_expires = end});
  }
  EXPECT_EQ(seen(), end);
  Round(false);
  EXPECT_EQ(seen(), end);
}

TEST_F(HealthMonitorTest, CountsDurations) {
  Round(true);
  const auto histogram = monitor_.HistogramOf(ChecksOf(model_.services[0], Real()));
  ASSERT_TRUE(histogram);
  EXPECT_EQ(histogram->counts.size(), histogram->bounds_seconds.size() + 1);
  EXPECT_EQ(histogram->counts[2], 1u);  // 2.5 ms < 3 ms ≤ 5 ms
  EXPECT_DOUBLE_EQ(histogram->sum_seconds, 0.003);
  EXPECT_EQ(monitor_.DetailOf(ChecksOf(model_.services[0], Real())), "connected");
}

// ---- our own limits ---------------------------------------------------------------------------

TEST_F(HealthMonitorTest, WhatWeCouldNotAskIsShownUntilWeCan) {
  const auto problem = [this] {
    return monitor_.InfosOf(ChecksOf(model_.services[0], Real()))[0].facts.problem;
  };
  Round(true);
  EXPECT_EQ(problem(), "");
  Round(LocalError::kDescriptors);
  EXPECT_EQ(problem(), "too many open files");
  Round(true);
  EXPECT_EQ(problem(), "");
}

TEST_F(HealthMonitorTest, WhatWeCouldNotAskIsNoFailure) {
  for (int i = 0; i < 9; ++i) Round(LocalError::kDescriptors);
  EXPECT_EQ(State(), HealthState::kUp);
  EXPECT_EQ(changes_, 0);
  const HealthSummary summary = monitor_.summary();
  ASSERT_FALSE(summary.local_errors.empty());
  EXPECT_EQ(summary.local_errors[0], std::make_pair(std::string("descriptors"), uint64_t{9}));
  // No time of a server.
  EXPECT_EQ(monitor_.HistogramOf(ChecksOf(model_.services[0], Real()))->sum_seconds, 0);
}

// A check may ask another address than the real's; one line tells of many checks.
TEST_F(HealthMonitorTest, TheLogNamesTheRealAndWhatWasAsked) {
  for (size_t i = 0; i < model_.services.size(); ++i) {
    model_.services.Edit(i).health[0].address = Ip("10.9.9.9");
    model_.services.Edit(i).health[0].port = 8080;
  }
  model_.services.Edit(1).reals[0].address = Ip("10.0.0.12");
  model_.services.Edit(1).health[0].timeout = 500ms;  // another check
  monitor_.SetChecks(ChecksOf(model_), now_);
  testing::internal::CaptureStderr();
  Round(LocalError::kDescriptors);
  TickUntil(now_ + 61s);
  prober_.AnswerAll(LocalError::kDescriptors);
  for (int i = 0; i < 3; ++i) Round(false);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, testing::HasSubstr("real=10.0.0.11:80 services=web asked=\"tcp 10.9.9.9:8080\" "
                                      "looks=1 other_checks=0"));
  EXPECT_THAT(log, testing::HasSubstr("looks=2 other_checks=1"));
  EXPECT_THAT(log, testing::HasSubstr("real=10.0.0.12:80 services=also reason=\"connection "
                                      "refused\" failures=3 asked=\"tcp 10.9.9.9:8080\""));
}

TEST_F(HealthMonitorTest, WhatIsOverIsNoLongerRecent) {
  const auto recent = [this] { return monitor_.summary().recent_local_errors[0].second; };
  Round(LocalError::kDescriptors);
  EXPECT_EQ(recent(), 1u);
  TickUntil(now_ + 11min);
  EXPECT_EQ(recent(), 0u);
  EXPECT_EQ(monitor_.summary().local_errors[0].second, 1u) << "and is counted all the same";
}

TEST(HealthCheckText, NamesThreeRealsAtMost) {
  HealthCheck check;
  for (uint8_t i = 1; i <= 5; ++i) {
    check.reals.emplace_back(ServiceIdentity{},
                             RealIdentity{Ip(("10.0.0." + std::to_string(i)).c_str()), 80});
    check.reals.push_back(check.reals.back());  // of two services
  }
  EXPECT_EQ(check.RealsText(), "10.0.0.1:80, 10.0.0.2:80, 10.0.0.3:80 and 2 more");
}

// The answer may have been among frames for the kernel that were dropped here.
TEST_F(HealthMonitorTest, SilenceWhileFramesWereLostIsNoFailure) {
  const auto silent_round = [this](bool loses) {
    TickUntil(now_ + 2s);
    lost_frames_ += loses ? 1 : 0;
    prober_.FallSilent();
  };
  Round(false);
  Round(false);
  for (int i = 0; i < 3; ++i) silent_round(true);
  EXPECT_EQ(State(), HealthState::kUp);
  Round(true);
  for (int i = 0; i < 2; ++i) silent_round(false);
  for (int i = 0; i < 3; ++i) silent_round(true);
  EXPECT_EQ(State(), HealthState::kUp);
  EXPECT_EQ(changes_, 0);
  const HealthSummary summary = monitor_.summary();
  EXPECT_THAT(summary.local_errors,
              testing::Contains(std::make_pair(std::string("queue"), uint64_t{6})));
  // Whoever floods the twin keeps a dead server in for so long, and no longer.
  silent_round(true);
  EXPECT_EQ(State(), HealthState::kDown);
}

// A full room stretches all intervals, but who is asked has the time that it always has.
TEST_F(HealthMonitorTest, AFullRoomExcusesNobody) {
  prober_.room = 1;
  for (size_t i = 0; i < model_.services.size(); ++i) {
    ServiceConfig& service = model_.services.Edit(i);
    service.reals.push_back(service.reals[0]);
    service.reals[1].address = Ip("10.0.0.12");
  }
  monitor_.SetChecks(ChecksOf(model_), now_);
  for (int i = 0; i < 12; ++i) {
    TickUntil(now_ + 2s);
    prober_.FallSilent();
  }
  EXPECT_EQ(State(), HealthState::kDown);
  for (const auto& [reason, count] : monitor_.summary().local_errors) EXPECT_EQ(count, 0) << reason;
}

// Losses before a question are nothing to its answer.
TEST_F(HealthMonitorTest, EarlierLossesExcuseNobody) {
  lost_frames_ = 77;
  for (int i = 0; i < 3; ++i) {
    TickUntil(now_ + 2s);
    prober_.FallSilent();
  }
  EXPECT_EQ(State(), HealthState::kDown);
}

// It neither counts nor begins the count anew, for the dead as for the living.
TEST_F(HealthMonitorTest, WhatWeCouldNotAskIsSkippedInTheCount) {
  Round(false);
  Round(false);
  Round(LocalError::kPorts);
  EXPECT_EQ(State(), HealthState::kUp);
  Round(false);
  EXPECT_EQ(State(), HealthState::kDown);
  Round(true);
  Round(LocalError::kMemory);
  EXPECT_EQ(State(), HealthState::kDown);
  Round(true);
  EXPECT_EQ(State(), HealthState::kUp);
}

TEST(ProbeClock, CountsAtMostTwoStepsForALateTurn) {
  ProbeClock clock;
  clock.Resume(At(0s));
  clock.Advance(At(10ms));
  EXPECT_EQ(clock.elapsed(), 10ms);
  clock.Advance(At(3s));
  EXPECT_EQ(clock.elapsed(), 30ms);
  clock.Resume(At(9s));
  clock.Advance(At(9010ms));
  EXPECT_EQ(clock.elapsed(), 40ms);
}

}  // namespace
}  // namespace fairlead::control::health_monitor_test
