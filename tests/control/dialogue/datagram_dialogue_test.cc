// udp and ping: each Feed is one datagram.
#include "conversation.h"

namespace fairlead::control::datagram_dialogue_test {
namespace {

// Datagrams do not come in pieces.
Outcome HearDatagrams(std::unique_ptr<Dialogue> talk,
                      std::initializer_list<std::string_view> datagrams, Then then = Then::kWaits) {
  auto shared = std::make_shared<std::unique_ptr<Dialogue>>(std::move(talk));
  return HearInSteps([shared] { return std::move(*shared); }, datagrams, then,
                     std::string_view::npos);
}

Outcome HearUdp(const UdpProbe& udp, std::initializer_list<std::string_view> datagrams,
                Then then = Then::kWaits) {
  return HearDatagrams(MakeUdpDialogue(udp), datagrams, then);
}

TEST(UdpDialogue, SilenceIsGoodWhereNoAnswerIsNeeded) {
  const Outcome outcome = HearUdp({.send = "hi"}, {}, Then::kStaysSilent);
  EXPECT_EQ(outcome.sent, "hi");
  EXPECT_EQ(outcome.state, kGood);
  EXPECT_EQ(outcome.detail, "no error");
  EXPECT_EQ(HearUdp({.send = "hi"}, {"a"}).detail, "answer of 1 bytes");
  EXPECT_EQ(HearUdp({.send = "hi", .needs_answer = true}, {}, Then::kStaysSilent).state, kOpen);
  EXPECT_EQ(HearUdp({.send = "hi", .needs_answer = true}, {"ab"}).state, kGood);
}

TEST(UdpDialogue, AnAnswerMustBeAsExpected) {
  const UdpProbe udp{.send = "hi",
                     .receive = TextCondition{TextCondition::Kind::kMatches, "^\\x01.\\x03$"}};
  EXPECT_EQ(HearUdp(udp, {"no", "\x01\x02\x03"}).state, kGood);
  EXPECT_EQ(HearUdp(udp, {"\x01", "\x02\x03"}, Then::kStaysSilent).detail,
            "answer of 2 bytes does not match \"^\\x01.\\x03$\"");
  EXPECT_EQ(HearUdp(udp, {}, Then::kStaysSilent).state, kOpen);
  EXPECT_EQ(HearEndlessly([&] { return MakeUdpDialogue(udp); }, "", "no").taken, 32u);
}

TEST(UdpDialogue, AnEmptyDatagramIsOneToo) {
  const auto talk = MakeUdpDialogue({});
  talk->Begin();
  EXPECT_TRUE(talk->has_output());
  EXPECT_EQ(talk->TakeOutput(), "");
  EXPECT_FALSE(talk->has_output());
}

const std::string kToken = "\x08\x07\x06\x05\x04\x03\x02\x01";

TEST(PingDialogue, AReplyWithItsTokenIsGood) {
  const auto reply = [](char type, char code, const std::string& token) {
    return std::string{type, code, 9, 9, 7, 7, 0, 1} + token;
  };
  const auto ping = [&](Family family, std::initializer_list<std::string_view> replies) {
    return HearDatagrams(MakePingDialogue(family, 0x0102030405060708), replies);
  };
  EXPECT_EQ(ping(Family::kIpv4, {}).sent, std::string("\x08\0\0\0\0\0\0\x01", 8) + kToken);
  EXPECT_EQ(ping(Family::kIpv6, {}).sent, std::string("\x80\0\0\0\0\0\0\x01", 8) + kToken);
  EXPECT_EQ(ping(Family::kIpv4, {reply(0, 0, kToken)}).detail, "echo reply");
  EXPECT_EQ(ping(Family::kIpv6, {reply('\x81', 0, kToken)}).state, kGood);
  const std::string other = "\x01\x02\x03\x04\x05\x06\x07\x08";
  EXPECT_EQ(ping(Family::kIpv4, {reply(0, 0, other), reply(8, 0, kToken), reply(0, 1, kToken),
                                 reply('\x81', 0, kToken), reply(0, 0, kToken + "a"), "a"})
                .state,
            kOpen);
}

}  // namespace
}  // namespace fairlead::control::datagram_dialogue_test
