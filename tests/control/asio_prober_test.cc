#include "control/health/asio_prober.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <optional>
#include <string>
#include <thread>

#include "control/health/http_answer.h"
#include "control/health/monitor.h"
#include "director_fixture.h"

namespace fairlead::control::asio_prober_test {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using asio::ip::tcp;

// A listener on loopback that gives one answer to one connection, or none.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer) : answer_(std::move(answer)) {
    thread_ = std::thread([this] { Serve(); });
  }
  ~OneAnswer() {
    release_.store(true);
    thread_.join();
  }
  [[nodiscard]] Endpoint endpoint() const {
    return {*IpAddress::Parse("127.0.0.1"), Be16::FromHost(acceptor_.local_endpoint().port())};
  }
  [[nodiscard]] const std::string& request() const { return request_; }

 private:
  void Serve() {
    boost::system::error_code error;
    tcp::socket socket = acceptor_.accept(error);
    if (error) return;
    if (answer_.empty()) {  // silence
      while (!release_) std::this_thread::sleep_for(std::chrono::milliseconds{1});
      return;
    }
    asio::read_until(socket, asio::dynamic_buffer(request_), "\r\n\r\n", error);
    asio::write(socket, asio::buffer(answer_), error);
    socket.shutdown(tcp::socket::shutdown_send, error);
    while (!release_) std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }

  asio::io_context io_;
  tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
  std::string answer_, request_;
  std::atomic<bool> release_{false};
  std::thread thread_;
};

ProbeResult Look(const ProbeTarget& target) {
  asio::io_context io;
  const auto prober = MakeAsioProber(io);
  std::optional<ProbeResult> result;
  prober->Start(target, [&](ProbeResult r) { result = std::move(r); });
  EXPECT_FALSE(result.has_value());  // never inside Start
  io.run();
  return result.value_or(ProbeResult{});
}

ProbeTarget Http(const Endpoint& endpoint) {
  return {.endpoint = endpoint,
          .question =
              HttpProbe{.path = "/health?deep=1", .host = "shop.example", .expect = {{200, 299}}},
          .timeout = Duration{2000}};
}

Endpoint ClosedPort() {
  asio::io_context io;
  tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 0}};
  return {*IpAddress::Parse("127.0.0.1"), Be16::FromHost(acceptor.local_endpoint().port())};
}

TEST(AsioProber, TcpConnects) {
  OneAnswer server("hello");
  const ProbeResult result =
      Look({.endpoint = server.endpoint(), .question = TcpProbe{}, .timeout = Duration{2000}});
  EXPECT_TRUE(result.is_ok);
  EXPECT_EQ(result.detail.find("connected in "), 0u);
}

TEST(AsioProber, RefusedConnectionSaysSo) {
  const ProbeResult result = Look(Http(ClosedPort()));
  EXPECT_FALSE(result.is_ok);
  EXPECT_EQ(result.detail, "connection refused");
}

TEST(AsioProber, ExpectedStatusIsHealth) {
  OneAnswer server("HTTP/1.1 204 No Content\r\n\r\n");
  const ProbeResult result = Look(Http(server.endpoint()));
  EXPECT_TRUE(result.is_ok);
  EXPECT_EQ(result.detail.find("HTTP 204 in "), 0u);
  EXPECT_EQ(server.request().find("GET /health?deep=1 HTTP/1.1\r\nHost: shop.example\r\n"), 0u);
}

TEST(AsioProber, AnotherStatusIsNot) {
  OneAnswer server("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 9999\r\n\r\nbusy");
  const ProbeResult result = Look(Http(server.endpoint()));
  EXPECT_FALSE(result.is_ok);
  EXPECT_EQ(result.detail, "HTTP 503");
}

TEST(AsioProber, NonsenseIsNot) {
  OneAnswer server("SSH-2.0-OpenSSH\r\n\r\n\r\n");
  EXPECT_FALSE(Look(Http(server.endpoint())).is_ok);
}

// RFC 9110 section 15.2: a client must be able to read interim answers before the final one.
TEST(AsioProber, InterimAnswersAreSkipped) {
  OneAnswer server(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
      "HTTP/1.1 200 OK\r\n\r\n");
  const ProbeResult result = Look(Http(server.endpoint()));
  EXPECT_TRUE(result.is_ok);
  EXPECT_EQ(result.detail.find("HTTP 200 in "), 0u) << result.detail;
}

TEST(AsioProber, SixtyKilobytesOfHeadersAreRead) {
  OneAnswer server("HTTP/1.1 200 OK\r\nSet-Cookie: " + std::string(60000, 'c') + "\r\n\r\n");
  const ProbeResult result = Look(Http(server.endpoint()));
  EXPECT_TRUE(result.is_ok) << result.detail;
}

TEST(AsioProber, EndlessHeadersAreNot) {
  OneAnswer server("HTTP/1.1 200 OK\r\nSet-Cookie: " + std::string(70000, 'c'));
  const ProbeResult result = Look(Http(server.endpoint()));
  EXPECT_FALSE(result.is_ok);
  EXPECT_EQ(result.detail, "over 64 KiB of headers");
}

// RFC 9112 section 4: the reason phrase may be absent, and a client ignores it.
TEST(AsioProber, NoReasonPhraseIsNeeded) {
  OneAnswer server("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n");
  const ProbeResult result = Look(Http(server.endpoint()));
  EXPECT_TRUE(result.is_ok) << result.detail;
}

