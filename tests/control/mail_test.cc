// Mail about changes: the conversation and the message on bytes, and the whole over a server of the
// loopback.
#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <thread>

#include "control/mail/mail_dialogue.h"
#include "control/mail/mailer.h"
#include "director_fixture.h"

namespace fairlead::control::mail_test {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::HasSubstr;
namespace asio = boost::asio;
using asio::ip::tcp;
using State = MailDialogue::State;

MailConfig Mail(MailTls tls = MailTls::kNone) {
  return {.server = {Ip("127.0.0.1"), Be16::FromHost(25)},
          .from = "lb@example.com",
          .to = {"ops@example.com", "noc@example.com"},
          .helo = "lb.example",
          .tls = tls};
}

// ---- the conversation -------------------------------------------------------------------------

// What the client says to each of these.
std::string Said(MailDialogue* talk, const std::vector<std::string>& replies) {
  std::string said;
  for (const std::string& reply : replies) {
    talk->Feed(reply);
    said += talk->TakeOutput();
  }
  return said;
}

TEST(MailDialogue, GivesTheMessageToEachRecipient) {
  const MailConfig mail = Mail();
  MailDialogue talk(mail, "", "Subject: a\r\n\r\nb\r\n");
  EXPECT_EQ(Said(&talk, {"220 mx\r\n", "250-mx\r\n250 SIZE\r\n", "250 ok\r\n", "250 ok\r\n",
                         "251 forwarded\r\n", "354 go\r\n", "250 queued\r\n"}),
            "EHLO lb.example\r\nMAIL FROM:<lb@example.com>\r\nRCPT TO:<ops@example.com>\r\n"
            "RCPT TO:<noc@example.com>\r\nDATA\r\nSubject: a\r\n\r\nb\r\n.\r\nQUIT\r\n");
  EXPECT_EQ(talk.state(), State::kTaken);
  EXPECT_EQ(talk.detail(), "");
}

TEST(MailDialogue, ByteByByteIsTheSame) {
  const MailConfig mail = Mail();
  MailDialogue talk(mail, "", "a\r\n");
  std::string said;
  for (const char c : "220 mx\n250 mx\n250 ok\n250 ok\n250 ok\n354 go\n250 queued\n"s) {
    talk.Feed(std::string(1, c));
    said += talk.TakeOutput();
  }
  EXPECT_EQ(talk.state(), State::kTaken);
  EXPECT_TRUE(said.ends_with("DATA\r\na\r\n.\r\nQUIT\r\n")) << said;
}

TEST(MailDialogue, OneRefusedRecipientKeepsItFromNobodyElse) {
  const MailConfig mail = Mail();
  MailDialogue one(mail, "", "a\r\n");
  Said(&one, {"220 mx\r\n", "250 mx\r\n", "250 ok\r\n", "550 who?\r\n", "250 ok\r\n", "354 go\r\n",
              "250 queued\r\n"});
  EXPECT_EQ(one.state(), State::kTaken);
  EXPECT_EQ(one.detail(), "RCPT TO ops@example.com was answered with \"550 who?\"");
}

TEST(MailDialogue, ForGoodIsWhatEachRecipientIsRefusedForGood) {
  const auto is_permanent = [](const std::string& first, const std::string& second) {
    const MailConfig mail = Mail();
    MailDialogue talk(mail, "", "a\r\n");
    Said(&talk, {"220 mx\r\n", "250 mx\r\n", "250 ok\r\n", first, second});
    EXPECT_EQ(talk.state(), State::kRefused);
    return talk.is_permanent();
  };
  EXPECT_FALSE(is_permanent("550 who?\r\n", "450 later\r\n"));
  EXPECT_FALSE(is_permanent("450 later\r\n", "550 who?\r\n"));
  EXPECT_TRUE(is_permanent("550 who?\r\n", "551 who?\r\n"));
}

TEST(MailDialogue, SaysWhatTheServerHasRefused) {
  const auto refused = [](const std::vector<std::string>& replies) {
    const MailConfig mail = Mail();
    MailDialogue talk(mail, "", "a\r\n");
    Said(&talk, replies);
    EXPECT_EQ(talk.state(), State::kRefused);
    return talk.detail() + (talk.is_permanent() ? " for good" : "");
  };
  EXPECT_EQ(refused({"554 no\r\n"}), "the connection was answered with \"554 no\" for good");
  EXPECT_EQ(refused({"220 mx\r\n", "421 busy\r\n"}), "EHLO was answered with \"421 busy\"");
  EXPECT_EQ(refused({"HTTP/1.1 400\r\n"}), "not an answer of SMTP: \"HTTP/1.1 400\"");
  EXPECT_EQ(refused({std::string(3000, '2')}), "a line of more than 2 KiB");
  std::string endless;
  for (int i = 0; i < 200; ++i) endless += "220-more\r\n";
  EXPECT_EQ(refused({endless}), "an answer of more than 128 lines");
  const MailConfig mail = Mail();
  MailDialogue closed(mail, "", "a\r\n");
  closed.End();
  EXPECT_EQ(closed.detail(), "the mail server closed the connection");
}

TEST(MailDialogue, LogsInOverTlsAlone) {
  MailConfig mail = Mail(MailTls::kStarttls);
  mail.user = "lb";
  MailDialogue talk(mail, "hunter2", "a\r\n");
  EXPECT_EQ(Said(&talk, {"220 mx\r\n", "250-mx\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n",
                         "220 go\r\n250 injected\r\n"}),
            "EHLO lb.example\r\nSTARTTLS\r\n");
  ASSERT_TRUE(talk.wants_tls());
  talk.OnTls();
  EXPECT_EQ(talk.TakeOutput(), "EHLO lb.example\r\n") << "what came before does not count";
  EXPECT_EQ(Said(&talk, {"250-mx\r\n250 AUTH LOGIN PLAIN\r\n", "235 in\r\n"}),
            "AUTH PLAIN AGxiAGh1bnRlcjI=\r\nMAIL FROM:<lb@example.com>\r\n");

  MailDialogue plain(mail, "hunter2", "a\r\n");
  Said(&plain, {"220 mx\r\n", "250 AUTH PLAIN\r\n"});
  EXPECT_EQ(plain.detail(), "the mail server offers no STARTTLS");
  EXPECT_EQ(plain.state(), State::kRefused);
}

// A server that does not know AUTH may repeat the line.
TEST(MailDialogue, DoesNotRepeatThePassword) {
  MailConfig mail = Mail(MailTls::kImplicit);
  mail.user = "lb";
  const auto detail = [&](const std::string& reply) {
    MailDialogue talk(mail, "hunter2", "a\r\n");
    talk.OnTls();
    Said(&talk, {"220 mx\r\n", "250 AUTH PLAIN\r\n", reply});
    EXPECT_EQ(talk.state(), State::kRefused);
    return talk.detail();
  };
  EXPECT_EQ(detail("500 what is AUTH PLAIN AGxiAGh1bnRlcjI=\r\n"),
            "the login was answered with 500");
  EXPECT_EQ(detail("AUTH PLAIN AGxiAGh1bnRlcjI=\r\n"), "not an answer of SMTP");
}

// ---- the message ------------------------------------------------------------------------------

TEST(MailText, TellsOneChangeInItsSubject) {
  const std::chrono::system_clock::time_point at{1796035405s};
  EXPECT_EQ(
      MailText(Mail(), "edge-1",
               std::vector<MailedChange>{{at, "service web has lost its quorum", "\xc3\xa9\n"}}, 0,
               at, "id"),
      "Date: Mon, 30 Nov 2026 10:43:25 +0000\r\nFrom: lb@example.com\r\n"
      "To: ops@example.com,\r\n noc@example.com\r\n"
      "Subject: [edge-1] service web has lost its quorum\r\nMessage-ID: <id@example.com>\r\n"
      "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=us-ascii\r\n\r\n"
      "2026-11-30T10:43:25Z service web has lost its quorum\r\n    ???\r\n");
}

TEST(MailText, TellsSeveralInOne) {
  const std::string text = MailText(
      Mail(), "edge-1", std::vector<MailedChange>{{{}, "a", ""}, {{}, "b", ""}}, 5, {}, "");
  EXPECT_THAT(text, HasSubstr("Subject: [edge-1] 7 changes of real servers and services\r\n"));
  EXPECT_THAT(text, HasSubstr("Z a\r\n1970-01-01T00:00:00Z b\r\nand 5 more, which"));
}

// ---- all of it --------------------------------------------------------------------------------

// Takes `messages`, one a connection, after it has refused as many connections as it shall.
class MailServer {
 public:
  MailServer(int refusals, int messages, std::string refusal = "421 busy\r\n")
      : refusal_(std::move(refusal)) {
    thread_ = std::thread([this, refusals, messages] {
      for (int i = 0; i < refusals + messages; ++i) {
        boost::system::error_code error;
        tcp::socket socket = acceptor_.accept(error);
        if (error) return;
        Serve(socket, i < refusals);
      }
    });
  }
  ~MailServer() {
    if (thread_.joinable()) thread_.join();
  }
  // The subjects, when it has served all.
  std::vector<std::string> Finish() {
    thread_.join();
    return subjects_;
  }
  [[nodiscard]] MailConfig mail() const {
    MailConfig mail = Mail();
    mail.server.port = Be16::FromHost(acceptor_.local_endpoint().port());
    return mail;
  }

