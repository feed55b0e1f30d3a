// The only file of the director that includes Beast, and with it the streams of TLS.
#include "control/api/http_session.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/url.hpp>
#include <chrono>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/utf8.h"
#include "control/api/loopback_host.h"
#include "control/api/problem.h"

namespace fairlead::api {

namespace beast = boost::beast;
namespace bhttp = beast::http;
using boost::system::error_code;
using Socket = boost::asio::generic::stream_protocol::socket;
using Stream = beast::basic_stream<boost::asio::generic::stream_protocol>;
using TlsStream = boost::asio::ssl::stream<Stream&>;
using Serializer = bhttp::response_serializer<bhttp::string_body>;

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

std::string_view TextOf(beast::string_view s) { return {s.data(), s.size()}; }

// Of a peer over TCP: what a page of another site in a browser could send. `is_tls`: the name of
// the host is the certificate's, and proves itself.
std::optional<HttpResponse> RefuseForeign(const bhttp::request<bhttp::string_body>& request,
                                          bool is_tls) {
  const std::string_view host = TextOf(request[bhttp::field::host]);
  if (!is_tls && (request.count(bhttp::field::host) != 1 || !IsLoopbackHost(host))) {
    return Problem(421, "foreign-host",
                   "This listener answers to localhost, 127.0.0.1 and [::1] only; use one of them "
                   "as the host");
  }
  const auto is_own = [&](const auto& field) {
    const std::string_view origin = TextOf(field.value());
    return is_tls ? origin == "https://" + std::string(host) : IsLoopbackOrigin(origin);
  };
  const auto [origin, end] = request.equal_range(bhttp::field::origin);
  if (!std::all_of(origin, end, is_own)) {
    return Problem(403, "foreign-origin", "Pages of other sites may not use this API");
  }
  return std::nullopt;
}

// The subject of the certificate that the peer has shown and that was verified; empty: none.
std::string SubjectOf(SSL* tls) {
  constexpr size_t kMostBytes = 200;
  X509* const shown = SSL_get0_peer_certificate(tls);
  if (shown == nullptr || SSL_get_verify_result(tls) != X509_V_OK) return "";
  BIO* const out = BIO_new(BIO_s_mem());
  if (out == nullptr) return "?";
  X509_NAME_print_ex(out, X509_get_subject_name(shown), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* bytes = nullptr;
  const long length = BIO_get_mem_data(out, &bytes);
  std::string subject(bytes, std::min(static_cast<size_t>(std::max(length, 0l)), kMostBytes));
  BIO_free(out);
  return subject.empty() ? "without a name" : ToUtf8(subject);
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
  Session(std::shared_ptr<HttpSessions> sessions, std::shared_ptr<Door> door, Socket socket,
          HttpPeer peer)
      : sessions_(std::move(sessions)),
        door_(std::move(door)),
        stream_(std::move(socket)),
        peer_(std::move(peer)),
        seat_{peer_.budget, [this] { Close(); }},
        handshake_{peer_.budget, [this] { Close(); }} {}
  ~Session() {
    door_->handshakes.Remove(&handshake_);
    door_->seats.Remove(&seat_);
    sessions_->open_.erase(this);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Not in the constructor: without memory for the second of these the first would have to be
  // undone by hand, and the destructor does it for an object that is whole.
  void Begin() {
    sessions_->open_.insert(this);
    door_->seats.Add(&seat_);
    if (!door_->tls) return Read();
    door_->handshakes.Add(&handshake_);
    ShakeHands();
  }

  // Waits for a request as long as an idle connection may; what has begun must end soon.
  void Read() {
    WaitForPeer(kIdleSeconds);
    if (buffer_.size() > 0) return ReadRequest();  // sent before the last answer was taken
    OnStream([this](auto& stream) {
      stream.async_read_some(buffer_.prepare(kReadBytes),
                             [self = shared_from_this()](error_code ec, size_t n) {
                               if (ec) return self->Close();
                               self->buffer_.commit(n);
                               self->ReadRequest();
                             });
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

  // Calls `use` with what bytes go through.
  template <typename Use>
  void OnStream(Use use) {
    if (tls_) {
      use(*tls_);
    } else {
      use(stream_);
    }
  }

  void ShakeHands() {
    context_ = judged_by_ = door_->tls->current();
    tls_ = std::make_unique<TlsStream>(stream_, *context_);
    WaitForPeer(kHandshakeSeconds);
    handshake_.waits_since = seat_.waits_since;
    tls_->async_handshake(TlsStream::server, [self = shared_from_this()](error_code ec) {
      self->door_->handshakes.Remove(&self->handshake_);
      if (ec) return self->EndUnmet(ec);
      self->certificate_ = SubjectOf(self->tls_->native_handle());
      self->Read();
    });
  }

  void EndUnmet(error_code ec) {
    if (const uint64_t times = door_->failures.Note(std::chrono::steady_clock::now())) {
      const std::string why = TlsFiles::WhyRefused(tls_->native_handle());
      LogInfo(
          "the API could not agree on TLS with a client",
          {{"from", peer_.from}, {"reason", why.empty() ? ec.message() : why}, {"times", times}});
    }
    Close();
  }

  void ReadRequest() {
    parser_.emplace();
    parser_->body_limit(kMaxBodyBytes);
    parser_->header_limit(kMaxHeaderBytes);
    WaitForPeer(kRequestSeconds);
    OnStream([this](auto& stream) {
      bhttp::async_read_header(
          stream, buffer_, *parser_,
          [self = shared_from_this()](error_code ec, size_t) { self->OnHeader(ec); });
    });
  }

  // Whoever may do nothing has no more of a body read than it takes to answer in peace.
  void OnHeader(error_code ec) {
    if (ec) return OnRead(ec);
    if (!IsStillAdmitted()) return Close();
    const auto& request = parser_->get();
    caller_ =
        door_->access.CallerOf(peer_, TextOf(request[bhttp::field::authorization]), certificate_);
    if (parser_->is_done()) return OnRead(ec);
    const auto length = parser_->content_length();
    auto refusal = Refuse(caller_, Needs::kRead);
    if (refusal && (!length || *length > kMaxStrangersBytes)) {
      is_head_ = keep_alive_ = false;
      return Write(std::move(*refusal));
    }
    OnStream([this](auto& stream) {
      bhttp::async_read(stream, buffer_, *parser_,
                        [self = shared_from_this()](error_code e, size_t) { self->OnRead(e); });
    });
  }

  // A certificate that was revoked meanwhile ends the connection that was made with it.
  bool IsStillAdmitted() {
    if (certificate_.empty()) return true;
    const auto now = door_->tls->current();
    if (now == std::exchange(judged_by_, now)) return true;
    return TlsFiles::Admits(*now, tls_->native_handle());
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
      if (auto refusal = RefuseForeign(request, tls_ != nullptr))
        return reply->Give(std::move(*refusal));
    }
    HttpRequest plain;
    plain.method = MethodOf(request.method());
    plain.body = request.body();
    plain.user = peer_.user;
    plain.caller = caller_;
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

  using Message = bhttp::response<bhttp::string_body>;

  static void FillIn(const HttpResponse& response, bool keep_alive, Message* message) {
    message->version(11);
    message->result(static_cast<unsigned>(response.status));
    message->reason(std::string(ReasonPhrase(response.status)));
    message->set(bhttp::field::server, "fairlead/" FAIRLEAD_VERSION);
    message->set(bhttp::field::content_type, response.content_type);
    message->set(bhttp::field::cache_control, "no-store");
    for (const auto& [name, value] : response.headers) message->set(name, value);
    message->keep_alive(keep_alive);
  }

  void Write(HttpResponse response) {
    if (response.stream && !is_head_) return WriteOnAndOn(std::move(response));
    auto message = std::make_shared<Message>();
    FillIn(response, keep_alive_, message.get());
    message->content_length(response.body.size());
    if (!is_head_) message->body() = std::move(response.body);
    WaitForPeer(kIdleSeconds);
    auto after = [self = shared_from_this(), message](error_code ec, size_t) {
      if (ec || !self->keep_alive_) return self->Close();
      self->Read();
    };
    if (is_head_) {  // the length of the body that GET would have, and no body
      auto serializer = std::make_shared<Serializer>(*message);
      OnStream([&](auto& stream) {
        bhttp::async_write_header(stream, *serializer,
                                  [after, serializer](error_code ec, size_t n) { after(ec, n); });
      });
      return;
    }
    OnStream([&](auto& stream) { bhttp::async_write(stream, *message, after); });
  }

  // A body without a length, which ends with the connection.
  void WriteOnAndOn(HttpResponse response) {
    auto message = std::make_shared<Message>();
    FillIn(response, false, message.get());
    auto serializer = std::make_shared<Serializer>(*message);
    WaitForPeer(kIdleSeconds);
    auto after = [self = shared_from_this(), message, serializer,
                  stream = std::move(response.stream)](error_code ec, size_t) {
      if (ec) return self->Close();
      self->stream_.expires_never();
      self->CloseWithPeer();
      const bool goes_on = stream([weak = self->weak_from_this()](std::string_view text) {
        const auto session = weak.lock();
        return session ? session->PushText(text) : Pushed::kGone;
      });
      if (!goes_on) self->Close();
    };
    OnStream([&](auto& stream) { bhttp::async_write_header(stream, *serializer, after); });
  }

  // Whoever is only to listen has nothing to say: what comes now is his end.
  void CloseWithPeer() {
    OnStream([this](auto& stream) {
      stream.async_read_some(buffer_.prepare(kReadBytes),
                             [self = shared_from_this()](error_code, size_t) { self->Close(); });
    });
  }

  // Whether the peer might ask for this today: a token may have been taken out meanwhile. The
  // request is the last of its connection, so it is still there.
  bool MayStillLook() {
    const auto header = TextOf(parser_->get()[bhttp::field::authorization]);
    return IsStillAdmitted() &&
           !Refuse(door_->access.CallerOf(peer_, header, certificate_), Needs::kRead);
  }

  Pushed PushText(std::string_view text) {
    if (!stream_.socket().is_open()) return Pushed::kGone;
    if (text.empty()) return Pushed::kTaken;
    if (!MayStillLook()) {
      Close();
      return Pushed::kGone;
    }
    if (is_pushing_ && queued_.size() + text.size() > kMaxQueuedBytes) {
      Close();
      return Pushed::kTooSlow;
    }
    queued_ += text;
    if (!is_pushing_) PushQueued();
    return Pushed::kTaken;
  }

  void PushQueued() {
    is_pushing_ = true;
    pushed_ = std::exchange(queued_, {});
    WaitForPeer(kIdleSeconds);
    OnStream([this](auto& stream) {
      boost::asio::async_write(stream, boost::asio::buffer(pushed_),
                               [self = shared_from_this()](error_code ec, size_t) {
                                 self->is_pushing_ = false;
                                 if (ec) return self->Close();
                                 if (!self->queued_.empty()) self->PushQueued();
                               });
    });
  }

  std::shared_ptr<HttpSessions> sessions_;
  std::shared_ptr<Door> door_;
  Stream stream_;
  std::shared_ptr<boost::asio::ssl::context> context_;    // of tls_, whatever comes after it
  std::shared_ptr<boost::asio::ssl::context> judged_by_;  // the certificate, last
  std::unique_ptr<TlsStream> tls_;                        // none: plain HTTP
  const HttpPeer peer_;
  std::string certificate_;  // its subject
  Caller caller_;            // of the request that is being answered
  Seat seat_, handshake_;
  beast::flat_buffer buffer_;
  std::optional<bhttp::request_parser<bhttp::string_body>> parser_;
  bool keep_alive_ = false;
  bool is_head_ = false;
  std::string queued_, pushed_;  // of an answer that goes on: to be sent, being sent
  bool is_pushing_ = false;
};

void HttpSessions::Begin(std::shared_ptr<HttpSessions> sessions, std::shared_ptr<Door> door,
                         Socket socket, HttpPeer peer) {
  std::make_shared<Session>(std::move(sessions), std::move(door), std::move(socket),
                            std::move(peer))
      ->Begin();
}

void HttpSessions::CloseAll() {
  const std::set<Session*> closing = open_;  // a session takes itself out of `open_` when it goes
  for (Session* session : closing) session->Close();
}

}  // namespace fairlead::api
