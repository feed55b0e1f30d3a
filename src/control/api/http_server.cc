// The only file of the director that includes Beast.
#include "control/api/http_server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/url.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>

#include "base/ip_address.h"
#include "base/log.h"
#include "control/api/problem.h"

namespace fairlead::api {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = beast::http;
using boost::system::error_code;
using Stream = beast::basic_stream<asio::generic::stream_protocol>;
using Socket = asio::generic::stream_protocol::socket;

struct HttpServer::Shared {
  asio::io_context& io;
  HttpHandler handler;
  std::set<Session*> sessions = {};
};

namespace {

Method MethodOf(bhttp::verb verb) {
  switch (verb) {
    case bhttp::verb::get:
    case bhttp::verb::head:
      return Method::kGet;
    case bhttp::verb::post:
      return Method::kPost;
    case bhttp::verb::put:
      return Method::kPut;
    case bhttp::verb::patch:
      return Method::kPatch;
    case bhttp::verb::delete_:
      return Method::kDelete;
    default:
      return Method::kOther;
  }
}

// "localhost:9480", "127.0.0.1", "[::1]:80": a name that only this machine's own programs use.
bool IsLoopbackHost(std::string_view host) {
  if (host.starts_with("[::1]")) return true;
  const std::string_view name = host.substr(0, host.find(':'));
  return name == "localhost" || name == "127.0.0.1";
}

bool IsLoopbackOrigin(std::string_view origin) {
  constexpr std::string_view kScheme = "http://";
  return origin.starts_with(kScheme) && IsLoopbackHost(origin.substr(kScheme.size()));
}

std::optional<HttpResponse> RefuseForeign(const bhttp::request<bhttp::string_body>& request) {
  const auto text = [](beast::string_view s) { return std::string_view(s.data(), s.size()); };
  if (!IsLoopbackHost(text(request[bhttp::field::host]))) {
    return Problem(421, "foreign-host",
                   "This listener answers to localhost, 127.0.0.1 and [::1] only; use one of them "
                   "as the host");
  }
  const auto origin = request.find(bhttp::field::origin);
  if (origin != request.end() && !IsLoopbackOrigin(text(origin->value()))) {
    return Problem(403, "foreign-origin", "Pages of other sites may not use this API");
  }
  return std::nullopt;
}

// Fills path, segments and query; false when the target is no path.
bool ParseTarget(std::string_view target, HttpRequest* into) {
  const auto url = boost::urls::parse_origin_form({target.data(), target.size()});
  if (!url) return false;
  into->path = std::string(url->encoded_path());
  for (auto segment : url->segments()) into->segments.push_back(std::string(segment));
  if (!into->segments.empty() && into->segments.back().empty()) into->segments.pop_back();
  for (auto param : url->params()) {
    if (param.key.empty() && param.value.empty()) continue;  // "?" alone, "a=1&"
    into->query.emplace_back(std::string(param.key), std::string(param.value));
  }
  return true;
}

}  // namespace

// One connection. Lives as long as an operation on it, or a Responder, is outstanding.
class HttpServer::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<Shared> shared, Socket socket, bool is_tcp)
      : shared_(std::move(shared)), stream_(std::move(socket)), is_tcp_(is_tcp) {
    shared_->sessions.insert(this);
  }
  ~Session() { shared_->sessions.erase(this); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void Read() {
    parser_.emplace();
    parser_->body_limit(kMaxBodyBytes);
    parser_->header_limit(kMaxHeaderBytes);
    stream_.expires_after(std::chrono::seconds(kIdleSeconds));
    bhttp::async_read(stream_, buffer_, *parser_,
                      [self = shared_from_this()](error_code ec, size_t) { self->OnRead(ec); });
  }

  void Close() {
    error_code ignored;
    stream_.socket().shutdown(Socket::shutdown_both, ignored);
    stream_.socket().close(ignored);
  }

 private:
  void OnRead(error_code ec) {
    is_head_ = false;
    keep_alive_ = false;
    if (ec == bhttp::error::body_limit) {
      return Write(Problem(413, "body-too-large", "A body may have 1 MiB at the most"));
    }
    if (ec == bhttp::error::header_limit) {
      return Write(Problem(431, "header-too-large", "The headers may have 16 KiB at the most"));
    }
    if (ec == bhttp::error::end_of_stream || ec == beast::error::timeout) return Close();
    if (ec && ec.category() == bhttp::make_error_code(bhttp::error::end_of_stream).category()) {
      return Write(Problem(400, "bad-request", "This is not HTTP/1.1: " + ec.message()));
    }
    if (ec) return Close();
    Dispatch();
  }

  void Dispatch() {
    const auto& request = parser_->get();
    keep_alive_ = request.keep_alive();
    is_head_ = request.method() == bhttp::verb::head;
    stream_.expires_never();  // the answer may have to wait for workers
    if (is_tcp_) {
      if (auto refusal = RefuseForeign(request)) return Write(std::move(*refusal));
    }
    HttpRequest plain;
    plain.method = MethodOf(request.method());
    plain.body = request.body();
    plain.is_over_socket = !is_tcp_;
    plain.if_match = std::string(request[bhttp::field::if_match]);
    const auto target = request.target();
    if (!ParseTarget({target.data(), target.size()}, &plain)) {
      return Write(Problem(400, "bad-target", "The request target is no path of this server"));
    }
    shared_->handler(std::move(plain), [self = shared_from_this()](HttpResponse response) {
      self->Write(std::move(response));
    });
  }

  void Write(HttpResponse response) {
    auto message = std::make_shared<bhttp::response<bhttp::string_body>>();
    message->version(11);
    message->result(static_cast<unsigned>(response.status));
    message->reason(std::string(ReasonPhrase(response.status)));
    message->set(bhttp::field::server, "fairlead/" FAIRLEAD_VERSION);
    message->set(bhttp::field::content_type, response.content_type);
    message->set(bhttp::field::cache_control, "no-store");
    for (const auto& [name, value] : response.headers) message->set(name, value);
    message->keep_alive(keep_alive_);
    message->content_length(response.body.size());
    if (!is_head_) message->body() = std::move(response.body);
    stream_.expires_after(std::chrono::seconds(kIdleSeconds));
    auto after = [self = shared_from_this(), message](error_code ec, size_t) {
      if (ec || !self->keep_alive_) return self->Close();
      self->Read();
    };
    if (is_head_) {  // the length of the body that GET would have, and no body
      auto serializer = std::make_shared<bhttp::response_serializer<bhttp::string_body>>(*message);
      bhttp::async_write_header(stream_, *serializer,
                                [after, serializer](error_code ec, size_t n) { after(ec, n); });
      return;
    }
    bhttp::async_write(stream_, *message, after);
  }

  std::shared_ptr<Shared> shared_;
  Stream stream_;
  const bool is_tcp_;
  beast::flat_buffer buffer_;
  std::optional<bhttp::request_parser<bhttp::string_body>> parser_;
  bool keep_alive_ = false;
  bool is_head_ = false;
};

