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
#include <functional>
#include <optional>
#include <set>
#include <thread>

#include "base/log.h"
#include "base/log_pace.h"
#include "control/api/listen.h"
#include "control/api/loopback_host.h"
#include "control/api/problem.h"
#include "control/api/session_budget.h"

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

std::optional<HttpResponse> RefuseForeign(const bhttp::request<bhttp::string_body>& request) {
  const auto text = [](beast::string_view s) { return std::string_view(s.data(), s.size()); };
  if (request.count(bhttp::field::host) != 1 ||
      !IsLoopbackHost(text(request[bhttp::field::host]))) {
    return Problem(421, "foreign-host",
                   "This listener answers to localhost, 127.0.0.1 and [::1] only; use one of them "
                   "as the host");
  }
  const auto [origin, end] = request.equal_range(bhttp::field::origin);
  if (!std::all_of(origin, end, [&](const auto& o) { return IsLoopbackOrigin(text(o.value())); })) {
    return Problem(403, "foreign-origin", "Pages of other sites may not use this API");
  }
  return std::nullopt;
}

// Who is at the other end.
struct Peer {
  std::string name;          // "127.0.0.1", "uid 1000": what the budget counts by
  std::optional<User> user;  // of a Unix socket
};

// Nothing when it has gone already.
std::optional<Peer> PeerOf(const asio::ip::tcp::socket& socket) {
  error_code ec;
  const auto endpoint = socket.remote_endpoint(ec);
  if (ec) return std::nullopt;
  return Peer{endpoint.address().to_string(), std::nullopt};
}

std::optional<Peer> PeerOf(asio::local::stream_protocol::socket& socket) {
  ucred who{};
  socklen_t length = sizeof who;
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &who, &length) != 0) {
    return std::nullopt;
  }
  return Peer{"uid " + std::to_string(who.uid), User{who.uid, who.gid}};
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
  Session(std::shared_ptr<Shared> shared, std::shared_ptr<SessionBudget> budget, Socket socket,
          Peer peer)
      : shared_(std::move(shared)),
        budget_(std::move(budget)),
        stream_(std::move(socket)),
        peer_(std::move(peer)),
        seat_{peer_.name, [this] { Close(); }} {}
  ~Session() {
    budget_->Remove(&seat_);
    shared_->sessions.erase(this);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Not in the constructor: without memory for the second of these the first would have to be
  // undone by hand, and the destructor does it for an object that is whole.
  void Begin() {
    shared_->sessions.insert(this);
    budget_->Add(&seat_);
    Read();
  }

  // Waits for a request as long as an idle connection may; what has begun must end soon.
  void Read() {
    WaitForPeer(kIdleSeconds);
    if (buffer_.size() > 0) return ReadRequest();  // sent before the last answer was taken
    stream_.async_read_some(buffer_.prepare(kReadBytes),
                            [self = shared_from_this()](error_code ec, size_t n) {
                              if (ec) return self->Close();
                              self->buffer_.commit(n);
                              self->ReadRequest();
                            });
  }

  void Close() {
    error_code ignored;
    stream_.socket().shutdown(Socket::shutdown_both, ignored);
    stream_.socket().close(ignored);
  }

 private:
  static constexpr size_t kReadBytes = 4096;

  // The one answer to a request. Whatever holds a Responder may fail: an exception lets go of it,
  // in the handler or in what comes back from another thread, and then the peer gets 500 and keeps
  // its connection. The exception itself is noted where the API thread catches it.
  class Reply {
   public:
    explicit Reply(std::shared_ptr<Session> session) : session_(std::move(session)) {}
    ~Reply() {
      // Let go of by another thread, which had no memory to come back here: the connection ends.
      if (is_given_ || std::this_thread::get_id() != thread_) return;
      if (!session_->stream_.socket().is_open()) return;
      try {
        session_->Write(Problem(500, "internal-error",
                                "An internal error; the log of the director has a line about it"));
      } catch (...) {
        session_->Close();
      }
    }
    Reply(const Reply&) = delete;
    Reply& operator=(const Reply&) = delete;

    void Give(HttpResponse response) {
      if (is_given_) return;
      session_->Write(std::move(response));
      is_given_ = true;
    }

   private:
    const std::shared_ptr<Session> session_;
    const std::thread::id thread_ = std::this_thread::get_id();
    bool is_given_ = false;
  };

  void ReadRequest() {
    parser_.emplace();
    parser_->body_limit(kMaxBodyBytes);
    parser_->header_limit(kMaxHeaderBytes);
    WaitForPeer(kRequestSeconds);
    bhttp::async_read(stream_, buffer_, *parser_,
                      [self = shared_from_this()](error_code ec, size_t) { self->OnRead(ec); });
  }

  void WaitForPeer(int seconds) {
    seat_.waits_since = std::chrono::steady_clock::now();
    stream_.expires_after(std::chrono::seconds(seconds));
  }

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
    const auto reply = std::make_shared<Reply>(shared_from_this());
    const auto& request = parser_->get();
    keep_alive_ = request.keep_alive();
    is_head_ = request.method() == bhttp::verb::head;
    stream_.expires_never();  // the answer may have to wait for workers
    seat_.waits_since.reset();
    if (!peer_.user) {
      if (auto refusal = RefuseForeign(request)) return reply->Give(std::move(*refusal));
    }
    HttpRequest plain;
    plain.method = MethodOf(request.method());
    plain.body = request.body();
    plain.user = peer_.user;
    plain.if_match = std::string(request[bhttp::field::if_match]);
    const auto target = request.target();
    if (!ParseTarget({target.data(), target.size()}, &plain)) {
      return reply->Give(
          Problem(400, "bad-target", "The request target is not a path of this server"));
    }
    shared_->handler(std::move(plain), Responder([reply](HttpResponse response) {
                       reply->Give(std::move(response));
                     }));
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
    WaitForPeer(kIdleSeconds);
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
  std::shared_ptr<SessionBudget> budget_;
  Stream stream_;
  const Peer peer_;
  Seat seat_;
  beast::flat_buffer buffer_;
  std::optional<bhttp::request_parser<bhttp::string_body>> parser_;
  bool keep_alive_ = false;
  bool is_head_ = false;
};

