// Scripts of checks: what they are told, and what their end means.
#include "control/health/script_prober.h"

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>

#include "fake_prober.h"

namespace fairlead::control::script_prober_test {
namespace {

using testing::HasSubstr;

ProbeResult Look(const ScriptProbe& script, Duration timeout = Duration{10000}) {
  boost::asio::io_context io;
  CommandRunner runner(io, "nobody", 4);
  class NoProber : public Prober {
    void Start(const ProbeTarget&, std::function<void(ProbeResult)>) override { FAIL(); }
  } sockets;
  ScriptProber prober(sockets, runner);
  ProbeResult result;
  prober.Start(
      {.endpoint = *Endpoint::Parse("10.0.0.11:80"), .question = script, .timeout = timeout},
      [&](const ProbeResult& found) { result = found; });
  io.run();
  return result;
}

TEST(ScriptProber, TheExitStatusIsTheVerdict) {
  EXPECT_TRUE(Look({{"/bin/true"}}).is_ok);
  const ProbeResult bad = Look({{"/bin/sh", "-c", "echo down; exit 5"}});
  EXPECT_FALSE(bad.is_ok);
  EXPECT_EQ(bad.local_error, LocalError::kNone);
  EXPECT_EQ(bad.detail, "exit status 5: down");
  EXPECT_FALSE(bad.weight);
}

TEST(ScriptProber, ItMaySetTheWeight) {
  const auto with = [](int status) {
    return Look({{"/bin/sh", "-c", "exit " + std::to_string(status)}, true});
  };
  EXPECT_TRUE(with(0).is_ok);
  EXPECT_FALSE(with(0).weight);
  EXPECT_FALSE(with(1).is_ok);
  EXPECT_TRUE(with(2).is_ok);
  EXPECT_EQ(with(2).weight, 0u);
  EXPECT_EQ(with(255).weight, 253u);
}

TEST(ScriptProber, ItIsToldWhomToAsk) {
  EXPECT_THAT(
      Look({{"/bin/sh", "-c", "echo $FAIRLEAD_REAL_ADDRESS $FAIRLEAD_REAL_PORT; exit 1"}}).detail,
      HasSubstr("10.0.0.11 80"));
}

// As of other checks: it may have been this machine that was late (monitor.h).
TEST(ScriptProber, OneThatIsNotDoneIsSilent) {
  const ProbeResult result = Look({{"/bin/sleep", "1000"}}, Duration{50});
  EXPECT_FALSE(result.is_ok);
  EXPECT_TRUE(result.is_silent);
  EXPECT_EQ(result.detail, "not done in 50 ms");
  EXPECT_FALSE(Look({{"/bin/false"}}).is_silent);
}

// Nothing was asked, and its processor may have been short.
TEST(ScriptProber, OneWhoseLastRunIsStuckIsSilentToo) {
  const ProbeResult result = ResultOf(
      {}, {.how = CommandEnd::How::kStuck, .number = 123, .text = "its previous process 123"});
  EXPECT_FALSE(result.is_ok);
  EXPECT_TRUE(result.is_silent);
  EXPECT_EQ(result.local_error, LocalError::kNone);
  EXPECT_EQ(result.detail, "not run: its previous process 123");
}

TEST(ScriptProber, CommandsHavePlacesOfTheirOwn) {
  boost::asio::io_context io;
  CommandRunner runner(io, "nobody", 1);
  FakeProber sockets;
  sockets.room = 0;
  ScriptProber prober(sockets, runner);
  EXPECT_EQ(prober.capacity(Lane::kCommands), 1u);
  EXPECT_EQ(prober.capacity(Lane::kSockets), 0u);
  EXPECT_TRUE(prober.has_room(Lane::kCommands));
  EXPECT_FALSE(prober.has_room(Lane::kSockets));
  prober.Start({.question = ScriptProbe{{"/bin/true"}}, .timeout = Duration{10000}},
               [](const ProbeResult&) {});
  EXPECT_FALSE(prober.has_room(Lane::kCommands));
  io.run();
  EXPECT_TRUE(prober.has_room(Lane::kCommands));
}

TEST(ScriptProber, WhatCannotBeRunIsNoVerdict) {
  const ProbeResult result = Look({{"/no/such/check"}});
  EXPECT_EQ(result.local_error, LocalError::kCommand);
  EXPECT_THAT(result.detail, HasSubstr("/no"));
}

}  // namespace
}  // namespace fairlead::control::script_prober_test
