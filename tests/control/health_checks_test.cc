// What a check may say besides up and down, and what several checks of a real say together.
#include <gmock/gmock.h>

#include "control/health/monitor.h"
#include "director_fixture.h"
#include "fake_prober.h"

namespace fairlead::control::health_checks_test {
namespace {

using namespace std::chrono_literals;

// A director with one service, whose real is checked as `health` says.
struct World {
  explicit World(const std::string& health, const std::string& of_real = "")
      : model(Model(health, of_real)) {
    monitor.SetChecks(ChecksOf(model), now);
  }
  static ConfigModel Model(const std::string& health, const std::string& of_real = "") {
    return ModelOf(
        "services:\n  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, health: " +
        health + ", reals: [ { address: 10.0.0.11" + of_real + " } ] }\n");
  }
  void TickFor(TimePoint::duration time) {
    for (const TimePoint then = now + time; now < then;)
      monitor.Tick(now = std::min(now + 50ms, then));
  }
  // Answers those that ask `port`.
  void Answer(uint16_t port, const ProbeResult& result) {
    for (auto& [target, done] : std::exchange(prober.asked, {})) {
      if (target.endpoint.port.host() == port) {
        done(result);
      } else {
        prober.asked.emplace_back(target, std::move(done));
      }
    }
  }
  void Reload(const ConfigModel& next) {
    model = next;
    monitor.SetChecks(ChecksOf(model), now);
  }
  std::vector<HealthCheck> Checks() {
    return ChecksOf(model.services[0], model.services[0].reals[0]);
  }
  RealHealth Health() { return monitor.HealthOf(Checks()); }
  CheckFacts Facts() { return monitor.InfosOf(Checks()).at(0).facts; }