// A listening socket of either kind: Protocol is ip::tcp or local::stream_protocol.
class HttpServer::Listener {
 public:
  Listener(std::string where, std::string bound, std::string path)
      : wanted(std::move(where)), address(std::move(bound)), path_(std::move(path)) {}
  virtual ~Listener() { Unlink(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  virtual void Close() = 0;
  // The socket goes on listening, and keeps its name.
  virtual FileDescriptor Release() = 0;

  template <typename Protocol>
  class Of;

  const std::string wanted;   // as Listen was told
  const std::string address;  // with the real port

 protected:
  // Removes the socket, unless somebody has put another in its place.
  void RememberInode() {
    struct stat s;
    if (!path_.empty() && ::stat(path_.c_str(), &s) == 0) inode_ = s.st_ino;
  }
  void KeepName() { inode_ = 0; }
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
     std::string bound, std::string path)
      : Listener(std::move(where), std::move(bound), std::move(path)),
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

  FileDescriptor Release() override {
    retry_.cancel();
    KeepName();
    error_code failed;
    const auto socket = acceptor_.release(failed);
    return failed ? FileDescriptor() : FileDescriptor(socket);
  }

 private:
  void OnAccept(error_code ec, typename Protocol::socket socket) {
    if (ec) {  // out of file descriptors, most likely: do not spin on it
      if (const uint64_t times = pace_.Note(std::chrono::steady_clock::now())) {
        LogWarning("the API cannot accept connections; it goes on trying",
                   {{"listen", address}, {"error", ec.message()}, {"times", times}});
      }
      retry_.expires_after(std::chrono::milliseconds(100));
      retry_.async_wait([weak = this->weak_from_this()](error_code waited) {
        if (const auto self = weak.lock(); self && !waited) self->Accept();
      });
      return;
    }
    Accept();  // first: no memory for this session must not be the end of the listener
    if (auto peer = PeerOf(socket); peer && budget_->MakeRoom(peer->name)) {
      std::make_shared<Session>(shared_, budget_, Socket(std::move(socket)), std::move(*peer))
          ->Begin();
    }
  }

  std::shared_ptr<Shared> shared_;
  const std::shared_ptr<SessionBudget> budget_ = std::make_shared<SessionBudget>();
  typename Protocol::acceptor acceptor_;
  asio::steady_timer retry_;
  LogPace pace_;  // of failures to accept
};

HttpServer::HttpServer(asio::io_context& io, HttpHandler handler)
    : shared_(std::make_shared<Shared>(Shared{io, std::move(handler)})) {}

HttpServer::~HttpServer() { Close(); }

Status HttpServer::Listen(const std::string& where, FileDescriptor passed) {
  if (where.starts_with("unix:")) {
    auto acceptor = passed ? AdoptPath(shared_->io, where, std::move(passed))
                           : ListenOnPath(shared_->io, where);
    if (!acceptor) return acceptor.error();
    Start<asio::local::stream_protocol>(std::move(*acceptor), where, where, where.substr(5));
    return Done{};
  }
  auto acceptor = passed ? AdoptLoopback(shared_->io, where, std::move(passed))
                         : ListenOnLoopback(shared_->io, where);
  if (!acceptor) return acceptor.error();
  error_code ec;
  const auto bound = acceptor->local_endpoint(ec);
  const std::string host = bound.address().is_v6() ? "[" + bound.address().to_string() + "]"
                                                   : bound.address().to_string();
  Start<asio::ip::tcp>(std::move(*acceptor), where,
                       "http://" + host + ":" + std::to_string(bound.port()), "");
  return Done{};
}

template <typename Protocol>
void HttpServer::Start(typename Protocol::acceptor acceptor, const std::string& where,
                       const std::string& address, const std::string& path) {
  auto listener =
      std::make_shared<Listener::Of<Protocol>>(shared_, std::move(acceptor), where, address, path);
  listener->Accept();
  listeners_.push_back(std::move(listener));
}

std::vector<std::string> HttpServer::addresses() const {
  std::vector<std::string> list;
  for (const auto& listener : listeners_) list.push_back(listener->address);
  return list;
}

void HttpServer::Close() {
  for (const auto& listener : listeners_) listener->Close();
  listeners_.clear();
  CloseSessions();
}

std::vector<NamedDescriptor> HttpServer::Release() {
  std::vector<NamedDescriptor> released;
  for (const auto& listener : listeners_) {
    released.push_back({listener->wanted, listener->Release()});
  }
  listeners_.clear();
  CloseSessions();
  return released;
}

void HttpServer::CloseSessions() {
  const std::set<Session*> open = shared_->sessions;
  for (Session* session : open) session->Close();
}

}  // namespace fairlead::api
