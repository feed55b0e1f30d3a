// What several checks of a real say together, and what the log says of it.
#include <gmock/gmock.h>

#include <initializer_list>
#include <set>

#include "health_world.h"

namespace fairlead::control::health_several_test {
namespace {

using namespace std::chrono_literals;
using World = HealthWorld;

constexpr const char* kTcp = "{ type: tcp, interval: 10s, timeout: 1s, fall: 3 }";

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
  EXPECT_EQ(w.monitor.DetailOf(w.Checks()), "tcp 10.0.0.11:8080: connection refused");
  w.TickFor(2s);
  w.Answer(80, {.is_ok = false, .detail = "no route to host"});
  w.Answer(8080, {.is_ok = true, .detail = "connected"});
  EXPECT_EQ(w.Health().state, HealthState::kDown);
  EXPECT_EQ(w.Health().on_fail, OnFail::kQuiesce);
  w.TickFor(2s);
  w.prober.AnswerAll(true);
  EXPECT_EQ(w.Health().state, HealthState::kUp);
}

TEST(HealthList, TheReasonNamesTheCheckThatFails) {
  World w("[ { type: tcp, fall: 1, rise: 1 }, { type: http, fall: 1, rise: 1 } ]");
  w.TickFor(2s);
  ASSERT_EQ(w.prober.asked.size(), 2u);
  w.prober.AnswerAll(true);
  EXPECT_EQ(w.monitor.DetailOf(w.Checks()), "connected");
  w.TickFor(2s);
  for (auto& [target, done] : std::exchange(w.prober.asked, {})) {
    done({.is_ok = std::holds_alternative<TcpProbe>(target.question), .detail = "HTTP 503"});
  }
  EXPECT_EQ(w.monitor.DetailOf(w.Checks()), "http: HTTP 503");
  w.TickFor(2s);
  w.prober.AnswerAll(false);
  EXPECT_EQ(w.monitor.DetailOf(w.Checks()), "tcp: connection refused, and 1 more");
}

// The log claims no effect that did not happen, and says what still holds the real down.
TEST(HealthList, TheLogSaysWhatAnotherCheckHoldsDown) {
  World w(
      "[ { type: tcp, fall: 1, rise: 1 }, "
      "{ type: tcp, port: 81, fall: 1, rise: 1, on_fail: quiesce }, "
      "{ type: tcp, port: 82, fall: 1, rise: 1, on_fail: remove } ]");
  const auto log_of = [&w](std::set<uint16_t> bad) {
    testing::internal::CaptureStderr();
    w.TickFor(2s);
    for (const uint16_t port : std::initializer_list<uint16_t>{80, 81, 82}) {
      w.Answer(port, {.is_ok = !bad.contains(port), .detail = "port " + std::to_string(port)});
    }
    return testing::internal::GetCapturedStderr();
  };
  using testing::HasSubstr;
  using testing::Not;
  EXPECT_THAT(log_of({80}), AllOf(HasSubstr("msg=\"real server is down\""),
                                  HasSubstr("effect=\"no new connections, known clients move")));
  EXPECT_THAT(log_of({80, 81}),
              AllOf(HasSubstr("msg=\"another check of a real server that is down fails\""),
                    HasSubstr("down_before=\"tcp 10.0.0.11:80 (port 80)\""),
                    HasSubstr("effect=\"none: the real server was down already\"")));
  EXPECT_THAT(log_of({80, 81, 82}),
              AllOf(HasSubstr("another check"), HasSubstr("effect=\"taken out")))
      << "a harsher one has an effect";
  EXPECT_THAT(log_of({81, 82}),
              AllOf(HasSubstr("msg=\"a check of a real server succeeds, another holds it down\""),
                    HasSubstr("still_down=\"tcp 10.0.0.11:81 (port 81)\""),
                    Not(HasSubstr("takes new connections")), Not(HasSubstr("up again"))));
  EXPECT_THAT(log_of({82}), HasSubstr("still_down=\"tcp 10.0.0.11:82 (port 82)\""));
  EXPECT_THAT(log_of({}), AllOf(HasSubstr("msg=\"real server is up again\""),
                                HasSubstr("effect=\"takes new connections by its weight\""),
                                Not(HasSubstr("still_down"))));
}

TEST(HealthList, ACheckOfSeveralRealsNamesThoseThatItChanges) {
  ConfigModel model = ModelOf(
      "services:\n  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, health: "
      "[ { type: tcp, fall: 1, rise: 1 }, { type: tcp, address: 10.0.0.99, port: 99, fall: 1, "
      "rise: 1 } ], reals: [ { address: 10.0.0.11 }, { address: 10.0.0.12, port: 81 } ] }\n");
  World w(kTcp);
  w.Reload(model);
  const auto log_of = [&w](std::set<uint16_t> bad) {
    testing::internal::CaptureStderr();
    w.TickFor(2s);
    for (const uint16_t port : std::initializer_list<uint16_t>{80, 81, 99}) {
      w.Answer(port, {.is_ok = !bad.contains(port), .detail = "port"});
    }
    return testing::internal::GetCapturedStderr();
  };
  using testing::HasSubstr;
  EXPECT_THAT(log_of({80}), HasSubstr("real=10.0.0.11:80"));
  EXPECT_THAT(log_of({80, 99}), AllOf(HasSubstr("msg=\"real server is down\" real=10.0.0.12:81"),
                                      HasSubstr("down_already=10.0.0.11:80")));
  EXPECT_THAT(log_of({80}), AllOf(HasSubstr("msg=\"real server is up again\" real=10.0.0.12:81"),
                                  HasSubstr("others_down=10.0.0.11:80"),
                                  HasSubstr("still_down=\"tcp 10.0.0.11:80 (port)\"")));
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

}  // namespace
}  // namespace fairlead::control::health_several_test
