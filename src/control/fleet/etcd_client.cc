#include "control/fleet/etcd_client.h"

#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <limits>
#include <optional>
#include <utility>

#include "control/fleet/line_cutter.h"

namespace fairlead::control {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;
using NetError = boost::system::error_code;

namespace {

// Nothing: a link-local one, which Asio writes with its interface.
std::optional<IpAddress> AddressOf(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_link_local()) return std::nullopt;
  return IpAddress::Parse(address.to_string());
}

ProbeTls TlsOf(const LocalFile& local) {
  return {.is_verified = true,
          .ca_file = local.ca == "system" ? std::string() : local.ca,
          .certificate_file = local.certificate,
          .key_file = local.key};
}

// A peer that has gone without a word is found after about 15 seconds.
void WatchOverSilence(Tcp::socket& socket) {
  const auto set = [&](int level, int option, int value) {
    ::setsockopt(socket.native_handle(), level, option, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 5);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 3);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
}

}  // namespace

// One question. It lives as long as something is under way for it.
class EtcdClient::Exchange : public std::enable_shared_from_this<EtcdClient::Exchange> {
 public:
  Exchange(asio::io_context& io, EtcdServer server, std::shared_ptr<size_t> resolving)
      : server_(std::move(server)),
        resolving_(std::move(resolving)),
        resolver_(io),
        socket_(io),
        timer_(io) {}

  void SetRequest(const std::string& path, std::string body, const std::string& token) {
    request_.method(http::verb::post);
    request_.target(path);
    request_.set(http::field::host, server_.ToString());
    request_.set(http::field::content_type, "application/json");
    request_.set(http::field::connection, "close");
    if (!token.empty()) request_.set(http::field::authorization, token);
    request_.body() = std::move(body);
    request_.prepare_payload();
  }
  void SetTls(std::shared_ptr<asio::ssl::context> context) {
    context_ = std::move(context);
    tls_.emplace(socket_, *context_);
    SSL* const ssl = tls_->native_handle();
    tls_->set_verify_mode(asio::ssl::verify_peer);
    if (IpAddress::Parse(server_.host)) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), server_.host.c_str());
      return;
    }
    // SSL_set_tlsext_host_name, which is a macro with a cast of C.
    SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, server_.host.data());
    SSL_set1_host(ssl, server_.host.c_str());
  }
  void SetConnected(std::function<void(const IpAddress&)> connected) {
    connected_ = std::move(connected);
  }

  // Of a stream `line` is called for each message, and `done` only at its end.
  void Start(std::function<void(std::string_view)> line,
             std::function<void(Result<EtcdReply>)> done) {
    line_ = std::move(line);
    done_ = std::move(done);
    timer_.expires_after(kTimeToAnswer);
    timer_.async_wait([self = shared_from_this()](NetError error) {
      if (!error) self->Fail("no answer in " + std::to_string(kTimeToAnswer.count()) + " s");
    });
    ++*resolving_;
    resolver_.async_resolve(server_.host, std::to_string(server_.port),
                            [self = shared_from_this()](NetError error, auto endpoints) {
                              --*self->resolving_;
                              if (error) return self->Fail(error.message());
                              self->Connect(endpoints);
                            });
  }
  void FailLater(std::string why, std::function<void(Result<EtcdReply>)> done) {
    done_ = std::move(done);
    asio::post(socket_.get_executor(),
               [self = shared_from_this(), why = std::move(why)] { self->Fail(why); });
  }

  // Nothing is heard of it any more.
  void Close() {
    done_ = nullptr;
    line_ = nullptr;
    CloseSocket();
  }

 private:
  void Connect(const Tcp::resolver::results_type& endpoints) {
    if (is_over()) return;
    asio::async_connect(socket_, endpoints,
                        [self = shared_from_this()](NetError error, const Tcp::endpoint&) {
                          if (error) return self->Fail(error.message());
                          self->OnConnected();
                        });
  }

  void OnConnected() {
    if (is_over()) return;
    NetError error;
    const Tcp::endpoint own = socket_.local_endpoint(error);
    const auto address = error ? std::nullopt : AddressOf(own.address());
    if (address && connected_) connected_(*address);
    if (line_) WatchOverSilence(socket_);
    if (!tls_) return Write();
    tls_->async_handshake(asio::ssl::stream_base::client,
                          [self = shared_from_this()](NetError failed) {
                            if (failed) return self->Fail("TLS: " + self->ReasonOf(failed));
                            self->Write();
                          });
  }

  std::string ReasonOf(const NetError& error) {
    const int64_t verified = SSL_get_verify_result(tls_->native_handle());
    if (verified == X509_V_OK) return error.message();
    return std::string("its certificate is refused: ") + X509_verify_cert_error_string(verified);
  }

  template <typename What>
  void WithStream(What what) {
    tls_ ? what(*tls_) : what(socket_);
  }

  void Write() {
    if (is_over()) return;
    parser_.body_limit(line_ ? std::numeric_limits<uint64_t>::max() : kMostReplyBytes);
    WithStream([this](auto& stream) {
      http::async_write(stream, request_, [self = shared_from_this()](NetError error, size_t) {
        if (error) return self->Fail(error.message());
        self->line_ ? self->ReadHeader() : self->ReadAll();
      });
    });
  }

  void ReadAll() {
    if (is_over()) return;
    WithStream([this](auto& stream) {
      http::async_read(stream, buffer_, parser_,
                       [self = shared_from_this()](NetError error, size_t) {
                         if (error) return self->FailRead(error);
                         self->Finish();
                       });
    });
  }

  void ReadHeader() {
    if (is_over()) return;
    WithStream([this](auto& stream) {
      http::async_read_header(stream, buffer_, parser_,
                              [self = shared_from_this()](NetError error, size_t) {
                                if (error) return self->FailRead(error);
                                if (self->parser_.get().result() != http::status::ok) {
                                  self->line_ = nullptr;  // a refusal is short
                                  self->parser_.body_limit(kMostReplyBytes);
                                  return self->ReadAll();
                                }
                                self->timer_.cancel();
                                self->TakeLines();
                              });
    });
  }

  // What has come of the body is taken out of the parser, which else would keep all of it.
  void TakeLines() {
    std::string& body = parser_.get().body();
    const std::string bytes = std::exchange(body, std::string());
    const auto take = line_;  // which may close this, and so let go of itself
    const bool is_short = cutter_.Feed(bytes, [this, &take](std::string_view line) {
      if (line_) take(line);
    });
    if (!is_short)
      return Fail("a message has more than " + std::to_string(kMostLineBytes) + " bytes");
    if (is_over()) return;
    if (parser_.is_done()) return Fail("it has ended the watch");
    WithStream([this](auto& stream) {
      http::async_read_some(stream, buffer_, parser_,
                            [self = shared_from_this()](NetError error, size_t) {
                              if (error) return self->FailRead(error);
                              self->TakeLines();
                            });
    });
  }

  static std::string SayRead(const NetError& error) {
    if (error == http::error::body_limit) {
      return "the answer has more than " + std::to_string(kMostReplyBytes) + " bytes";
    }
    if (error == http::error::end_of_stream || error == http::error::partial_message) {
      return "it has closed the connection";
    }
    return error.message();
  }

  [[nodiscard]] bool is_over() const { return !done_; }

  void FailRead(const NetError& error) {
    const bool is_too_long = error == http::error::body_limit;
    Fail(SayRead(error), is_too_long ? ErrorCode::kInvalid : ErrorCode::kUnavailable);
  }
  void Fail(const std::string& why, ErrorCode code = ErrorCode::kUnavailable) {
    End(Error{code, "etcd at " + server_.ToString() + ": " + why, ""});
  }
  void Finish() {
    const auto& response = parser_.get();
    End(EtcdReply{response.result_int(), response.body()});
  }
  void End(Result<EtcdReply> result) {
    if (is_over()) return;
    line_ = nullptr;
    CloseSocket();
    std::exchange(done_, nullptr)(std::move(result));
  }
  void CloseSocket() {
    NetError ignored;
    timer_.cancel();
    resolver_.cancel();
    socket_.close(ignored);
  }

  EtcdServer server_;
  const std::shared_ptr<size_t> resolving_;
  Tcp::resolver resolver_;
  Tcp::socket socket_;
  asio::steady_timer timer_;
  std::shared_ptr<asio::ssl::context> context_;
  std::optional<asio::ssl::stream<Tcp::socket&>> tls_;
  std::function<void(const IpAddress&)> connected_;
  std::function<void(std::string_view)> line_;   // none: it is no stream
  std::function<void(Result<EtcdReply>)> done_;  // none: it is over
  http::request<http::string_body> request_{http::verb::post, "/", 11};
  boost::beast::flat_buffer buffer_{size_t{1} << 20};
  http::response_parser<http::string_body> parser_;
  LineCutter cutter_{kMostLineBytes};
};