// Answers, closes its side and reads on: 0 when the client ends with a FIN, else the errno.
int EndOf(const std::string& answer, const ProbeTarget& about) {
  asio::io_context io;
  tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 0}};
  boost::system::error_code error;
  std::thread server([&] {
    tcp::socket socket = acceptor.accept();
    std::string request;
    if (std::holds_alternative<HttpProbe>(about.question)) {
      asio::read_until(socket, asio::dynamic_buffer(request), "\r\n\r\n");
    }
    asio::write(socket, asio::buffer(answer), error);
    if (error) return;
    socket.shutdown(tcp::socket::shutdown_send, error);
    asio::read(socket, asio::dynamic_buffer(request), error);
  });
  ProbeTarget target = about;
  target.endpoint = {*IpAddress::Parse("127.0.0.1"),
                     Be16::FromHost(acceptor.local_endpoint().port())};
  EXPECT_TRUE(Look(target).is_ok);
  server.join();
  return error == asio::error::eof ? 0 : error.value();
}

// A reset in the log of every server at every check would be noise at best.
TEST(AsioProber, ABigBodyIsReadToItsEnd) {
  EXPECT_EQ(EndOf("HTTP/1.1 200 OK\r\n\r\n" + std::string(900'000, 'b'), Http({})), 0);
}

TEST(AsioProber, AGreetingIsReadBeforeTheConnectionEnds) {
  EXPECT_EQ(EndOf(std::string(900, 'g'), {.question = TcpProbe{}, .timeout = Duration{2000}}), 0);
}

// Files that may be open, as long as this lives: none but those that are.
class NoMoreDescriptors {
 public:
  NoMoreDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const int next = dup(0);
    close(next);
    const rlimit none{static_cast<rlim_t>(next), before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoMoreDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(AsioProber, OurLackOfDescriptorsIsNoVerdict) {
  const ConfigModel model = ModelOf(R"(
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80,
      health: { type: tcp, interval: 1s, timeout: 1s, fall: 1 },
      reals: [ { address: 10.0.0.11 } ] })");
  std::vector<HealthCheck> checks = ChecksOf(model);
  checks[0].target.endpoint = ClosedPort();
  asio::io_context io;
  const auto prober = MakeAsioProber(io);
  HealthMonitor monitor(
      *prober, [] {}, [] { return uint64_t{0}; });
  monitor.SetChecks(checks, At(0s));
  {
    const NoMoreDescriptors limit;
    for (auto now = 0ms; now <= 5s; now += 50ms) {
      monitor.Tick(At(now));
      io.restart();
      io.run();
    }
  }
  EXPECT_EQ(monitor.StateOf({&checks[0], 1}), HealthState::kUp)
      << monitor.DetailOf({&checks[0], 1});
}

TEST(AsioProber, SilenceEndsWithTheTimeout) {
  OneAnswer server("");
  ProbeTarget target = Http(server.endpoint());
  target.timeout = Duration{50};
  const ProbeResult result = Look(target);
  EXPECT_FALSE(result.is_ok);
  EXPECT_EQ(result.detail, "no answer in 50 ms");
}

// Every turn of the thread comes later than the timeout. The server has answered each time at once.
TEST(AsioProber, OurOwnLatenessIsNotItsSilence) {
  OneAnswer server("HTTP/1.1 200 OK\r\n\r\n");
  ProbeTarget target = Http(server.endpoint());
  target.timeout = Duration{100};
  asio::io_context io;
  const auto prober = MakeAsioProber(io);
  std::optional<ProbeResult> result;
  prober->Start(target, [&](ProbeResult r) { result = std::move(r); });
  while (!result) {
    std::this_thread::sleep_for(120ms);
    io.poll();
  }
  EXPECT_TRUE(result->is_ok) << result->detail;
  EXPECT_GT(result->took, 100ms);
  io.run();
}

TEST(HttpAnswer, IsReadInPiecesOfAnySize) {
  const std::string text = "HTTP/1.1 103\r\nLink: <x>\r\n\r\nHTTP/1.0 404 Not here\nA: b\n\n";
  for (size_t step = 1; step <= text.size(); ++step) {
    HttpAnswer answer;
    HttpAnswer::State state = HttpAnswer::State::kIncomplete;
    for (size_t at = 0; at < text.size(); at += step) {
      ASSERT_EQ(state, HttpAnswer::State::kIncomplete) << "step " << step << " at " << at;
      state = answer.Feed(std::string_view(text).substr(at, step));
    }
    EXPECT_EQ(state, HttpAnswer::State::kComplete) << "step " << step;
    EXPECT_EQ(answer.status(), 404u);
  }
}

TEST(HttpAnswer, KnowsNonsenseByItsFirstBytes) {
  for (const char* text : {"H!", "SSH-2.0", "HTTP/1.1  200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n",
                           "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 099 Odd\r\n\r\n"}) {
    HttpAnswer answer;
    EXPECT_EQ(answer.Feed(text), HttpAnswer::State::kBad) << text;
    EXPECT_EQ(answer.fault(), "not an HTTP answer");
  }
}

TEST(HttpAnswer, BoundsInterimAnswers) {
  HttpAnswer answer;
  HttpAnswer::State state = HttpAnswer::State::kIncomplete;
  int fed = 0;
  for (; state == HttpAnswer::State::kIncomplete && fed < 1000; ++fed) {
    state = answer.Feed("HTTP/1.1 100\r\n\r\n");
  }
  EXPECT_EQ(state, HttpAnswer::State::kBad);
  EXPECT_EQ(fed, HttpAnswer::kMostInterimAnswers + 1);
}

}  // namespace
}  // namespace fairlead::control::asio_prober_test
