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

// More is due than can be made: what is silent then may only have had no time.
TEST(HealthOverloadExcuse, SilenceUnderOverloadIsNoFailureThreeTimes) {
  std::string yaml = "services:\n";
  for (int i = 0; i < 600; ++i) {
    const std::string n = std::to_string(i);
    yaml +=
        "  - { name: s" + n +
        ", address: 192.0.2.80, protocol: tcp, port: " + std::to_string(1000 + i) +
        ", health: { type: tcp, interval: 100ms, timeout: 100ms, fall: 1 }, reals: [ { address: "
        "10.0.0.11, port: " +
        std::to_string(1000 + i) + " } ] }\n";
  }
  const ConfigModel model = ModelOf(yaml.c_str());
  FakeProber prober;
  HealthMonitor monitor(
      prober, [] {}, [] { return uint64_t{0}; });
  TimePoint now = At(0s);
  monitor.SetChecks(ChecksOf(model), now);
  const auto down = [&] {
    return std::ranges::count_if(model.services, [&](const ServiceConfig& service) {
      return monitor.StateOf(ChecksOf(service, service.reals[0])) == HealthState::kDown;
    });
  };
  // 6,000 a second are due, 5,000 are made: each tick is behind, and each server silent.
  while (now < At(300ms)) {
    monitor.Tick(now += 50ms);
    prober.FallSilent();
  }
  EXPECT_EQ(down(), 0);
  while (now < At(5s)) {
    monitor.Tick(now += 50ms);
    prober.FallSilent();
  }
  EXPECT_EQ(down(), 600);
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

TEST(HealthOverload, OtherErrorsAreTheServers) {
  EXPECT_EQ(LocalErrorOf(EMFILE, false), LocalError::kDescriptors);
  EXPECT_EQ(LocalErrorOf(ENFILE, true), LocalError::kDescriptors);
  EXPECT_EQ(LocalErrorOf(ENOBUFS, true), LocalError::kMemory);
  EXPECT_EQ(LocalErrorOf(EADDRNOTAVAIL, true), LocalError::kPorts);
  EXPECT_EQ(LocalErrorOf(EPERM, true), LocalError::kPolicy);
  EXPECT_EQ(LocalErrorOf(EACCES, false), LocalError::kNone);  // a firewall on the way
  for (const int error : {ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT}) {
    EXPECT_EQ(LocalErrorOf(error, true), LocalError::kNone) << error;
  }
}

// `fast` reals asked every second, `slow` ones every four.
ConfigModel ManyReals(int fast, int slow) {
  const auto service = [](const char* name, const char* interval, int net, int count) {
    std::string text = "  - { name: " + std::string(name) + ", address: 192.0.2." +
                       std::to_string(80 + net) +
                       ", protocol: tcp, port: 80,\n      health: { type: "
                       "tcp, interval: " +
                       interval + ", timeout: 1s },\n      reals: [";
    for (int i = 0; i < count; ++i) {
      text += (i == 0 ? "{ address: 10." : ", { address: 10.") + std::to_string(net) + "." +
              std::to_string(i / 200) + "." + std::to_string(1 + i % 200) + " }";
    }
    return text + "] }\n";
  };
  return ModelOf("services:\n" + service("fast", "1s", 1, fast) + service("slow", "4s", 2, slow));
}

// How often each was asked in 100 s, by the second byte of its address; one row for each count.
std::map<std::pair<int, size_t>, size_t> AskedIn100s(const ConfigModel& model, size_t room,
                                                     HealthSummary* summary) {
  FakeProber prober;
  prober.room = room;
  HealthMonitor monitor(
      prober, [] {}, [] { return uint64_t{0}; });
  monitor.SetChecks(ChecksOf(model), At(0s));
  std::map<std::string, size_t> asked;
  for (auto now = 0ms; now < 100s; now += 50ms) {
    monitor.Tick(At(now));
    for (const auto& [target, done] : prober.asked) ++asked[target.endpoint.ToString()];
    prober.AnswerAll(true);
  }
  *summary = monitor.summary();
  std::map<std::pair<int, size_t>, size_t> counts;
  for (const auto& [endpoint, count] : asked) ++counts[{endpoint[3] - '0', count}];
  return counts;
}

TEST(HealthOverload, AllIntervalsAreStretchedByTheSameFactor) {
  // 500 looks a second are due, room is for 200 (10 in each of 20 ticks): 2.5 times as long.
  HealthSummary summary;
  const auto counts = AskedIn100s(ManyReals(400, 400), 10, &summary);
  size_t reals = 0;
  for (const auto& [key, count] : counts) {
    const auto& [net, asked] = key;
    const double expected = net == 1 ? 40 : 10;
    EXPECT_NEAR(static_cast<double>(asked), expected, 2) << "10." << net << ": " << count;
    reals += count;
  }
  EXPECT_EQ(reals, 800u);  // nobody is left out
  EXPECT_NEAR(summary.interval_stretch, 2.5, 0.25);
}

TEST(HealthOverload, WithoutItIntervalsAreAsConfigured) {
  HealthSummary summary;
  const auto counts = AskedIn100s(ManyReals(40, 40), SIZE_MAX, &summary);
  for (const auto& [key, count] : counts) {
    EXPECT_NEAR(static_cast<double>(key.second), key.first == 1 ? 100 : 25, 1) << count;
  }
  EXPECT_DOUBLE_EQ(summary.interval_stretch, 1);
}

// 10,000 looks a second: a thread that started them all would do nothing else.
TEST(HealthOverload, ATickStartsABoundedNumber) {
  const ConfigModel model = ManyReals(10000, 0);
  FakeProber prober;
  HealthMonitor monitor(
      prober, [] {}, [] { return uint64_t{0}; });
  monitor.SetChecks(ChecksOf(model), At(0s));
  size_t most = 0, total = 0;
  for (auto now = 0ms; now < 10s; now += 5ms) {
    monitor.Tick(At(now));
    most = std::max(most, prober.asked.size());
    total += prober.asked.size();
    prober.AnswerAll(true);
  }
  const HealthMonitor::Starts& starts = HealthMonitor::kStarts[0];
  EXPECT_EQ(most, starts.fewest_at_once);
  EXPECT_NEAR(static_cast<double>(total), static_cast<double>(10 * starts.a_second), 500);
  // Nor all that have become due while it was away.
  monitor.Tick(At(11s));
  EXPECT_EQ(prober.asked.size(), starts.most_at_once);
  EXPECT_GT(monitor.summary().interval_stretch, 1.25);
}

ConfigModel Checked(const std::string& health, int reals) {
  std::string text =
      "services:\n  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, health: " +
      health + ",\n      reals: [";
  for (int i = 1; i <= reals; ++i) {
    text += " { address: 10.0.0." + std::to_string(10 + i) + " },";
  }
  return ModelOf(text + " ] }\n");
}

// Scripts have places of their own: what they are short of holds nobody else up.
TEST(HealthOverload, ScriptsAreStretchedByThemselves) {
  const ConfigModel model = Checked(
      "[ { type: tcp, interval: 1s }, { type: script, command: [/bin/true], interval: 1s } ]", 10);
  FakeProber prober;
  prober.room_for_commands = 5;
  HealthMonitor monitor(
      prober, [] {}, [] { return uint64_t{0}; });
  monitor.SetChecks(ChecksOf(model), At(0s));
  std::array<size_t, kLaneCount> counts{};
  for (auto now = 0ms; now < 40s; now += 1000ms) {
    monitor.Tick(At(now));
    for (const auto& [target, done] : prober.asked) {
      ++counts[static_cast<size_t>(LaneOf(target.question))];
    }
    prober.AnswerAll(true);
  }
  EXPECT_NEAR(static_cast<double>(counts[0]), 400, 20);  // each second each of ten
  EXPECT_NEAR(static_cast<double>(counts[1]), 200, 20);
  EXPECT_DOUBLE_EQ(monitor.summary().interval_stretch, 1);
  EXPECT_GT(monitor.summary().script_interval_stretch, 1.5);
}

TEST(HealthOverload, ATickBeginsFewCommands) {
  const ConfigModel model = Checked("{ type: script, command: [/bin/true], interval: 1s }", 100);
  FakeProber prober;
  HealthMonitor monitor(
      prober, [] {}, [] { return uint64_t{0}; });
  monitor.SetChecks(ChecksOf(model), At(0s));
  const HealthMonitor::Starts& starts = HealthMonitor::kStarts[1];
  monitor.Tick(At(900ms));
  EXPECT_EQ(prober.asked.size(), starts.most_at_once);
  monitor.Tick(At(905ms));
  EXPECT_EQ(prober.asked.size(), starts.most_at_once + starts.fewest_at_once);
  prober.stuck_commands = 3;
  EXPECT_EQ(monitor.summary().stuck_scripts, 3u);
}

// A control core that was away for a minute owes nobody sixty looks.
TEST(HealthOverload, AStallIsNotMadeUpFor) {
  const ConfigModel model = ManyReals(100, 0);
  FakeProber prober;
  HealthMonitor monitor(
      prober, [] {}, [] { return uint64_t{0}; });
  monitor.SetChecks(ChecksOf(model), At(0s));
  size_t asked = 0;
  for (auto now = 60s + 0ms; now < 65s; now += 50ms) {
    monitor.Tick(At(now));
    asked += prober.asked.size();
    prober.AnswerAll(true);
  }
  EXPECT_NEAR(static_cast<double>(asked), 600, 100);
  EXPECT_DOUBLE_EQ(monitor.summary().interval_stretch, 1) << "a stall is no overload";
}

// Time in which nobody listened is not counted as a server's silence.
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