EtcdClient::EtcdClient(asio::io_context& io, EtcdPlace place, LocalFile local)
    : io_(io), place_(std::move(place)), local_(std::move(local)) {}

EtcdClient::~EtcdClient() { CloseStream(); }

std::shared_ptr<EtcdClient::Exchange> EtcdClient::Make(const std::string& path, std::string body,
                                                       const std::string& token) {
  auto exchange = std::make_shared<Exchange>(io_, server(), resolving_);
  exchange->SetRequest(path, std::move(body), token);
  exchange->SetConnected([this](const IpAddress& own) { own_address_ = own; });
  return exchange;
}

void EtcdClient::Post(const std::string& path, std::string body, const std::string& token,
                      std::function<void(Result<EtcdReply>)> done) {
  const auto exchange = Make(path, std::move(body), token);
  if (local_.uses_tls()) {
    const auto context = contexts_.ContextOf(TlsOf(local_));
    if (!context) return exchange->FailLater(context.error().message, std::move(done));
    exchange->SetTls(*context);
  }
  exchange->Start(nullptr, std::move(done));
}

void EtcdClient::OpenStream(const std::string& path, std::string body, const std::string& token,
                            StreamEvents events) {
  CloseStream();
  const auto exchange = Make(path, std::move(body), token);
  stream_ = exchange;
  if (local_.uses_tls()) {
    const auto context = contexts_.ContextOf(TlsOf(local_));
    if (!context) return exchange->FailLater(context.error().message, std::move(events.ended));
    exchange->SetTls(*context);
  }
  exchange->Start(std::move(events.line), std::move(events.ended));
}

void EtcdClient::CloseStream() {
  if (const auto stream = stream_.lock()) stream->Close();
  stream_.reset();
}

}  // namespace fairlead::control
