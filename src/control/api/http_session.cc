// The only file of the director that includes Beast.
#include "control/api/http_session.h"

#include <unistd.h>

#include <algorithm>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/url.hpp>
#include <chrono>
#include <thread>

#include "control/api/loopback_host.h"
#include "control/api/problem.h"

namespace fairlead::api {

namespace beast = boost::beast;
namespace bhttp = beast::http;
using boost::system::error_code;
using Socket = boost::asio::generic::stream_protocol::socket;
using Stream = beast::basic_stream<boost::asio::generic::stream_protocol>;

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
class HttpSessions::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<HttpSessions> sessions, std::shared_ptr<SessionBudget> budget,
          Socket socket, HttpPeer peer)
      : sessions_(std::move(sessions)),
        budget_(std::move(budget)),
        stream_(std::move(socket)),
        peer_(std::move(peer)),
        seat_{peer_.name, [this] { Close(); }} {}
  ~Session() {
    budget_->Remove(&seat_);
    sessions_->open_.erase(this);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Not in the constructor: without memory for the second of these the first would have to be
  // undone by hand, and the destructor does it for an object that is whole.
  void Begin() {
    sessions_->open_.insert(this);
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
    sessions_->handler_(std::move(plain), Responder([reply](HttpResponse response) {
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

  std::shared_ptr<HttpSessions> sessions_;
  std::shared_ptr<SessionBudget> budget_;
  Stream stream_;
  const HttpPeer peer_;
  Seat seat_;
  beast::flat_buffer buffer_;
  std::optional<bhttp::request_parser<bhttp::string_body>> parser_;
  bool keep_alive_ = false;
  bool is_head_ = false;
};

void HttpSessions::Begin(std::shared_ptr<HttpSessions> sessions,
                         std::shared_ptr<SessionBudget> budget, Socket socket, HttpPeer peer) {
  std::make_shared<Session>(std::move(sessions), std::move(budget), std::move(socket),
                            std::move(peer))
      ->Begin();
}

void HttpSessions::CloseAll() {
  const std::set<Session*> closing = open_;  // a session takes itself out of `open_` when it goes
  for (Session* session : closing) session->Close();
}

}  // namespace fairlead::api
