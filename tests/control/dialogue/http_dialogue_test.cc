#include "conversation.h"

namespace fairlead::control::http_dialogue_test {
namespace {

using Kind = TextCondition::Kind;

MakeTalk Http(HttpProbe http) {
  return [http] { return MakeHttpDialogue(http, SomeEndpoint()); };
}

MakeTalk WithBody(Kind kind, std::string text) {
  return Http({.body = TextCondition{kind, std::move(text)}});
}

Outcome Bodied(std::string_view answer, Then then = Then::kWaits) {
  return Hear(WithBody(Kind::kContains, "ready"), {answer}, then);
}

TEST(HttpDialogue, AsksByItsMethodAndHost) {
  EXPECT_EQ(Hear(Http({}), {}).sent,
            "GET / HTTP/1.1\r\nHost: 10.0.0.11:80\r\nUser-Agent: fairlead-health\r\n"
            "Connection: close\r\n\r\n");
  const auto options = Http({.method = HttpMethod::kOptions, .path = "*", .host = "shop"});
  EXPECT_TRUE(Hear(options, {}).sent.starts_with("OPTIONS * HTTP/1.1\r\nHost: shop\r\n"));
}

TEST(HttpDialogue, TheStatusIsTheAnswer) {
  const Outcome good = Hear(Http({}), {"HTTP/1.1 204\r\n\r\n"});
  EXPECT_EQ(good.state, kGood);
  EXPECT_EQ(good.detail, "HTTP 204");
  const Outcome bad = Hear(Http({.expect = {{200, 200}, {301, 302}}}), {"HTTP/1.1 204\r\n\r\n"});
  EXPECT_EQ(bad.state, kBad);
  EXPECT_EQ(bad.detail, "HTTP 204");
  EXPECT_EQ(Hear(Http({.expect = {{200, 200}, {301, 302}}}), {"HTTP/1.1 302\r\n\r\n"}).state,
            kGood);
}

TEST(HttpDialogue, InterimAnswersAreSkipped) {
  EXPECT_EQ(Hear(Http({}), {"HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103\r\nLink: a\r\n\r\n",
                            "HTTP/1.1 200 OK\r\n\r\n"})
                .detail,
            "HTTP 200");
}

TEST(HttpDialogue, NothingAndHalfAnAnswerAreBad) {
  EXPECT_EQ(Hear(Http({}), {}, Then::kEnds).detail, "closed without an answer");
  EXPECT_EQ(Hear(Http({}), {"HTTP/1.1 200 OK\r\nA:"}, Then::kEnds).detail,
            "closed before the end of its headers");
  EXPECT_EQ(Hear(Http({}), {"HTTP/1.1 200 OK\r\nA:"}, Then::kStaysSilent).state, kOpen);
  EXPECT_EQ(Hear(Http({}), {"\x15\x03\x01\x00\x02\x02\x16"}).detail, "not an HTTP answer");
}

TEST(HttpDialogue, EndlessHeadersAreBad) {
  const Outcome outcome = HearEndlessly(Http({}), "HTTP/1.1 200 OK\r\n", "Set-Cookie: a=b\r\n");
  EXPECT_EQ(outcome.detail, "over 64 KiB of headers");
  EXPECT_LT(outcome.taken, 66000u);
}

TEST(HttpDialogue, ABodyOfAnyFramingIsRead) {
  for (const char* answer :
       {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall ready", "HTTP/1.1 200 OK\n\nready",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\ncontent-length: 5\r\n\r\nready",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nrea\r\n2;x=y\r\ndy\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n5\nready\n0\nA: b\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
        "00005\r\nready\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\nready"}) {
    const Outcome outcome = Bodied(answer);
    EXPECT_EQ(outcome.state, kGood) << answer << ": " << outcome.detail;
    EXPECT_EQ(outcome.detail, "HTTP 200");
  }
}

TEST(HttpDialogue, AnotherBodyIsBadOnceItIsOver) {
  const char* kNotIn = "HTTP 200, but its body does not contain \"ready\"";
  EXPECT_EQ(Bodied("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nread").detail, kNotIn);
  EXPECT_EQ(Bodied("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nready").detail, kNotIn);
  EXPECT_EQ(Bodied("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nready").detail, kNotIn);
  EXPECT_EQ(Bodied("HTTP/1.1 204\r\n\r\nready").detail,
            "HTTP 204, but its body does not contain \"ready\"");
  EXPECT_EQ(Bodied("HTTP/1.1 200 OK\r\n\r\nread").state, kOpen);
  EXPECT_EQ(Bodied("HTTP/1.1 200 OK\r\n\r\nread", Then::kEnds).detail, kNotIn);
  EXPECT_EQ(Bodied("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").detail,
            kNotIn);
  // What the framing is made of is no content.
  EXPECT_EQ(Bodied("HTTP/1.1 200 ready\r\nTransfer-Encoding: chunked\r\n\r\n1;ready\r\na\r\n0\r\n"
                   "A: ready\r\n\r\n")
                .detail,
            kNotIn);
}

TEST(HttpDialogue, AHeadRequestHasNoBody) {
  const auto head =
      Http({.method = HttpMethod::kHead, .body = TextCondition{Kind::kContains, "ready"}});
  EXPECT_EQ(Hear(head, {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"}).detail,
            "HTTP 200, but its body does not contain \"ready\"");
}

TEST(HttpDialogue, ABrokenFramingIsBad) {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
  for (const auto& [answer, fault] : std::initializer_list<std::pair<std::string, std::string>>{
           {head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
            "contradictory Content-Length"},
           {head + "Content-Length: -1\r\n\r\n", "a Content-Length that is no number"},
           {head + "Content-Length: 99999999999999999999999999\r\n\r\n",
            "a Content-Length that is no number"},
           {chunked + "x\r\n", "a chunk without a size"},
           {chunked + "\r\n", "a chunk without a size"},
           {chunked + "ffffffffffffffffffffff\r\n", "a chunk without a size"},
           {chunked + "1\r\nab\r\n", "a chunk that is longer than it says"},
           {chunked + "1;" + std::string(5000, 'e'), "a chunk's line of more than 4 KiB"}}) {
    const Outcome outcome = Bodied(answer);
    EXPECT_EQ(outcome.state, kBad) << answer.substr(0, 99);
    EXPECT_EQ(outcome.detail, "HTTP 200, but " + fault);
  }
  EXPECT_EQ(Bodied(chunked + "9\r\nabc", Then::kEnds).detail,
            "HTTP 200, but closed before the end of its body");
}

TEST(HttpDialogue, AnEndlessBodyIsBad) {
  const std::string piece(1000, 'b');
  Outcome outcome =
      HearEndlessly(WithBody(Kind::kContains, "ready"), "HTTP/1.1 200 OK\r\n\r\n", piece);
  EXPECT_EQ(outcome.detail, "HTTP 200, but its body is over 1 MiB");
  EXPECT_LT(outcome.taken, 1'100'000u);
  outcome = HearEndlessly(WithBody(Kind::kMatches, "ready"), "HTTP/1.1 200 OK\r\n\r\n", piece);
  EXPECT_EQ(outcome.detail, "HTTP 200, but the first 64 KiB of its body does not match \"ready\"");
  EXPECT_LT(outcome.taken, 70'000u);
  outcome = HearEndlessly(WithBody(Kind::kContains, "ready"),
                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "a: b\r\n");
  EXPECT_EQ(outcome.detail, "HTTP 200, but over 64 KiB of trailers");
  // Chunks of one byte, each with four kilobytes around it: no content to speak of.
  outcome = HearEndlessly(WithBody(Kind::kContains, "ready"),
                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                          "1;" + std::string(4000, 'e') + "\r\nb\r\n");
  EXPECT_EQ(outcome.detail, "over 2 MiB without an end");
}

TEST(HttpDialogue, APatternIsSearchedForInTheBody) {
  const auto talk = WithBody(Kind::kMatches, "^status: (up|ok)$");
  EXPECT_EQ(Hear(talk, {"HTTP/1.1 200 OK\r\n\r\na\nstatus: ok\n"}).state, kGood);
  EXPECT_EQ(Hear(talk, {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nstatus: ok"}).state, kGood);
  EXPECT_EQ(Hear(talk, {"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nstatus: oka"}).state, kBad);
}

TEST(HttpDialogue, TheBodyMayBeKnownByItsHash) {
  const std::string hash = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
  const auto talk = WithBody(Kind::kSha256, hash);  // of "abc"
  EXPECT_EQ(Hear(talk, {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"}).state, kGood);
  EXPECT_EQ(Hear(talk, {"HTTP/1.1 200 OK\r\n\r\nabc"}, Then::kEnds).state, kGood);
  const Outcome other = Hear(talk, {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabd"});
  EXPECT_EQ(other.state, kBad);
  EXPECT_EQ(other.detail, "HTTP 200, but its body has another SHA-256 than " + hash);
}

}  // namespace
}  // namespace fairlead::control::http_dialogue_test
