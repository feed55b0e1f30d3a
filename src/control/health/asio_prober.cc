#include "control/health/asio_prober.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <utility>

namespace fairlead::control {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Clock = std::chrono::steady_clock;

asio::ip::tcp::endpoint EndpointOf(const Endpoint& endpoint) {
  if (endpoint.address.is_v4()) {
    return {asio::ip::address_v4(endpoint.address.v4().Fold()), endpoint.port.host()};
  }
  return {asio::ip::address_v6(endpoint.address.v6().bytes), endpoint.port.host()};
}

// One probe; keeps itself alive by its handlers until it has called `done`.
class Probe : public std::enable_shared_from_this<Probe> {
 public:
  Probe(asio::io_context& io, ProbeTarget target, std::function<void(ProbeResult)> done)
      : stream_(io), target_(std::move(target)), done_(std::move(done)) {}

  void Start() {
    stream_.expires_after(target_.timeout);
    stream_.async_connect(
        EndpointOf(target_.endpoint),
        [self = shared_from_this()](beast::error_code error) { self->OnConnect(error); });
  }

 private:
  void OnConnect(beast::error_code error) {
    if (error) return Fail(error);
    if (target_.type == HealthType::kTcp) return Finish(true, "connected");
    request_.method(http::verb::get);
    request_.target(target_.path);
    request_.version(11);
    request_.set(http::field::host,
                 target_.host.empty() ? target_.endpoint.ToString() : target_.host);
    request_.set(http::field::user_agent, "fairlead-health");
    request_.set(http::field::connection, "close");
    http::async_write(stream_, request_,
                      [self = shared_from_this()](beast::error_code failed, size_t) {
                        if (failed) return self->Fail(failed);
                        self->ReadHeader();
                      });
  }

  void ReadHeader() {
    http::async_read_header(stream_, buffer_, parser_,
                            [self = shared_from_this()](beast::error_code failed, size_t) {
                              if (failed) return self->Fail(failed);
                              self->Judge();
                            });
  }

  void Judge() {
    const unsigned status = parser_.get().result_int();
    const bool is_expected = std::ranges::any_of(target_.expect, [&](const StatusRange& range) {
      return status >= range.first && status <= range.last;
    });
    Finish(is_expected, "HTTP " + std::to_string(status));
  }

  void Fail(beast::error_code error) {
    if (error == beast::error::timeout) {
      return Finish(false, "no answer in " + std::to_string(target_.timeout.count()) + " ms");
    }
    if (error == http::error::end_of_stream) return Finish(false, "closed without an answer");
    std::string text = error.message();
    if (!text.empty()) text[0] = static_cast<char>(std::tolower(text[0]));
    Finish(false, text);
  }

  void Finish(bool is_ok, std::string detail) {
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start_);
    if (is_ok) detail.append(" in ").append(std::to_string(took.count() / 1000)).append(" ms");
    beast::error_code ignored;
    stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    stream_.close();
    done_({is_ok, std::move(detail), took});
  }

  beast::tcp_stream stream_;
  ProbeTarget target_;
  std::function<void(ProbeResult)> done_;
  const Clock::time_point start_ = Clock::now();
  http::request<http::empty_body> request_;
  beast::flat_buffer buffer_{8192};
  http::response_parser<http::string_body> parser_;
};

class AsioProber : public Prober {
 public:
  explicit AsioProber(asio::io_context& io) : io_(io) {}

  void Start(const ProbeTarget& target, std::function<void(ProbeResult)> done) override {
    std::make_shared<Probe>(io_, target, std::move(done))->Start();
  }

 private:
  asio::io_context& io_;
};

}  // namespace

std::unique_ptr<Prober> MakeAsioProber(asio::io_context& io) {
  return std::make_unique<AsioProber>(io);
}

}  // namespace fairlead::control
