// smtp, redis, agent, send and receive: answers made of lines.
#include "conversation.h"

namespace fairlead::control::line_dialogue_test {
namespace {

MakeTalk Smtp() {
  return [] { return MakeSmtpDialogue({.helo = "probe.example"}); };
}

TEST(SmtpDialogue, GreetsAndQuits) {
  const Outcome outcome = Hear(Smtp(), {"220-mail\r\n220 ready\r\n",
                                        "250-mail\r\n250-SIZE 9\r\n250 HELP\r\n", "221 bye\r\n"});
  EXPECT_EQ(outcome.state, kGood);
  EXPECT_EQ(outcome.detail, "SMTP 221");
  EXPECT_EQ(outcome.sent, "EHLO probe.example\r\nQUIT\r\n");
}

TEST(SmtpDialogue, FallsBackToHelo) {
  const Outcome outcome = Hear(Smtp(), {"220\n", "502 unknown\n", "250\n", "221\n"});
  EXPECT_EQ(outcome.state, kGood);
  EXPECT_EQ(outcome.sent, "EHLO probe.example\r\nHELO probe.example\r\nQUIT\r\n");
}

TEST(SmtpDialogue, WrongAnswersAreBad) {
  EXPECT_EQ(Hear(Smtp(), {"554 no\r\n"}).detail, "SMTP \"554 no\" instead of a 220 greeting");
  EXPECT_EQ(Hear(Smtp(), {"220 a\r\n", "421 busy\r\n"}).detail,
            "SMTP \"421 busy\" instead of 250 after EHLO");
  EXPECT_EQ(Hear(Smtp(), {"220 a\r\n", "502\r\n", "502\r\n"}).state, kBad);
  EXPECT_EQ(Hear(Smtp(), {"220 a\r\n", "250\r\n", "500\r\n"}).detail,
            "SMTP \"500\" instead of 221 after QUIT");
  EXPECT_EQ(Hear(Smtp(), {"220 a\r\n", "250\r\n"}, Then::kEnds).detail,
            "closed without an answer to QUIT");
  EXPECT_EQ(Hear(Smtp(), {"HTTP/1.1 400\r\n"}).detail, "not an SMTP answer: \"HTTP/1.1 400\"");
  EXPECT_EQ(Hear(Smtp(), {"22\x80 \r\n"}).detail, "not an SMTP answer: \"22? \"");
  EXPECT_EQ(Hear(Smtp(), {"2200 a\r\n"}).state, kBad);
}

TEST(SmtpDialogue, EndlessAnswersAreBad) {
  EXPECT_EQ(HearEndlessly(Smtp(), "220 ", "mail").detail, "an SMTP line of more than 2 KiB");
  const Outcome outcome = HearEndlessly(Smtp(), "", "220-mail\r\n");
  EXPECT_EQ(outcome.detail, "an SMTP answer of more than 200 lines");
  EXPECT_EQ(outcome.taken, 2010u);
}

MakeTalk Redis(RedisProbe redis = {}) {
  return [redis] { return MakeRedisDialogue(redis); };
}

TEST(RedisDialogue, Pings) {
  const Outcome outcome = Hear(Redis(), {"+PONG\r\n"});
  EXPECT_EQ(outcome.state, kGood);
  EXPECT_EQ(outcome.detail, "redis PONG");
  EXPECT_EQ(outcome.sent, "*1\r\n$4\r\nPING\r\n");
}

TEST(RedisDialogue, AuthenticatesFirst) {
  EXPECT_EQ(Hear(Redis({.password = "a b"}), {"+OK\r\n", "+PONG\r\n"}).sent,
            "*2\r\n$4\r\nAUTH\r\n$3\r\na b\r\n*1\r\n$4\r\nPING\r\n");
  const Outcome outcome = Hear(Redis({.user = "probe", .password = "x"}), {"-WRONGPASS no\r\n"});
  EXPECT_EQ(outcome.sent, "*3\r\n$4\r\nAUTH\r\n$5\r\nprobe\r\n$1\r\nx\r\n");
  EXPECT_EQ(outcome.state, kBad);
  EXPECT_EQ(outcome.detail, "redis \"-WRONGPASS\" instead of OK after AUTH");
}

TEST(RedisDialogue, DoesNotRepeatThePassword) {
  const auto detail = [](const std::string& answer) {
    return Hear(Redis({.password = "hunter2"}), {answer}).detail;
  };
  EXPECT_EQ(detail("-ERR unknown command 'AUTH', with args beginning with: 'hunter2'\r\n"),
            "redis \"-ERR\" instead of OK after AUTH");
  EXPECT_EQ(detail("hunter2\r\n"), "redis another answer instead of OK after AUTH");
  EXPECT_EQ(detail("-hunter2\r\n"), "redis another answer instead of OK after AUTH");
  EXPECT_EQ(Hear(Redis({.password = "hunter2"}), {"+OK\r\n", "-ERR hunter2\r\n"}).detail,
            "redis \"-ERR\" instead of PONG");
}

TEST(RedisDialogue, OtherAnswersAreBad) {
  EXPECT_EQ(Hear(Redis(), {"-LOADING data\r\n"}).detail, "redis \"-LOADING data\" instead of PONG");
  EXPECT_EQ(Hear(Redis(), {"+PONGO\r\n"}).state, kBad);
  EXPECT_EQ(Hear(Redis(), {"+PONG"}, Then::kEnds).detail, "closed before the end of its answer");
  EXPECT_EQ(HearEndlessly(Redis(), "+", "PONG").taken, 1025u);
}

MakeTalk Agent() {
  return [] { return MakeAgentDialogue({.send = "weight\n"}); };
}

TEST(AgentDialogue, UnderstandsItsWords) {
  Outcome outcome = Hear(Agent(), {"up ready, 75% maxconn:30\n"});
  EXPECT_EQ(outcome.sent, "weight\n");
  EXPECT_EQ(outcome.state, kGood);
  EXPECT_EQ(outcome.detail, "agent says \"up ready, 75% maxconn:30\"");
  EXPECT_EQ(outcome.agent,
            (AgentWords{.percent = 75, .mode = AgentWords::Mode::kReady, .is_up = true}));
  EXPECT_EQ(Hear(Agent(), {"DRAIN\r\n"}).agent, (AgentWords{.mode = AgentWords::Mode::kDrain}));
  EXPECT_EQ(Hear(Agent(), {"maint\n"}).agent, (AgentWords{.mode = AgentWords::Mode::kMaint}));
  EXPECT_EQ(Hear(Agent(), {"0%"}, Then::kEnds).agent, (AgentWords{.percent = 0}));
}

TEST(AgentDialogue, DownIsBadWithItsReason) {
  for (const char* word : {"down", "fail", "failed", "stopped"}) {
    const Outcome outcome = Hear(Agent(), {std::string(word) + " # disk full, up\n"});
    EXPECT_EQ(outcome.state, kBad);
    EXPECT_EQ(outcome.agent, (AgentWords{.is_up = false}));
    EXPECT_EQ(outcome.detail, "agent says \"" + std::string(word) + " # disk full, up\"");
  }
}

TEST(AgentDialogue, OtherAnswersAreBad) {
  for (const char* text :
       {"\n", " # up\n", "happy\n", "%\n", "-5%\n", "1001%\n", "up 9999999999%\n", "up happy\n"}) {
    const Outcome outcome = Hear(Agent(), {text});
    EXPECT_EQ(outcome.state, kBad) << text;
    EXPECT_EQ(outcome.agent, std::nullopt);
    EXPECT_TRUE(outcome.detail.starts_with("not an agent's answer: ")) << outcome.detail;
  }
  EXPECT_EQ(Hear(Agent(), {}, Then::kEnds).detail, "closed without an answer");
  EXPECT_EQ(HearEndlessly(Agent(), "", "up ").detail, "an agent's line of more than 1 KiB");
}

TextCondition Containing(std::string text) {
  return {TextCondition::Kind::kContains, std::move(text)};
}

MakeTalk Text(std::vector<TextProbe::Step> steps) {
  return [steps] { return MakeTextDialogue({steps}); };
}

TEST(TextDialogue, SendsAndReceivesInSteps) {
  const auto talk = Text(
      {{.receive = Containing("+OK")},
       {.send = "USER a\r\n", .receive = TextCondition{TextCondition::Kind::kMatches, "^\\+OK"}},
       {.send = "QUIT\r\n"}});
  const Outcome outcome = Hear(talk, {"hi +OK\r\n", "*\n+OK"});
  EXPECT_EQ(outcome.state, kGood);
  EXPECT_EQ(outcome.detail, "answer as expected");
  EXPECT_EQ(outcome.sent, "USER a\r\nQUIT\r\n");
  EXPECT_EQ(Hear(talk, {"+OK\r\n", "-ERR +OK\r\n"}, Then::kEnds).detail,
            "answer \"-ERR +OK\" does not match \"^\\+OK\"");
}

TEST(TextDialogue, OnlyWhatComesAfterASendCounts) {
  const TextCondition ok = Containing("OK");
  EXPECT_EQ(Hear(Text({{.receive = ok}, {.receive = ok}}), {"OK OK"}).state, kGood);
  EXPECT_EQ(Hear(Text({{.receive = ok}, {.receive = ok}}), {"OK"}).state, kOpen);
  const auto asks = Text({{.receive = ok}, {.send = "a", .receive = ok}});
  EXPECT_EQ(HearInSteps(asks, {"OK OK"}, Then::kWaits, 99).state, kOpen);
  EXPECT_EQ(HearInSteps(asks, {"OK OK", "OK"}, Then::kWaits, 99).state, kGood);
}

TEST(TextDialogue, WhatIsNotThereInTimeIsBad) {
  const auto talk = Text({{.send = "PING", .receive = Containing("PONG")}});
  EXPECT_EQ(Hear(talk, {"PON"}, Then::kStaysSilent).detail,
            "answer \"PON\" does not contain \"PONG\"");
  EXPECT_EQ(Hear(talk, {}, Then::kStaysSilent).state, kOpen);
  EXPECT_EQ(Hear(talk, {}, Then::kEnds).detail, "closed without an answer");
  const Outcome endless = HearEndlessly(talk, "", "PON");
  EXPECT_EQ(endless.detail, "64 KiB of answer, which does not contain \"PONG\"");
  EXPECT_LT(endless.taken, 65600u);
}

TEST(TextDialogue, APatternMayWaitForTheEnd) {
  const auto talk = Text({{.receive = TextCondition{TextCondition::Kind::kMatches, "PONG$"}}});
  EXPECT_EQ(Hear(talk, {"PONG"}).state, kOpen);
  EXPECT_EQ(Hear(talk, {"PONG\r\n"}).state, kGood);
  EXPECT_EQ(Hear(talk, {"PONG"}, Then::kEnds).state, kGood);
  EXPECT_EQ(Hear(talk, {"PONG"}, Then::kStaysSilent).state, kGood);
}

TEST(Quoted, IsFitForALog) {
  EXPECT_EQ(Quoted("a\x01\"b\xff\r\n"), "\"a??b?\"");
  EXPECT_EQ(Quoted(std::string(81, 'a')), "\"" + std::string(80, 'a') + "…\"");
}

}  // namespace
}  // namespace fairlead::control::line_dialogue_test
