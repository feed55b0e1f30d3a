#include "control/health/asio_prober.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <optional>
#include <string>
#include <thread>

namespace fairlead::control {
namespace {

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
  return {.type = HealthType::kHttp,
          .endpoint = endpoint,
          .path = "/health?deep=1",
          .host = "shop.example",
          .expect = {{200, 299}},
          .timeout = Duration{2000}};
}

Endpoint ClosedPort() {
  asio::io_context io;
  tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 0}};
  return {*IpAddress::Parse("127.0.0.1"), Be16::FromHost(acceptor.local_endpoint().port())};
}

TEST(AsioProber, TcpConnects) {
  OneAnswer server("hello");
  const ProbeResult result = Look({.type = HealthType::kTcp,
                                   .endpoint = server.endpoint(),
                                   .path = "",
                                   .host = "",
                                   .expect = {},
                                   .timeout = Duration{2000}});
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

TEST(AsioProber, SilenceEndsWithTheTimeout) {
  OneAnswer server("");
  ProbeTarget target = Http(server.endpoint());
  target.timeout = Duration{50};
  const ProbeResult result = Look(target);
  EXPECT_FALSE(result.is_ok);
  EXPECT_EQ(result.detail, "no answer in 50 ms");
}

}  // namespace
}  // namespace fairlead::control