 private:
  void Serve(tcp::socket& socket, bool refuses) {
    boost::system::error_code error;
    std::string heard;
    const auto answer = [&](const std::string& reply, const std::string& until) {
      asio::write(socket, asio::buffer(reply), error);
      if (!error) asio::read_until(socket, asio::dynamic_buffer(heard), until, error);
    };
    if (refuses) {
      asio::write(socket, asio::buffer(refusal_), error);
      return;
    }
    for (const char* until : {"EHLO lb.example\r\n", "MAIL FROM:<lb@example.com>\r\n",
                              "<ops@example.com>\r\n", "<noc@example.com>\r\n", "DATA\r\n"}) {
      answer(heard.empty() ? "220 mx\r\n" : "250 ok\r\n", until);
    }
    answer("354 go\r\n", "\r\n.\r\n");
    answer("250 queued\r\n", "QUIT\r\n");
    const size_t begin = heard.find("Subject: ") + 9;
    subjects_.push_back(heard.substr(begin, heard.find('\r', begin) - begin));
  }

  asio::io_context io_;
  tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
  const std::string refusal_;
  std::vector<std::string> subjects_;
  std::thread thread_;
};

// Runs until so many messages were taken, or so many attempts have failed.
void RunUntil(asio::io_context& io, const Mailer& mailer, uint64_t sent,
              uint64_t failed = UINT64_MAX) {
  for (const auto end = std::chrono::steady_clock::now() + 20s;
       mailer.counts().sent < sent && mailer.counts().failed < failed &&
       std::chrono::steady_clock::now() < end;) {
    io.run_one_for(100ms);
    io.restart();
  }
}

TEST(Mailer, SendsEachChangeByItselfAndWhatIsTooMuchInOne) {
  MailServer server(0, 3);
  asio::io_context io;
  Mailer mailer(io, {.burst = 2, .pace = 50ms});
  for (const char* title : {"a", "b", "c", "d", "e"}) {
    mailer.Note(server.mail(), "lb", {{}, title, ""});
  }
  RunUntil(io, mailer, 3);
  EXPECT_EQ(mailer.counts().sent, 3u);
  EXPECT_EQ(mailer.counts().failed, 0u);
  EXPECT_THAT(server.Finish(), testing::ElementsAre("[lb] a", "[lb] b",
                                                    "[lb] 3 changes of real servers and services"));
}

TEST(Mailer, TriesAgainAndTellsAllInOne) {
  MailServer server(2, 1);
  asio::io_context io;
  Mailer mailer(io, {.burst = 10, .pace = 1ms, .retry = 1ms, .most_retry = 2ms});
  for (const char* title : {"a", "b"}) mailer.Note(server.mail(), "lb", {{}, title, ""});
  RunUntil(io, mailer, 1);
  EXPECT_EQ(mailer.counts().sent, 1u);
  EXPECT_EQ(mailer.counts().failed, 2u);
  EXPECT_EQ(mailer.counts().dropped, 0u);
  EXPECT_THAT(server.Finish(), testing::ElementsAre("[lb] 2 changes of real servers and services"));
}

TEST(Mailer, WhatWaitsGoesToTheServerOfANewConfigurationAtOnce) {
  MailServer broken(1, 0), mended(0, 1);
  asio::io_context io;
  Mailer mailer(io, {.retry = 1h, .most_retry = 1h});
  mailer.Note(broken.mail(), "lb", {{}, "a", ""});
  RunUntil(io, mailer, 1, 1);
  ASSERT_EQ(mailer.counts().failed, 1u);
  mailer.Follow(mended.mail());
  RunUntil(io, mailer, 1);
  EXPECT_EQ(mailer.counts().sent, 1u);
  EXPECT_THAT(mended.Finish(), testing::ElementsAre("[lb] a"));
}

TEST(Mailer, WhatAReplacedServerRefusesForGoodGoesToTheNewOne) {
  MailServer broken(1, 0, "554 no\r\n"), mended(0, 1);
  asio::io_context io;
  Mailer mailer(io);
  mailer.Note(broken.mail(), "lb", {{}, "a", ""});
  mailer.Follow(mended.mail());  // while it is on its way to the first
  RunUntil(io, mailer, 1);
  EXPECT_EQ(mailer.counts().sent, 1u);
  EXPECT_EQ(mailer.counts().dropped, 0u);
  EXPECT_THAT(mended.Finish(), testing::ElementsAre("[lb] a"));
}

TEST(Mailer, WithoutAConfigurationWhatWaitsIsCountedAsDropped) {
  MailServer broken(1, 0);
  asio::io_context io;
  Mailer mailer(io, {.retry = 1h, .most_retry = 1h});
  for (const char* title : {"a", "b"}) mailer.Note(broken.mail(), "lb", {{}, title, ""});
  RunUntil(io, mailer, 1, 1);
  mailer.Follow(std::nullopt);
  EXPECT_EQ(mailer.counts().dropped, 2u);
}

// A director that ends has no use for what becomes of a mail.
TEST(Mailer, EndsWithAMailOnItsWay) {
  MailServer server(1, 0);
  {
    asio::io_context io;
    Mailer mailer(io);
    mailer.Note(server.mail(), "lb", {{}, "a", ""});
    EXPECT_EQ(mailer.counts().failed, 0u);
  }
  server.Finish();
}

// The one message, and not those behind it.
TEST(Mailer, ARefusedMessageHoldsUpNoOther) {
  const std::string to_the_end =
      "220 mx\r\n250 mx\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n554 I do not like it\r\n";
  MailServer server(1, 1, to_the_end);
  asio::io_context io;
  Mailer mailer(io, {.retry = 1h, .most_retry = 1h});
  for (const char* title : {"a", "b"}) mailer.Note(server.mail(), "lb", {{}, title, ""});
  RunUntil(io, mailer, 1);
  EXPECT_EQ(mailer.counts().failed, 1u);
  EXPECT_EQ(mailer.counts().dropped, 1u);
  EXPECT_EQ(mailer.counts().sent, 1u);
  EXPECT_THAT(server.Finish(), testing::ElementsAre("[lb] b"));
}

}  // namespace
}  // namespace fairlead::control::mail_test