// A listening socket of either kind: Protocol is ip::tcp or local::stream_protocol.
class HttpServer::Listener {
 public:
  Listener(std::string where, std::string path)
      : address(std::move(where)), path_(std::move(path)) {}
  virtual ~Listener() { Unlink(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  virtual void Close() = 0;

  template <typename Protocol>
  class Of;

  const std::string address;

 protected:
  // Removes the socket, unless somebody has put another in its place.
  void RememberInode() {
    struct stat s;
    if (!path_.empty() && ::stat(path_.c_str(), &s) == 0) inode_ = s.st_ino;
  }
  void Unlink() {
    struct stat s;
    if (inode_ != 0 && ::stat(path_.c_str(), &s) == 0 && s.st_ino == inode_) {
      ::unlink(path_.c_str());
    }
    inode_ = 0;
  }

 private:
  std::string path_;
  ino_t inode_ = 0;
};

template <typename Protocol>
class HttpServer::Listener::Of : public Listener,
                                 public std::enable_shared_from_this<Of<Protocol>> {
 public:
  Of(std::shared_ptr<Shared> shared, typename Protocol::acceptor acceptor, std::string where,
     std::string path)
      : Listener(std::move(where), std::move(path)),
        shared_(std::move(shared)),
        acceptor_(std::move(acceptor)),
        retry_(shared_->io) {
    RememberInode();
  }

  void Accept() {
    acceptor_.async_accept(
        [weak = this->weak_from_this()](error_code ec, typename Protocol::socket socket) {
          const auto self = weak.lock();
          if (!self || ec == asio::error::operation_aborted) return;
          self->OnAccept(ec, std::move(socket));
        });
  }

  void Close() override {
    error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel();
    Unlink();
  }

 private:
  void OnAccept(error_code ec, typename Protocol::socket socket) {
    if (ec) {  // out of file descriptors, most likely: do not spin on it
      LogWarning("the API could not take a connection",
                 {{"listen", address}, {"error", ec.message()}});
      retry_.expires_after(std::chrono::milliseconds(100));
      retry_.async_wait([weak = this->weak_from_this()](error_code waited) {
        if (const auto self = weak.lock(); self && !waited) self->Accept();
      });
      return;
    }
    if (shared_->sessions.size() < kMaxHttpConnections) {
      constexpr bool kIsTcp = std::is_same_v<Protocol, asio::ip::tcp>;
      std::make_shared<Session>(shared_, Socket(std::move(socket)), kIsTcp)->Read();
    }
    Accept();
  }

  std::shared_ptr<Shared> shared_;
  typename Protocol::acceptor acceptor_;
  asio::steady_timer retry_;
};

namespace {

Error SystemError(const std::string& where, const std::string& what, const std::string& remedy) {
  return {ErrorCode::kSystem, "The API cannot listen: " + what + "; " + remedy,
          "api.listen " + where};
}

// Nobody listens there any more: a director that was killed leaves its socket.
bool IsStale(asio::io_context& io, const std::string& path) {
  asio::local::stream_protocol::socket probe(io);
  error_code ec;
  probe.connect(asio::local::stream_protocol::endpoint(path), ec);
  return ec == asio::error::connection_refused;
}

Status PrepareSocketPath(asio::io_context& io, const std::string& where, const std::string& path) {
  if (path.empty() || path.front() != '/' || path.size() > 107) {
    return Error{ErrorCode::kInvalid,
                 "A Unix socket needs an absolute path of at most 107 bytes, for instance "
                 "unix:/run/fairlead/api.sock",
                 "api.listen " + where};
  }
  std::error_code ec;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ec);
  if (ec) {
    return SystemError(where, "the directory cannot be made (" + ec.message() + ")",
                       "make it, or name a socket in a directory you may write");
  }
  const auto status = std::filesystem::status(path, ec);
  if (status.type() == std::filesystem::file_type::not_found) return Done{};
  if (status.type() != std::filesystem::file_type::socket) {
    return SystemError(where, "the path is there and is no socket", "remove it or name another");
  }
  if (!IsStale(io, path)) {
    return SystemError(where, "another program answers on this socket",
                       "stop the other director, or give this one its own api.listen");
  }
  std::filesystem::remove(path, ec);
  return Done{};
}

template <typename Protocol>
Result<typename Protocol::acceptor> Bind(asio::io_context& io,
                                         const typename Protocol::endpoint& endpoint,
                                         const std::string& where, mode_t mask) {
  typename Protocol::acceptor acceptor(io);
  error_code ec;
  acceptor.open(endpoint.protocol(), ec);
  if constexpr (std::is_same_v<Protocol, asio::ip::tcp>) {
    if (!ec) acceptor.set_option(asio::socket_base::reuse_address(true), ec);
  }
  const mode_t before = ::umask(mask);
  if (!ec) acceptor.bind(endpoint, ec);
  ::umask(before);
  if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) return SystemError(where, ec.message(), "free it, or change api.listen");
  return acceptor;
}

}  // namespace

