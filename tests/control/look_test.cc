// Looks over real sockets of the loopback: what asio_prober_test.cc does for tcp and http, for the
// other ways. What the answers mean is tested on bytes (tests/control/dialogue).
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "control/health/asio_prober.h"
#include "test_certificate.h"

namespace fairlead::control::look_test {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;
using ErrorCode = boost::system::error_code;

IpAddress Ip(const char* text) { return *IpAddress::Parse(text); }

// A listener on loopback that does as told with each of `connections` that come.
class Server {
 public:
  using Act = std::function<void(tcp::socket&)>;
  explicit Server(Act act, uint16_t port = 0, int connections = 1)
      : acceptor_(io_, {asio::ip::address_v4::loopback(), port}) {
    thread_ = std::thread([this, act = std::move(act), connections] {
      for (int i = 0; i < connections; ++i) {
        ErrorCode error;
        tcp::socket socket = acceptor_.accept(error);
        if (error) return;
        act(socket);
      }
    });
  }
  ~Server() { thread_.join(); }
  [[nodiscard]] uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  asio::io_context io_;
  tcp::acceptor acceptor_;
  std::thread thread_;
};

ProbeResult Look(const ProbeTarget& target) {
  asio::io_context io;
  const auto prober = MakeAsioProber(io);
  std::optional<ProbeResult> result;
  int times = 0;
  prober->Start(target, [&](ProbeResult r) { result = std::move(r), ++times; });
  EXPECT_FALSE(result.has_value());  // never inside Start
  io.run();
  EXPECT_EQ(times, 1);
  return result.value_or(ProbeResult{});
}

ProbeTarget At127(uint16_t port, ProbeQuestion question) {
  return {.endpoint = {Ip("127.0.0.1"), Be16::FromHost(port)},
          .question = std::move(question),
          .timeout = Duration{3000}};
}

// Until the other side ends; 0 when by a FIN, else the errno.
int ReadToEnd(tcp::socket& socket, std::string* heard) {
  ErrorCode error;
  asio::read(socket, asio::dynamic_buffer(*heard), error);
  return error == asio::error::eof ? 0 : error.value();
}

TEST(StreamLook, LeadsAConversationToItsOrderlyEnd) {
  std::string heard;
  int end = -1;
  ProbeResult result;
  {
    Server server([&](tcp::socket& socket) {
      asio::write(socket, asio::buffer("220 a\r\n"s));
      asio::read_until(socket, asio::dynamic_buffer(heard), "\n");
      asio::write(socket, asio::buffer("250-a\r\n250 b\r\n"s));
      asio::read_until(socket, asio::dynamic_buffer(heard), "QUIT\r\n");
      asio::write(socket, asio::buffer("221 bye\r\n"s));
      socket.shutdown(tcp::socket::shutdown_send);
      end = ReadToEnd(socket, &heard);
    });
    result = Look(At127(server.port(), SmtpProbe{.helo = "probe"}));
  }
  EXPECT_TRUE(result.is_ok) << result.detail;
  EXPECT_EQ(result.detail.find("SMTP 221 in "), 0u) << result.detail;
  EXPECT_EQ(heard, "EHLO probe\r\nQUIT\r\n");
  EXPECT_EQ(end, 0);
}

TEST(StreamLook, LastWordsAreSentAfterTheVerdict) {
  std::string heard;
  int end = -1;
  {
    Server server([&](tcp::socket& socket) {
      asio::write(socket, asio::buffer("\x30\x0c\2\1\1\x61\7\x0a\1\0\4\0\4\0"s));
      end = ReadToEnd(socket, &heard);
    });
    EXPECT_TRUE(Look(At127(server.port(), LdapProbe{})).is_ok);
  }
  EXPECT_TRUE(heard.ends_with("\x42\0"s));  // unbind
  EXPECT_EQ(end, 0);
}

TEST(StreamLook, AResetIsAnAnswer) {
  Server server([](tcp::socket& socket) {
    socket.set_option(asio::socket_base::linger(true, 0));
    socket.close();
  });
  const ProbeResult result = Look(At127(server.port(), RedisProbe{}));
  EXPECT_FALSE(result.is_ok);
  EXPECT_EQ(result.detail, "connection reset by peer");
  EXPECT_EQ(result.local_error, LocalError::kNone);
}

TEST(StreamLook, HalfAnAnswerIsNotSilence) {
  std::atomic<bool> is_over = false;
  Server server([&](tcp::socket& socket) {
    asio::write(socket, asio::buffer("+PO"s));
    while (!is_over) std::this_thread::sleep_for(1ms);
  });
  ProbeTarget target = At127(server.port(), RedisProbe{});
  target.timeout = Duration{60};
  const ProbeResult result = Look(target);
  is_over = true;
  EXPECT_EQ(result.detail, "no whole answer in 60 ms");
}

TEST(StreamLook, AnAgentsWordsComeAlong) {
  Server server([](tcp::socket& socket) { asio::write(socket, asio::buffer("up 50%\n"s)); });
  const ProbeResult result = Look(At127(server.port(), AgentProbe{}));
  EXPECT_TRUE(result.is_ok) << result.detail;
  EXPECT_EQ(result.agent, (AgentWords{.percent = 50, .is_up = true}));
}

TEST(StreamLook, AsksFromItsSource) {
  asio::ip::address from;
  {
    Server server([&](tcp::socket& socket) { from = socket.remote_endpoint().address(); });
    ProbeTarget target = At127(server.port(), TcpProbe{});
    target.source = Ip("127.0.0.9");
    EXPECT_TRUE(Look(target).is_ok);
  }
  EXPECT_EQ(from.to_string(), "127.0.0.9");
}

TEST(StreamLook, AForeignSourceIsOurOwnFault) {
  ProbeTarget target = At127(9, TcpProbe{});
  target.source = Ip("192.0.2.77");
  const ProbeResult result = Look(target);
  EXPECT_EQ(result.local_error, LocalError::kSystem);
  EXPECT_EQ(result.detail,
            "cannot assign requested address: is the source 192.0.2.77 an address of this "
            "machine?");
}

// Answers one request over TLS with that certificate.
class TlsServer {
 public:
  explicit TlsServer(const TestCertificate& certificate, std::string answer,
                     const std::string& client_ca = "")
      : context_(asio::ssl::context::tls_server), answer_(std::move(answer)) {
    context_.use_certificate_chain_file(certificate.file());
    context_.use_private_key_file(certificate.file(), asio::ssl::context::pem);
    if (client_ca.empty()) return;
    context_.load_verify_file(client_ca);
    context_.set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
  }
  ProbeResult Asked(ProbeTls tls, HttpProbe http = {.host = "shop.example"}) {
    Server server([this](tcp::socket& socket) { Serve(socket); });
    ProbeTarget target = At127(server.port(), std::move(http));
    target.tls = std::move(tls);
    return Look(target);
  }
  asio::ssl::context& context() { return context_; }
  [[nodiscard]] const std::string& server_name() const { return name_; }
  [[nodiscard]] bool has_client_said_goodbye() const { return is_goodbye_; }

