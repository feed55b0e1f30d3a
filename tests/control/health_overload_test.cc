// More checks than can be made: whose errors those are, and who is asked how often.
#include <gmock/gmock.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "control/health/monitor.h"
#include "director_fixture.h"
#include "fake_prober.h"

namespace fairlead::control::health_overload_test {
namespace {

using namespace std::chrono_literals;

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
  // 6,000 a second are due, 4,000 are made: each tick is behind, and each server silent.
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

TEST(HealthOverload, OtherErrorsAreTheServers) {
  EXPECT_EQ(LocalErrorOf(EMFILE, false), LocalError::kDescriptors);
  EXPECT_EQ(LocalErrorOf(ENFILE, true), LocalError::kDescriptors);
  EXPECT_EQ(LocalErrorOf(ENOBUFS, true), LocalError::kMemory);
  EXPECT_EQ(LocalErrorOf(EADDRNOTAVAIL, true), LocalError::kPorts);
  EXPECT_EQ(LocalErrorOf(EPERM, true), LocalError::kPolicy);
  EXPECT_EQ(LocalErrorOf(ECHILD, true), LocalError::kSystem);  // of a script: no fault of its file
  EXPECT_EQ(LocalErrorOf(EACCES, false), LocalError::kNone);   // a firewall on the way
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

struct Tally {
  size_t most = 0, total = 0;
};
Tally TickEvery(std::chrono::milliseconds pause, std::chrono::milliseconds from,
                std::chrono::milliseconds to, HealthMonitor* monitor, FakeProber* prober) {
  Tally tally;
  for (auto now = from; now < to; now += pause) {
    monitor->Tick(At(now));
    tally.most = std::max(tally.most, prober->asked.size());
    tally.total += prober->asked.size();
    prober->AnswerAll(true);
  }
  return tally;
}

// 10,000 looks a second by a thread that has time for them: none is late.
TEST(HealthOverload, AsManyLooksBeginAsTheThreadHasTimeFor) {
  const ConfigModel model = ManyReals(10000, 0);
  FakeProber prober;
  HealthMonitor monitor(
      prober, [] {}, [] { return uint64_t{0}; });
  monitor.SetChecks(ChecksOf(model), At(0s));
  const StartRate::Bounds& starts = HealthMonitor::kStarts[0];
  const Tally quick = TickEvery(5ms, 0s, 10s, &monitor, &prober);
  EXPECT_LE(quick.most, starts.most_at_once);
  EXPECT_GT(quick.total, 95'000u);
  EXPECT_LT(monitor.summary().interval_stretch, 1.1);
  // One that comes late has more to do than it can.
  const Tally late = TickEvery(20ms, 10s, 40s, &monitor, &prober);
  EXPECT_NEAR(static_cast<double>(late.total), 30 * starts.least, 3000);
  EXPECT_GT(monitor.summary().interval_stretch, 1.7);
  // It is forgiven.
  TickEvery(5ms, 40s, 80s, &monitor, &prober);
  EXPECT_LT(monitor.summary().interval_stretch, 1.1);
  // What has become due while it was away does not begin all at once.
  monitor.Tick(At(81s));
  EXPECT_EQ(prober.asked.size(), starts.most_at_once);
}

TEST(StartRate, GrowsWhileItIsUsedAndFallsWhileItIsLate) {
  StartRate rate({1000, 2000, 2, 100});
  EXPECT_EQ(rate.AtOnce(5ms), 5u);
  rate.NoteStarted(4);
  EXPECT_EQ(rate.a_second(), 1000) << "it was not used";
  for (int i = 0; i < 100; ++i) rate.NoteStarted(rate.AtOnce(5ms));
  EXPECT_EQ(rate.a_second(), 2000);
  EXPECT_EQ(rate.AtOnce(11ms), 22u) << "late once: any piece of work may have been long";
  rate.NoteStarted(22);
  EXPECT_EQ(rate.AtOnce(11ms), 19u);
  rate.NoteStarted(19);
  EXPECT_EQ(rate.a_second(), 1750);
  for (int i = 0; i < 100; ++i) rate.NoteStarted(rate.AtOnce(11ms));
  EXPECT_EQ(rate.a_second(), 1000);
  EXPECT_EQ(rate.AtOnce(100us), 2u);
  EXPECT_EQ(rate.AtOnce(1s), 100u);
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
  const StartRate::Bounds& starts = HealthMonitor::kStarts[1];
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
}  // namespace
}  // namespace fairlead::control::health_overload_test