  FakeProber prober;
  int changes = 0;
  ConfigModel model;
  HealthMonitor monitor{prober, [this] { ++changes; }, [] { return uint64_t{0}; }};
  TimePoint now = At(1000s);
};

constexpr const char* kTcp = "{ type: tcp, interval: 10s, timeout: 1s, fall: 3 }";

// ---- times ------------------------------------------------------------------------------------

TEST(HealthTimes, AFailureIsRepeatedAfterTheRetryInterval) {
  World w("{ type: tcp, interval: 10s, timeout: 1s, retry_interval: 1s, fall: 3, rise: 2 }");
  w.TickFor(1s);
  w.prober.AnswerAll(false);
  w.TickFor(1s);
  ASSERT_EQ(w.prober.asked.size(), 1u);
  w.prober.AnswerAll(false);
  EXPECT_EQ(w.Health().state, HealthState::kUp);
  w.TickFor(1s);
  ASSERT_EQ(w.prober.asked.size(), 1u);
  w.prober.AnswerAll(false);
  EXPECT_EQ(w.Health().state, HealthState::kDown);
  // Who is down is asked in the interval again.
  w.TickFor(9s);
  EXPECT_EQ(w.prober.asked.size(), 0u);
  w.TickFor(1s);
  EXPECT_EQ(w.prober.asked.size(), 1u);
}

TEST(HealthTimes, ATimeoutMayBeLongerThanTheInterval) {
  World w("{ type: tcp, interval: 1s, timeout: 5s, fall: 1 }");
  w.TickFor(5s);
  EXPECT_EQ(w.prober.asked.size(), 1u) << "the first is still under way";
  w.prober.AnswerAll(false);
  EXPECT_EQ(w.Health().state, HealthState::kDown);
  w.TickFor(50ms);
  EXPECT_EQ(w.prober.asked.size(), 1u) << "the next was due long ago";
}

TEST(HealthTimes, AnotherAddressIsAskedFromAnotherSource) {
  World w("{ type: tcp, address: 10.0.0.99, port: 8080, source: 10.0.0.1 }");
  w.TickFor(1s);
  ASSERT_EQ(w.prober.asked.size(), 1u);
  EXPECT_EQ(w.prober.asked[0].first.endpoint.ToString(), "10.0.0.99:8080");
  EXPECT_EQ(w.prober.asked[0].first.source, Ip("10.0.0.1"));
}

// ---- before the first answer ------------------------------------------------------------------

TEST(HealthInitial, WhoStartsDownIsUpWithTheFirstGoodAnswer) {
  World w("{ type: tcp, interval: 2s, rise: 3, initial: down }");
  EXPECT_EQ(w.Health().state, HealthState::kDown);
  w.TickFor(2s);
  w.prober.AnswerAll(false);
  EXPECT_EQ(w.Health().state, HealthState::kDown);
  w.TickFor(2s);
  w.prober.AnswerAll(true);
  EXPECT_EQ(w.Health().state, HealthState::kUp);
  EXPECT_EQ(w.Facts().downs, 0u);
  // From then on as all others.
  for (int i = 0; i < 3; ++i) {
    w.TickFor(2s);
    w.prober.AnswerAll(false);
  }
  EXPECT_EQ(w.Health().state, HealthState::kDown);
  w.TickFor(2s);
  w.prober.AnswerAll(true);
  EXPECT_EQ(w.Health().state, HealthState::kDown);
}

TEST(HealthInitial, AReloadThatAsksForItTakesNobodyOut) {
  World w(kTcp);
  w.TickFor(1s);
  w.prober.AnswerAll(true);
  w.Reload(World::Model("{ type: tcp, interval: 10s, timeout: 1s, fall: 3, initial: down }"));
  EXPECT_EQ(w.Health().state, HealthState::kUp);
}

// ---- several checks ---------------------------------------------------------------------------

TEST(HealthList, ARealIsUpWhenAllItsChecksAre) {
  World w(
      "[ { type: tcp, fall: 1, rise: 1, on_fail: quiesce }, "
      "{ type: tcp, port: 8080, fall: 1, rise: 1, on_fail: remove } ]");
  w.TickFor(2s);
  ASSERT_EQ(w.prober.asked.size(), 2u);
  w.Answer(80, {.is_ok = true, .detail = "connected"});
  w.Answer(8080, {.is_ok = false, .detail = "connection refused"});
  EXPECT_EQ(w.Health().state, HealthState::kDown);
  EXPECT_EQ(w.Health().on_fail, OnFail::kRemove) << "of the one that failed";
  EXPECT_EQ(w.monitor.DetailOf(w.Checks()), "connection refused");
  w.TickFor(2s);
  w.Answer(80, {.is_ok = false, .detail = "no route to host"});
  w.Answer(8080, {.is_ok = true, .detail = "connected"});
  EXPECT_EQ(w.Health().state, HealthState::kDown);
  EXPECT_EQ(w.Health().on_fail, OnFail::kQuiesce);
  w.TickFor(2s);
  w.prober.AnswerAll(true);
  EXPECT_EQ(w.Health().state, HealthState::kUp);
}

TEST(HealthList, ARealMayHaveChecksOfItsOwnOrNone) {
  World own(kTcp, ", health: { type: http, port: 81 }");
  ASSERT_EQ(own.Checks().size(), 1u);
  EXPECT_EQ(own.Checks()[0].target.endpoint.ToString(), "10.0.0.11:81");
  World none(kTcp, ", health: none");
  EXPECT_EQ(none.Health().state, HealthState::kUnchecked);
  none.TickFor(20s);
  EXPECT_EQ(none.prober.asked.size(), 0u);
}

// It knows of the real what the first check did, and its counts begin anew.
TEST(HealthList, ACheckThatIsAddedBringsNobodyBack) {
  World w("{ type: tcp, fall: 1, rise: 2 }");
  w.TickFor(2s);
  w.prober.AnswerAll(false);
  w.Reload(World::Model("[ { type: tcp, fall: 1, rise: 2 }, { type: tcp, port: 81, rise: 2 } ]"));
  EXPECT_EQ(w.Health().state, HealthState::kDown);
  EXPECT_EQ(w.monitor.InfosOf(w.Checks()).at(1).facts.downs, 0u);
  for (int i = 0; i < 2; ++i) {
    w.TickFor(2s);
    w.prober.AnswerAll(true);
  }
  EXPECT_EQ(w.Health().state, HealthState::kUp);
}

// Of two answers about a real the dead one is what a changed question begins with.
TEST(HealthList, AChangedQuestionBesideAGoodOneBringsNobodyBack) {
  World w("[ { type: tcp, fall: 1 }, { type: tcp, port: 81, fall: 1 } ]");
  w.TickFor(2s);
  w.Answer(80, {.is_ok = true});
  w.Answer(81, {.is_ok = false});
  ASSERT_EQ(w.Health().state, HealthState::kDown);
  w.Reload(World::Model("[ { type: tcp, fall: 1 }, { type: tcp, port: 82, fall: 1 } ]"));
  EXPECT_EQ(w.Health().state, HealthState::kDown);
}

// ---- weights ----------------------------------------------------------------------------------

TEST(HealthWeight, TheLeastWeightThatIsAskedForHolds) {
  World w("[ { type: tcp }, { type: tcp, port: 81 } ]");
  w.TickFor(2s);
  w.Answer(80, {.is_ok = true, .weight = 7});
  w.Answer(81, {.is_ok = true, .weight = 5});
  EXPECT_EQ(w.Health().weight, 5u);
  EXPECT_EQ(w.changes, 2);
  w.TickFor(2s);
  w.Answer(80, {.is_ok = true, .weight = 7});
  EXPECT_EQ(w.changes, 2) << "nothing new";
  w.Answer(81, {.is_ok = true, .weight = 9});
  EXPECT_EQ(w.Health().weight, 7u);
  // A check that says nothing about it changes nothing.
  w.TickFor(2s);
  w.prober.AnswerAll(true);
  EXPECT_EQ(w.Health().weight, 7u);
}

// Nobody could take it back: the real would keep it for good.
TEST(HealthWeight, GoesWithTheScriptThatSaidIt) {
  const std::string script = "{ type: script, command: [/bin/true], sets_weight: true }";
  World w(script);
  w.TickFor(2s);
  w.Answer(80, {.is_ok = true, .weight = 5});
  ASSERT_EQ(w.Health().weight, 5u);
  w.Reload(World::Model("{ type: script, command: [/bin/false], sets_weight: true }"));
  EXPECT_EQ(w.Health().weight, 5u) << "another script says its own when it has run";
  w.Reload(World::Model(kTcp));
  EXPECT_EQ(w.Health().weight, std::nullopt);
}

TEST(HealthWeight, AnAgentsWordsAreTakenOver) {
  World w(kTcp);
  w.TickFor(1s);
  w.prober.asked.at(0).second({.is_ok = true, .agent = AgentWords{.percent = 40}});
  EXPECT_EQ(w.Health().percent, 40u);
  EXPECT_EQ(w.Health().wanted, AdminState::kUp);
  w.prober.asked.clear();
  w.TickFor(10s);
  w.Answer(80, {.is_ok = true, .agent = AgentWords{.mode = AgentWords::Mode::kDrain}});
  EXPECT_EQ(w.Health().wanted, AdminState::kQuiesce);
  EXPECT_EQ(w.Health().percent, 40u);
  w.TickFor(10s);
  w.Answer(80, {.is_ok = true, .agent = AgentWords{.mode = AgentWords::Mode::kReady}});
  EXPECT_EQ(w.Health().wanted, AdminState::kUp);
}

TEST(HealthWeight, ARealThatIsBackWarmsUp) {
  World w("{ type: tcp, interval: 1s, timeout: 1s, fall: 1, rise: 1, slow_start: 20s }");
  EXPECT_EQ(w.Health().warmth, 100u);
  w.TickFor(1s);
  w.prober.AnswerAll(true);
  EXPECT_EQ(w.Health().warmth, 100u) << "it was not away";
  w.TickFor(1s);
  w.prober.AnswerAll(false);
  w.TickFor(1s);
  w.prober.AnswerAll(true);
  EXPECT_EQ(w.Health().warmth, 5u);
  const int changes = w.changes;
  w.TickFor(10s);
  EXPECT_EQ(w.Health().warmth, 50u);
  EXPECT_EQ(w.changes, changes + 10) << "a step a second";
  w.TickFor(10s);
  EXPECT_EQ(w.Health().warmth, 100u);
  EXPECT_EQ(w.changes, changes + 20);
  w.TickFor(10s);
  EXPECT_EQ(w.changes, changes + 20);
}

// ---- what is remembered -----------------------------------------------------------------------

TEST(HealthHistory, CountsDownsAndTheTimeOfThem) {
  World w("{ type: tcp, interval: 1s, timeout: 1s, fall: 1, rise: 1 }");
  for (int i = 0; i < 2; ++i) {
    w.TickFor(1s);
    w.prober.AnswerAll(false);
    EXPECT_EQ(w.Facts().since, w.now);
    w.TickFor(4s);
    w.prober.AnswerAll(true);
    EXPECT_EQ(w.Facts().since, w.now);
    EXPECT_EQ(w.Facts().last_answer, w.now);
  }
  EXPECT_EQ(w.Facts().downs, 2u);
  EXPECT_EQ(w.Facts().downtime, 8s);
}

TEST(HealthHistory, SurvivesARestart) {
  const std::string health =
      "{ type: script, command: [/bin/true], sets_weight: true, interval: 1s, timeout: 1s, "
      "fall: 1, rise: 1, slow_start: 20s, initial: down }";
  World before(health);
  before.TickFor(1s);
  before.prober.AnswerAll(true);
  before.TickFor(1s);
  before.prober.AnswerAll(false);
  before.TickFor(1s);
  before.Answer(80, {.is_ok = true, .weight = 9});
  before.TickFor(5s);
  ASSERT_EQ(before.Health().warmth, 25u);

  FakeProber prober;
  HealthMonitor after(
      prober, [] {}, [] { return uint64_t{0}; });
  after.Recall(before.monitor.Remembered());
  after.SetChecks(ChecksOf(before.model), before.now);
  const RealHealth health_after = after.HealthOf(before.Checks());
  EXPECT_EQ(health_after.state, HealthState::kUp) << "initial: down is for those nobody knows";
  EXPECT_EQ(health_after.weight, 9u);
  const CheckFacts facts = after.InfosOf(before.Checks()).at(0).facts;
  EXPECT_EQ(facts.downs, 1u);
  EXPECT_EQ(facts.downtime, before.Facts().downtime);
  // Still warming: the clock on the wall says since when.
  EXPECT_LT(health_after.warmth, 100u);
}

}  // namespace
}  // namespace fairlead::control::health_checks_test