 private:
  void Serve(tcp::socket& socket) {
    asio::ssl::stream<tcp::socket&> tls(socket, context_);
    ErrorCode error;
    tls.handshake(asio::ssl::stream_base::server, error);
    if (error) return;
    if (const char* name = SSL_get_servername(tls.native_handle(), TLSEXT_NAMETYPE_host_name)) {
      name_ = name;
    }
    std::string request;
    asio::read_until(tls, asio::dynamic_buffer(request), "\r\n\r\n", error);
    if (!error) asio::write(tls, asio::buffer(answer_), error);
    if (!error) asio::read(tls, asio::dynamic_buffer(request), error);
    is_goodbye_ = error == asio::error::eof;  // else: stream truncated
  }

  asio::ssl::context context_;
  const std::string answer_;
  std::string name_;
  bool is_goodbye_ = false;
};

constexpr const char* kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr long kMonth = 30 * 86400;

TEST(TlsLook, AGoodCertificateIsVerifiedAndItsEndReported) {
  const TestCertificate certificate("shop.example", kMonth);
  TlsServer server(certificate, kAnswer);
  const ProbeResult result = server.Asked({.ca_file = certificate.file()});
  EXPECT_TRUE(result.is_ok) << result.detail;
  EXPECT_EQ(result.detail.find("HTTP 200 in "), 0u);
  EXPECT_EQ(server.server_name(), "shop.example");
  EXPECT_TRUE(server.has_client_said_goodbye());
  ASSERT_TRUE(result.certificate_expires);
  EXPECT_LT(std::chrono::abs(*result.certificate_expires - certificate.expires()), 60s);
}

TEST(TlsLook, AnotherNameOrAnUnknownIssuerIsRefused) {
  const TestCertificate certificate("shop.example", kMonth), other("shop.example", kMonth);
  TlsServer server(certificate, kAnswer);
  ProbeResult result = server.Asked({.sni = "mail.example", .ca_file = certificate.file()});
  EXPECT_FALSE(result.is_ok);
  EXPECT_EQ(result.detail, "TLS certificate refused: hostname mismatch");
  result = server.Asked({.ca_file = certificate.file()}, {.host = "127.0.0.1"});
  EXPECT_EQ(result.detail, "TLS certificate refused: iP address mismatch");
  result = server.Asked({.ca_file = other.file()});
  EXPECT_FALSE(result.is_ok);
  EXPECT_EQ(result.detail.find("TLS certificate refused: "), 0u) << result.detail;
  EXPECT_EQ(result.local_error, LocalError::kNone);
}

TEST(TlsLook, AnExpiredCertificateIsRefusedUnlessNobodyLooks) {
  const TestCertificate certificate("shop.example", -86400);
  TlsServer server(certificate, kAnswer);
  const ProbeResult refused = server.Asked({.ca_file = certificate.file()});
  EXPECT_EQ(refused.detail, "TLS certificate refused: certificate has expired");
  const ProbeResult good = server.Asked({.is_verified = false});
  EXPECT_TRUE(good.is_ok) << good.detail;
  for (const ProbeResult& result : {refused, good}) {
    ASSERT_TRUE(result.certificate_expires);
    EXPECT_LT(std::chrono::abs(*result.certificate_expires - certificate.expires()), 60s);
  }
}

TEST(TlsLook, ShowsItsOwnCertificate) {
  const TestCertificate certificate("shop.example", kMonth), ours("probe.example", kMonth);
  TlsServer server(certificate, kAnswer, ours.file());
  const ProbeResult result = server.Asked({.is_verified = false, .certificate_file = ours.file()});
  EXPECT_TRUE(result.is_ok) << result.detail;
  EXPECT_FALSE(server.Asked({.is_verified = false}).is_ok);
}

TEST(TlsLook, AnOldVersionIsRefused) {
  const TestCertificate certificate("shop.example", kMonth);
  TlsServer server(certificate, kAnswer);
  SSL_CTX_set_max_proto_version(server.context().native_handle(), TLS1_2_VERSION);
  EXPECT_TRUE(server.Asked({.is_verified = false}).is_ok);
  const ProbeResult result = server.Asked({.is_verified = false, .minimum = TlsVersion::k13});
  EXPECT_FALSE(result.is_ok);
  EXPECT_EQ(result.detail.find("TLS handshake failed: "), 0u) << result.detail;
}

TEST(TlsLook, NoTlsAtAllIsBad) {
  Server server([](tcp::socket& socket) {
    ErrorCode error;
    asio::write(socket, asio::buffer("220 this is no TLS\r\n"s), error);
    std::string heard;
    ReadToEnd(socket, &heard);
  });
  ProbeTarget target = At127(server.port(), TcpProbe{});
  target.tls = ProbeTls{.is_verified = false};
  const ProbeResult result = Look(target);
  EXPECT_FALSE(result.is_ok);
  EXPECT_EQ(result.detail.find("TLS handshake failed: "), 0u) << result.detail;
}

TEST(TlsLook, AMissingFileIsOurOwnFault) {
  Server server([](tcp::socket&) {});
  ProbeTarget target = At127(server.port(), TcpProbe{});
  target.tls = ProbeTls{.ca_file = "/nonexistent/ca.pem"};
  const ProbeResult result = Look(target);
  EXPECT_EQ(result.local_error, LocalError::kFiles);
  EXPECT_EQ(result.detail.find("the CA file /nonexistent/ca.pem cannot be used: "), 0u);
}

// Answers each datagram with what `answer` makes of it; nullopt: with nothing.
class UdpServer {
 public:
  using Answer = std::function<std::optional<std::string>(const std::string&)>;
  explicit UdpServer(Answer answer) {
    thread_ = std::thread([this, answer = std::move(answer)] {
      std::array<char, 2048> buffer;
      for (;;) {
        udp::endpoint from;
        const size_t count = socket_.receive_from(asio::buffer(buffer), from);
        const std::string datagram(buffer.data(), count);
        if (datagram == "over") return;
        if (const auto text = answer(datagram)) socket_.send_to(asio::buffer(*text), from);
      }
    });
  }
  ~UdpServer() {
    udp::socket stop(io_, {asio::ip::address_v4::loopback(), 0});
    stop.send_to(asio::buffer("over"s), socket_.local_endpoint());
    thread_.join();
  }
  [[nodiscard]] uint16_t port() const { return socket_.local_endpoint().port(); }