HttpServer::HttpServer(asio::io_context& io, HttpHandler handler)
    : shared_(std::make_shared<Shared>(Shared{io, std::move(handler)})) {}

HttpServer::~HttpServer() { Close(); }

Status HttpServer::Listen(const std::string& where) {
  constexpr std::string_view kUnix = "unix:";
  constexpr std::string_view kHttp = "http://";
  if (where.starts_with(kUnix)) {
    using Local = asio::local::stream_protocol;
    const std::string path = where.substr(kUnix.size());
    if (Status prepared = PrepareSocketPath(shared_->io, where, path); !prepared) return prepared;
    auto acceptor = Bind<Local>(shared_->io, Local::endpoint(path), where, 0117);  // mode 0660
    if (!acceptor) return acceptor.error();
    auto listener =
        std::make_shared<Listener::Of<Local>>(shared_, std::move(*acceptor), where, path);
    listener->Accept();
    listeners_.push_back(std::move(listener));
    return Done{};
  }
  std::string host = where.starts_with(kHttp) ? where.substr(kHttp.size()) : "";
  if (host.ends_with('/')) host.pop_back();
  if (host.starts_with("localhost:")) host.replace(0, 9, "127.0.0.1");
  const auto endpoint = Endpoint::Parse(host);
  error_code ec;
  const auto address =
      asio::ip::make_address(endpoint ? endpoint->address.ToString() : "invalid", ec);
  if (ec || !address.is_loopback()) {
    return Error{ErrorCode::kInvalid,
                 "The API listens on unix:/PATH or on a loopback address, for instance "
                 "http://127.0.0.1:9480; put a proxy with authentication in front to reach it from "
                 "elsewhere",
                 "api.listen " + where};
  }
  using Tcp = asio::ip::tcp;
  auto acceptor =
      Bind<Tcp>(shared_->io, Tcp::endpoint(address, endpoint->port.host()), where, 0022);
  if (!acceptor) return acceptor.error();
  const uint16_t port = acceptor->local_endpoint(ec).port();
  auto listener = std::make_shared<Listener::Of<Tcp>>(
      shared_, std::move(*acceptor),
      "http://" + Endpoint{endpoint->address, Be16::FromHost(port)}.ToString(), "");
  listener->Accept();
  listeners_.push_back(std::move(listener));
  return Done{};
}

std::vector<std::string> HttpServer::addresses() const {
  std::vector<std::string> list;
  for (const auto& listener : listeners_) list.push_back(listener->address);
  return list;
}

void HttpServer::Close() {
  for (const auto& listener : listeners_) listener->Close();
  listeners_.clear();
  const std::set<Session*> open = shared_->sessions;
  for (Session* session : open) session->Close();
}

}  // namespace fairlead::api
