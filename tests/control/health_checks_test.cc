// What a check may say besides up and down, and what several checks of a real say together.
#include <gmock/gmock.h>

#include "control/health/dialogue/make_dialogue.h"
#include "control/snapshot_builder.h"
#include "health_world.h"

namespace fairlead::control::health_checks_test {
namespace {

using namespace std::chrono_literals;

using World = HealthWorld;

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

// What an agent's bytes make of the real, by all that lies between.
struct AgentWorld : World {
  explicit AgentWorld(const std::string& health = kAgent) : World(health) {}
  void Say(const std::string& bytes) {
    TickFor(5s);
    ASSERT_FALSE(prober.asked.empty());
    for (auto& [target, done] : std::exchange(prober.asked, {})) {
      if (!std::holds_alternative<AgentProbe>(target.question)) {
        done({.is_ok = true, .detail = "connected"});
        continue;
      }
      const std::unique_ptr<Dialogue> talk = MakeDialogue(target, Way::kTcp);
      talk->Begin();
      talk->Feed(bytes);
      talk->End();
      done({.is_ok = talk->state() == Dialogue::State::kGood,
            .detail = talk->detail(),
            .agent = talk->agent()});
    }
  }
  RealFacts Real(uint32_t weight = 40) {
    RealConfig real = model.services[0].reals[0];
    real.weight = weight;
    return FactsOf(model.services[0], real, Health());
  }
  int32_t Weight() { return StateOf(Real()).weight; }

  static constexpr const char* kAgent = "{ type: agent, port: 9777, interval: 5s, timeout: 1s }";
};

TEST(HealthAgent, APercentageIsAShareOfTheWeight) {
  AgentWorld w;
  EXPECT_EQ(w.Weight(), 40);
  w.Say("50%\n");
  EXPECT_EQ(w.Weight(), 20);
  w.Say("up 0%\n");
  EXPECT_EQ(w.Weight(), 0);
  EXPECT_TRUE(StateOf(w.Real()).templates_valid) << "known clients stay";
  w.Say("150%\n");
  EXPECT_EQ(w.Weight(), 60);
  w.Say("up\n");
  EXPECT_EQ(w.Weight(), 60) << "nothing was said about it";
  w.Say("100% # all well\n");
  EXPECT_EQ(w.Weight(), 40);
  EXPECT_EQ(StateOf(w.Real(0)).weight, 0) << "a weight of 0 is the operator's word";
}

TEST(HealthAgent, DrainAndMaintHoldUntilReady) {
  AgentWorld w;
  w.Say("drain 50%\n");
  EXPECT_EQ(w.Real().admin, AdminState::kQuiesce);
  EXPECT_EQ(w.Weight(), 0);
  w.Say("up 75%\n");
  EXPECT_EQ(w.Real().admin, AdminState::kQuiesce);
  w.Say("maint\n");
  EXPECT_EQ(w.Real().admin, AdminState::kDown);
  w.Say("ready\n");
  EXPECT_EQ(w.Real().admin, AdminState::kUp);
  EXPECT_EQ(w.Weight(), 30);
}

TEST(HealthAgent, TheLogTellsAStateFromAWeight) {
  AgentWorld w;
  const auto log_of = [&w](const std::string& words) {
    testing::internal::CaptureStderr();
    w.Say(words);
    return testing::internal::GetCapturedStderr();
  };
  const std::string maint = log_of("maint\n");
  EXPECT_THAT(maint, testing::HasSubstr("agent asks for another state"));
  EXPECT_THAT(maint, testing::HasSubstr("state=down"));
  EXPECT_THAT(maint, testing::HasSubstr("level=warning"));
  EXPECT_THAT(maint, testing::Not(testing::HasSubstr("another weight")));
  EXPECT_THAT(log_of("ready\n"), testing::HasSubstr("state=up"));
  const std::string share = log_of("50%\n");
  EXPECT_THAT(share, testing::HasSubstr("real server asks for another weight"));
  EXPECT_THAT(share, testing::Not(testing::HasSubstr("another state")));
}

TEST(HealthAgent, DownCountsAtOnceAndUpTakesItBack) {
  for (const char* word : {"down\n", "fail\n", "failed # disk full\n", "stopped\n"}) {
    AgentWorld w;
    w.Say("up\n");
    w.Say(word);
    EXPECT_EQ(w.Health().state, HealthState::kDown) << word;
    EXPECT_EQ(w.Weight(), 0);
    w.Say("up\n");
    EXPECT_EQ(w.Health().state, HealthState::kUp) << word;
  }
}

TEST(HealthAgent, WhoSaysNothingChangesNothing) {
  AgentWorld w;
  w.Say("50%\n");
  for (const char* silence : {"", "what\n", "50% wat\n"}) {
    w.Say(silence);
    EXPECT_EQ(w.Health().state, HealthState::kUp) << silence;
    EXPECT_EQ(w.Weight(), 20);
  }
  w.Say("down\n");
  w.TickFor(5s);
  w.prober.AnswerAll(false);
  EXPECT_EQ(w.Health().state, HealthState::kDown);
  EXPECT_EQ(w.monitor.DetailOf(w.Checks()),
            "the agent is silent (connection refused), what it said last stands");
}

TEST(HealthAgent, TheLeastShareOfSeveralCounts) {
  AgentWorld w(
      "[ { type: agent, port: 9777, interval: 5s }, { type: agent, port: 9778, interval: 5s }, "
      "{ type: tcp, interval: 5s } ]");
  w.TickFor(5s);
  w.Answer(9777, {.is_ok = true, .agent = AgentWords{.percent = 200}});
  w.Answer(9778, {.is_ok = true, .agent = AgentWords{.percent = 150}});
  EXPECT_EQ(w.Weight(), 60);
  w.TickFor(5s);
  w.Answer(9778, {.is_ok = true, .agent = AgentWords{.percent = 25}});
  EXPECT_EQ(w.Weight(), 10);
}

TEST(HealthAgent, TakesItsWordsAlong) {
  AgentWorld w;
  w.Say("maint 50%\n");
  w.Reload(World::Model(kTcp));
  EXPECT_EQ(w.Real().admin, AdminState::kUp);
  EXPECT_EQ(w.Weight(), 40);
}

TEST(HealthFacts, AreOfTheTypeThatIsConfigured) {
  World w("[ { type: https }, { type: tcp, send: a, receive: b }, { type: http } ]");
  std::string types;
  for (const CheckInfo& info : w.monitor.InfosOf(w.Checks())) types += info.type + " ";
  EXPECT_EQ(types, "https tcp http ");
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
