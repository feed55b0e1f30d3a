#include "control/sync/stream/stream_link.h"

#include <openssl/ssl.h>

#include <boost/asio/ssl/error.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace fairlead::control {

namespace asio = boost::asio;
using asio::ip::tcp;

StreamLink::StreamLink(tcp::socket socket, std::shared_ptr<const StreamTls> tls, Side side)
    : socket_(std::move(socket)), tls_context_(std::move(tls)), side_(side) {}

void StreamLink::Dial(const tcp::endpoint& to, Events events) {
  socket_.async_connect(to, [self = shared_from_this(), to,
                             events = std::move(events)](ErrorCode error) mutable {
    if (self->is_closed_) return;
    if (!error) return self->Begin(std::move(events));
    self->events_ = std::move(events);
    std::string address = to.address().to_string();
    if (to.address().is_v6()) address = "[" + address + "]";
    self->Fail("cannot connect to " + address + ":" + std::to_string(to.port()) + ": " +
               error.message() + "; see whether the peer runs, and listens there (sync.listen)");
  });
}

void StreamLink::Begin(Events events) {
  events_ = std::move(events);
  ErrorCode ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  if (tls_context_) return ShakeHands();
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    if (!self->is_closed_) self->Open();
  });
}

void StreamLink::ShakeHands() {
  tls_.emplace(socket_, tls_context_->context());
  const auto role =
      side_ == Side::kDialer ? asio::ssl::stream_base::client : asio::ssl::stream_base::server;
  tls_->async_handshake(role, [self = shared_from_this()](ErrorCode error) {
    if (self->is_closed_) return;
    error ? self->Fail(self->HandshakeProblem(error)) : self->Open();
  });
}

std::string StreamLink::HandshakeProblem(const ErrorCode& error) {
  if (error.category() == boost::system::system_category()) {
    return "the connection broke during the TLS handshake: " + error.message();
  }
  if (tls_context_->has_shared_key()) {
    return "the TLS handshake failed: " + error.message() +
           "; both directors need the same key in sync.key_file";
  }
  const long verdict = SSL_get_verify_result(tls_->native_handle());
  if (verdict != X509_V_OK) {
    return std::string("the peer's certificate is refused: ") +
           X509_verify_cert_error_string(verdict) + "; sync.ca here must have signed it";
  }
  return "the TLS handshake failed: " + error.message() +
         "; both directors need certificates that the other's sync.ca has signed";
}

void StreamLink::Open() {
  is_open_ = true;
  const auto opened = events_.opened;  // it may be rebound meanwhile
  opened();
  if (!is_closed_) Read();
}

Status StreamLink::CheckPeer(const std::string& name) {
  if (!tls_) return Done{};
  return tls_context_->CheckPeer(tls_->native_handle(), name);
}

void StreamLink::Read() {
  if (is_reading_ || is_closed_ || is_closing_ || !is_open_ || budget_ == 0) return;
  is_reading_ = true;
  const auto read = [self = shared_from_this()](ErrorCode error, size_t count) {
    self->OnRead(error, count);
  };
  if (tls_) {
    tls_->async_read_some(asio::buffer(chunk_), read);
  } else {
    socket_.async_read_some(asio::buffer(chunk_), read);
  }
}

void StreamLink::OnRead(ErrorCode error, size_t count) {
  is_reading_ = false;
  if (is_closed_ || is_closing_) return;
  if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) return Fail("");
  if (error) {
    // With TLS 1.3 a dialer hears of a refusal of its handshake here.
    const bool is_tls = tls_ && error.category() != boost::system::system_category();
    return Fail(is_tls ? HandshakeProblem(error) : "the connection broke: " + error.message());
  }
  budget_ -= std::min(budget_, count);
  const auto received = events_.received;  // likewise
  received({chunk_.data(), count});
  Read();
}

void StreamLink::Refill() {
  budget_ = kBytesATurn;
  Read();
}

void StreamLink::Send(std::vector<uint8_t> bytes) {
  if (is_closed_ || !is_open_ || bytes.empty()) return;
  output_ = std::move(bytes);
  is_writing_ = true;
  const auto written = [self = shared_from_this()](ErrorCode error, size_t) {
    self->is_writing_ = false;
    if (self->is_closed_) return;
    // Reading tells what is wrong, if the peer has said it.
    if (error && !self->is_reading_) return self->Fail("the connection broke: " + error.message());
    if (self->is_closing_) self->Close();
  };
  if (tls_) {
    asio::async_write(*tls_, asio::buffer(output_), written);
  } else {
    asio::async_write(socket_, asio::buffer(output_), written);
  }
}

void StreamLink::CloseWhenSent() {
  is_closing_ = true;
  if (is_closed_ || !is_writing_) return Close();
  goodbye_.emplace(socket_.get_executor(), kGoodbyeTime);
  goodbye_->async_wait([self = shared_from_this()](ErrorCode) { self->Close(); });
}

void StreamLink::Close() {
  if (std::exchange(is_closed_, true)) return;
  if (goodbye_) goodbye_->cancel();
  ErrorCode ignored;
  socket_.shutdown(tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
  // What they hold may hold this.
  asio::post(socket_.get_executor(), [self = shared_from_this()] { self->events_ = {}; });
}

void StreamLink::Fail(const std::string& why) {
  if (is_closed_) return;
  const auto closed = is_closing_ ? nullptr : events_.closed;
  Close();
  if (closed) closed(why);
}

}  // namespace fairlead::control
