#include "control/health/dialogue/dns_name.h"
#include "conversation.h"

namespace fairlead::control::dns_dialogue_test {
namespace {

using namespace std::string_literals;

const std::string kQuestion = "\7example\3com\0\0\1\0\1"s;  // A, IN
const std::string kRecord = "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\0\0\1"s;

// An answer with that id, flags and numbers of questions and answers.
std::string Message(const std::string& flags, const std::string& rest, char questions = 1,
                    char answers = 1, const std::string& id = "\x12\x34") {
  return id + flags + "\0"s + questions + "\0"s + answers + "\0\0\0\0"s + rest;
}

Outcome HearDns(std::initializer_list<std::string> datagrams, Then then = Then::kWaits) {
  const auto talk =
      MakeDnsDialogue({.name = "example.com", .type = DnsType::kA}, Way::kUdp, 0x1234);
  talk->Begin();
  Outcome outcome{.sent = talk->TakeOutput()};
  for (const std::string& datagram : datagrams) talk->Feed(datagram);
  if (then == Then::kStaysSilent) talk->Silence();
  outcome.state = talk->state();
  outcome.detail = talk->detail();
  return outcome;
}

TEST(DnsDialogue, AsksByNameAndType) {
  EXPECT_EQ(HearDns({}).sent, "\x12\x34\1\0\0\1\0\0\0\0\0\0"s + kQuestion);
  const auto root = MakeDnsDialogue({}, Way::kTcp, 1);
  root->Begin();
  EXPECT_EQ(root->TakeOutput(), "\0\x11\0\1\1\0\0\1\0\0\0\0\0\0\0\0\6\0\1"s);
}

TEST(DnsDialogue, AWholeAnswerWithoutAnErrorIsGood) {
  const Outcome outcome = HearDns({Message("\x81\x80"s, kQuestion + kRecord)});
  EXPECT_EQ(outcome.state, kGood);
  EXPECT_EQ(outcome.detail, "DNS NOERROR with 1 answer");
  EXPECT_EQ(HearDns({Message("\x81\x80"s, kQuestion, 1, 0)}).detail, "DNS NOERROR with 0 answers");
  EXPECT_EQ(HearDns({Message("\x81\x80"s, "\7EXAMPLE\3com\0\0\1\0\1"s + kRecord)}).state, kGood);
}

TEST(DnsDialogue, AnErrorIsBad) {
  EXPECT_EQ(HearDns({Message("\x81\x82"s, kQuestion, 1, 0)}).detail, "DNS SERVFAIL");
  EXPECT_EQ(HearDns({Message("\x81\x8f"s, kQuestion, 1, 0)}).detail, "DNS rcode 15");
  EXPECT_EQ(HearDns({Message("\x81\x81"s, "", 0, 0)}).detail, "DNS FORMERR");
  EXPECT_EQ(HearDns({Message("\xa8\x80"s, kQuestion, 1, 0)}).detail,
            "a DNS answer to another kind of request");
}

TEST(DnsDialogue, AnswersToOtherQuestionsArePassedOver) {
  const std::string good = Message("\x81\x80"s, kQuestion + kRecord);
  const std::string other_id = Message("\x81\x80"s, kQuestion + kRecord, 1, 1, "\x12\x35");
  const std::string other_name = Message("\x81\x80"s, "\7exbmple\3com\0\0\1\0\1"s + kRecord);
  const std::string other_type = Message("\x81\x80"s, "\7example\3com\0\0\2\0\1"s + kRecord);
  const std::string a_question = Message("\x01\0"s, kQuestion + kRecord);
  const std::string no_question = Message("\x81\x80"s, kRecord, 0, 1);
  EXPECT_EQ(
      HearDns({"", "a", other_id, other_name, other_type, a_question, no_question, good}).state,
      kGood);
  EXPECT_EQ(HearDns({other_id}).state, kOpen);
  EXPECT_EQ(HearDns({other_id}, Then::kStaysSilent).detail, "only answers to other questions");
  EXPECT_EQ(HearDns({}, Then::kStaysSilent).state, kOpen);
  const auto endless =
      HearEndlessly([] { return MakeDnsDialogue({.name = "a"}, Way::kUdp, 1); }, "", "stranger");
  EXPECT_EQ(endless.detail, "an answer to another question");
  EXPECT_EQ(endless.taken, 128u);
}

TEST(DnsDialogue, AMalformedAnswerIsBad) {
  for (const std::string& records :
       {""s, kRecord.substr(0, 15), "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\5\x0a\0\0\1"s,
        "\xc0\x1d\0\1\0\1\0\0\0\x3c\0\0"s,  // points at itself
        "\xc0\x7f\0\1\0\1\0\0\0\x3c\0\0"s,  // and before it has been
        "\xc0"s, "\x40\0\1\0\1\0\0\0\x3c\0\0"s, "\x3f" + std::string(63, 'a')}) {
    EXPECT_EQ(HearDns({Message("\x81\x80"s, kQuestion + records)}).detail,
              "a malformed DNS answer");
  }
  // As many records as there may be, of which none is there.
  std::string huge = Message("\x81\x80"s, kQuestion + kRecord);
  huge.replace(6, 6, 6, '\xff');
  EXPECT_EQ(HearDns({huge + std::string(65000, '\0')}).detail, "a malformed DNS answer");
}

TEST(DnsDialogue, ACutAnswerIsAskedForOverTcp) {
  const std::string cut = Message("\x83\x80"s, kQuestion, 1, 0);
  EXPECT_EQ(HearDns({cut}).state, Dialogue::State::kAgainOverTcp);
  const auto tcp = [] {
    return MakeDnsDialogue({.name = "example.com.", .type = DnsType::kA}, Way::kTcp, 0x1234);
  };
  const auto framed = [](const std::string& m) { return "\0"s + static_cast<char>(m.size()) + m; };
  EXPECT_EQ(Hear(tcp, {framed(Message("\x81\x80"s, kQuestion + kRecord))}).state, kGood);
  EXPECT_EQ(Hear(tcp, {framed(cut)}).detail, "a cut DNS answer over TCP");
  EXPECT_EQ(Hear(tcp, {framed("stranger")}).detail, "an answer to another question");
  EXPECT_EQ(Hear(tcp, {"\0\0"s}).state, kBad);
  EXPECT_EQ(Hear(tcp, {"\0\x30\x12"s}, Then::kEnds).detail, "closed before the end of its answer");
  EXPECT_LE(HearEndlessly(tcp, "\xff\xff", "stranger").taken, 65545u);
}

TEST(DnsName, IsEncodedAndWalked) {
  EXPECT_EQ(EncodeDnsName("."), "\0"s);
  EXPECT_EQ(EncodeDnsName(""), "\0"s);
  EXPECT_EQ(EncodeDnsName("a.b."), "\1a\1b\0"s);
  for (const std::string& bad : {".."s, "a..b"s, "a.."s, ".a"s, std::string(64, 'a'), [] {
                                   std::string deep;
                                   for (int i = 0; i < 128; ++i) deep += "a.";
                                   return deep;
                                 }()}) {
    EXPECT_EQ(EncodeDnsName(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(HearInSteps([] { return MakeDnsDialogue({.name = "a..b"}, Way::kUdp, 1); }, {},
                        Then::kWaits, 1)
                .detail,
            "the name to ask for is no DNS name");
  EXPECT_EQ(EndOfDnsName("\1a\0x"s, 0), 3u);
  EXPECT_EQ(EndOfDnsName("\1a\0\1b\xc0\0x"s, 3), 7u);
  // A chain of pointers, each to the one before it.
  std::string chain("\0\0"s);
  for (int i = 0; i < 200; ++i) {
    const size_t to = chain.size() - 2;
    chain += static_cast<char>(0xc0 | to >> 8);
    chain += static_cast<char>(to & 255);
  }
  EXPECT_EQ(EndOfDnsName(chain, 100), 102u);
  EXPECT_EQ(EndOfDnsName(chain, 400), std::string_view::npos);
}

}  // namespace
}  // namespace fairlead::control::dns_dialogue_test
