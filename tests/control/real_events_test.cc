#include "control/health/real_events.h"

#include <gmock/gmock.h>

#include "director_fixture.h"

namespace fairlead::control::real_events_test {
namespace {

using testing::ElementsAre;

ConfigModel Model(const std::string& of_real) {
  return ModelOf(
      "services:\n  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80,\n"
      "      health: { type: tcp }, reals: [ { address: 10.0.0.11" +
      of_real + " } ] }\n");
}

std::vector<Notification> Noted(RealEvents* events, const ConfigModel& model, HealthState state) {
  const ServiceConfig& service = model.services[0];
  events->Note(service, service.reals[0], state, "connection refused");
  return events->Commit();
}

TEST(RealEvents, TellsOfEachChangeOnce) {
  const ConfigModel model = Model(", on_up: [/bin/up], on_down: [/bin/down, now]");
  RealEvents events;
  EXPECT_TRUE(Noted(&events, model, HealthState::kUp).empty()) << "so from the start";
  EXPECT_TRUE(Noted(&events, model, HealthState::kUp).empty());
  const auto down = Noted(&events, model, HealthState::kDown);
  ASSERT_EQ(down.size(), 1u);
  EXPECT_EQ(down[0].subject, "web");
  EXPECT_THAT(down[0].command, ElementsAre("/bin/down", "now"));
  EXPECT_THAT(down[0].words,
              ElementsAre("RS", "[10.0.0.11]:tcp:80", "[192.0.2.80]:tcp:80", "DOWN"));
  EXPECT_THAT(down[0].environment,
              ElementsAre("FAIRLEAD_EVENT=real_down", "FAIRLEAD_SERVICE=web",
                          "FAIRLEAD_VIRTUAL=[192.0.2.80]:tcp:80", "FAIRLEAD_REAL_ADDRESS=10.0.0.11",
                          "FAIRLEAD_REAL_PORT=80", "FAIRLEAD_REASON=connection refused"));
  EXPECT_TRUE(Noted(&events, model, HealthState::kDown).empty());
  const auto up = Noted(&events, model, HealthState::kUp);
  ASSERT_EQ(up.size(), 1u);
  EXPECT_THAT(up[0].command, ElementsAre("/bin/up"));
  EXPECT_EQ(up[0].words.back(), "UP");
}

TEST(RealEvents, WhereMailIsSentAllAreTold) {
  const ConfigModel model = Model("");
  RealEvents events;
  events.set_tells_all(true);
  EXPECT_TRUE(Noted(&events, model, HealthState::kUp).empty()) << "so from the start";
  const auto down = Noted(&events, model, HealthState::kDown);
  ASSERT_EQ(down.size(), 1u);
  EXPECT_TRUE(down[0].command.empty());
  EXPECT_EQ(down[0].title, "real server 10.0.0.11:80 of web is down");
  EXPECT_EQ(down[0].detail, "connection refused");
  const auto up = Noted(&events, model, HealthState::kUp);
  ASSERT_EQ(up.size(), 1u);
  EXPECT_EQ(up[0].title, "real server 10.0.0.11:80 of web is up again");
  events.set_tells_all(false);
  events.Follow(model);
  EXPECT_TRUE(Noted(&events, model, HealthState::kDown).empty());
}

// A start is no news: with `initial: down` each real server comes up for the first time.
TEST(RealEvents, TheFirstTimeUpRunsCommandsAndIsNotMailed) {
  const auto first_up = [](const ConfigModel& model) {
    const ServiceConfig& service = model.services[0];
    RealEvents events;
    events.set_tells_all(true);
    events.Note(service, service.reals[0], HealthState::kDown, "");
    events.Commit();
    events.Note(service, service.reals[0], HealthState::kUp, "connected in 1 ms", true);
    return events.Commit();
  };
  EXPECT_TRUE(first_up(Model("")).empty());
  const auto told = first_up(Model(", on_up: [/bin/up]"));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_THAT(told[0].command, ElementsAre("/bin/up"));
  EXPECT_EQ(told[0].title, "");
}

// It was told to be down, and nobody would look at it any more.
TEST(RealEvents, OneThatIsNoLongerCheckedIsNoLongerDown) {
  const ConfigModel model = Model("");
  RealEvents events;
  events.set_tells_all(true);
  Noted(&events, model, HealthState::kUp);
  ASSERT_EQ(Noted(&events, model, HealthState::kDown).size(), 1u);
  const ConfigModel unchecked = Model(", health: none");
  const auto up = Noted(&events, unchecked, HealthState::kUnchecked);
  ASSERT_EQ(up.size(), 1u);
  EXPECT_EQ(up[0].title, "real server 10.0.0.11:80 of web is up again");
  EXPECT_EQ(up[0].detail, "it is no longer checked");
  events.Follow(unchecked);
  EXPECT_TRUE(Noted(&events, unchecked, HealthState::kDown).empty()) << "forgotten";
}

TEST(RealEvents, WhatIsRememberedMakesTheNextStateNews) {
  const ConfigModel model = Model("");
  const ServiceConfig& service = model.services[0];
  RealEvents events;
  events.Remember(service, service.reals[0], false);
  EXPECT_TRUE(Noted(&events, model, HealthState::kDown).empty()) << "nobody is told of this one";
  events.Follow(ModelOf(""));
  events.set_tells_all(true);
  events.Remember(service, service.reals[0], false);
  events.Remember(service, service.reals[0], true);  // it is known, and stays as it is
  EXPECT_EQ(Noted(&events, model, HealthState::kDown).size(), 1u);
}

TEST(RealEvents, WhatWasNotPublishedIsNotTold) {
  const ConfigModel model = Model(", on_down: [/bin/down]");
  RealEvents events;
  Noted(&events, model, HealthState::kUp);
  events.Note(model.services[0], model.services[0].reals[0], HealthState::kDown, "");
  events.Discard();
  EXPECT_TRUE(events.Commit().empty());
  EXPECT_EQ(Noted(&events, model, HealthState::kDown).size(), 1u);
}

TEST(RealEvents, AChangeWithoutACommandIsRememberedAllTheSame) {
  const ConfigModel model = Model(", on_up: [/bin/up]");
  RealEvents events;
  Noted(&events, model, HealthState::kUp);
  EXPECT_TRUE(Noted(&events, model, HealthState::kDown).empty());
  EXPECT_EQ(Noted(&events, model, HealthState::kUp).size(), 1u);
}

TEST(RealEvents, WhoIsGoneAndComesBackIsNew) {
  const ConfigModel model = Model(", on_down: [/bin/down]");
  RealEvents events;
  Noted(&events, model, HealthState::kUp);
  events.Follow(ModelOf(""));
  EXPECT_TRUE(Noted(&events, model, HealthState::kDown).empty());
}

TEST(RealEvents, AMarkServiceIsNamedByItsMark) {
  const Notification told = NotificationOf({.service = {.mark = 2},
                                            .has_quorum = false,
                                            .weight = {1, 4},
                                            .name = "shop",
                                            .quorum = 3,
                                            .command = {"/bin/down"}});
  EXPECT_THAT(told.words, ElementsAre("VS", "FWM", "2", "DOWN"));
  EXPECT_THAT(told.environment, ElementsAre("FAIRLEAD_EVENT=quorum_down", "FAIRLEAD_SERVICE=shop",
                                            "FAIRLEAD_VIRTUAL=FWM 2", "FAIRLEAD_LIVING_WEIGHT=1",
                                            "FAIRLEAD_QUORUM=3"));
}

}  // namespace
}  // namespace fairlead::control::real_events_test