 private:
  asio::io_context io_;
  udp::socket socket_{io_, {asio::ip::address_v4::loopback(), 0}};
  std::thread thread_;
};

TEST(DatagramLook, AnAnswerIsRead) {
  UdpServer server([](const std::string& asked) { return "you said " + asked; });
  const ProbeResult result =
      Look(At127(server.port(), UdpProbe{.send = "hi", .needs_answer = true}));
  EXPECT_TRUE(result.is_ok) << result.detail;
  EXPECT_EQ(result.detail.find("answer of 11 bytes in "), 0u) << result.detail;
}

TEST(DatagramLook, AClosedPortIsBadAndSilenceIsNot) {
  uint16_t port = 0;
  {
    UdpServer server([](const std::string&) { return std::nullopt; });
    port = server.port();
    ProbeTarget target = At127(port, UdpProbe{.send = "hi"});
    target.timeout = Duration{50};
    const ProbeResult result = Look(target);
    EXPECT_TRUE(result.is_ok) << result.detail;
    EXPECT_EQ(result.detail.find("no error in "), 0u) << result.detail;
    target.question = UdpProbe{.send = "hi", .needs_answer = true};
    EXPECT_EQ(Look(target).detail, "no answer in 50 ms");
  }
  const ProbeResult result = Look(At127(port, UdpProbe{}));
  EXPECT_FALSE(result.is_ok);
  EXPECT_EQ(result.detail, "connection refused");
}

// Its datagram says that it was cut; over TCP on the same port it is whole.
TEST(DatagramLook, ACutAnswerIsAskedForOverTcp) {
  const auto answer = [](std::string asked, bool is_cut) {
    asked[2] = static_cast<char>(is_cut ? 0x83 : 0x81);
    return asked;
  };
  UdpServer cut([&](const std::string& asked) { return answer(asked, true); });
  ProbeResult result;
  {
    Server whole(
        [&](tcp::socket& socket) {
          std::string asked(19, '\0');
          asio::read(socket, asio::buffer(asked));
          asio::write(socket, asio::buffer(answer(asked.substr(2), false).insert(0, "\0\x11"s)));
        },
        cut.port());
    result = Look(At127(cut.port(), DnsProbe{}));
  }
  EXPECT_TRUE(result.is_ok) << result.detail;
  EXPECT_EQ(result.detail.find("DNS NOERROR with 0 answers in "), 0u) << result.detail;
}

TEST(DatagramLook, TheLoopbackAnswersAPing) {
  for (const char* address : {"127.0.0.1", "::1"}) {
    ProbeTarget target = At127(0, PingProbe{});
    target.endpoint.address = Ip(address);
    const ProbeResult result = Look(target);
    if (result.local_error != LocalError::kNone) {
      GTEST_SKIP() << address << ": " << result.detail;
    }
    EXPECT_TRUE(result.is_ok) << result.detail;
    EXPECT_EQ(result.detail.find("echo reply in "), 0u) << result.detail;
  }
}

}  // namespace
}  // namespace fairlead::control::look_test
