#include "control/health/look/stream_look.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/ssl/error.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <utility>

namespace fairlead::control {

namespace asio = boost::asio;
using asio::ip::tcp;
using State = Dialogue::State;

namespace {

tcp::endpoint EndpointOf(const Endpoint& endpoint) {
  if (endpoint.address.is_v4()) {
    return {asio::ip::address_v4(endpoint.address.v4().Fold()), endpoint.port.host()};
  }
  return {asio::ip::address_v6(endpoint.address.v6().bytes), endpoint.port.host()};
}

}  // namespace

// By hand and not by the library, which does not tell errors of the call from those of the way.
int StreamLook::Open() {
  const tcp::endpoint to = EndpointOf(target().endpoint);
  ErrorCode error;
  socket_.open(to.protocol(), error);
  if (!error) socket_.native_non_blocking(true, error);
  if (error) return error.value();
  if (const int failed = BindSource(socket_.native_handle())) return failed;
  return ::connect(socket_.native_handle(), to.data(), static_cast<socklen_t>(to.size())) == 0
             ? 0
             : errno;
}

void StreamLook::AwaitOpen() {
  socket_.async_wait(tcp::socket::wait_write, [self = self()](ErrorCode error) {
    if (self->is_closed()) return;
    if (error) return self->Fail(error.value(), true);
    self->OnWritable();
  });
}

void StreamLook::OnWritable() {
  pollfd ready{socket_.native_handle(), POLLOUT, 0};
  if (::poll(&ready, 1, 0) == 0) return AwaitOpen();  // woken for nothing
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(socket_.native_handle(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) return Fail(error, false);
  target().tls ? ShakeHands() : Talk();
}

bool StreamLook::PrepareTls() {
  Result<std::shared_ptr<asio::ssl::context>> context = host().tls().ContextOf(*target().tls);
  if (!context) {
    FailHere(LocalError::kFiles, context.error().message);
    return false;
  }
  context_ = *std::move(context);
  tls_.emplace(socket_, *context_);
  SetPeer(target(), tls_->native_handle());
  // Told of every certificate chain, also of one that is not verified or is refused.
  ErrorCode ignored;
  const bool is_verified = target().tls->is_verified;
  tls_->set_verify_mode(is_verified ? asio::ssl::verify_peer : asio::ssl::verify_none, ignored);
  tls_->set_verify_callback(
      [this, is_verified](bool is_good, asio::ssl::verify_context& chain) {
        if (const X509* certificate = X509_STORE_CTX_get0_cert(chain.native_handle())) {
          if (const auto when = ExpiryOf(*certificate)) set_certificate_expires(*when);
        }
        return is_good || !is_verified;
      },
      ignored);
  return true;
}

void StreamLook::ShakeHands() {
  if (!PrepareTls()) return;
  is_shaking_hands_ = true;
  tls_->async_handshake(Tls::client, [self = self()](ErrorCode error) {
    if (!self->is_closed()) self->OnHandshake(error);
  });
}

void StreamLook::OnHandshake(ErrorCode error) {
  is_shaking_hands_ = false;
  if (!error) return Talk();
  if (error.category() == boost::system::system_category()) return Fail(error.value(), false);
  if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) {
    return Reject("closed during the TLS handshake");
  }
  const long verdict = SSL_get_verify_result(tls_->native_handle());
  if (target().tls->is_verified && verdict != X509_V_OK) {
    return Reject("TLS certificate refused: " + Lowered(X509_verify_cert_error_string(verdict)));
  }
  Reject("TLS handshake failed: " + Lowered(error.message()));
}

void StreamLook::Talk() {
  dialogue().Begin();
  Proceed();
  if (!dialogue().is_over()) Read();
}

void StreamLook::Proceed() {
  if (dialogue().has_output() && !is_writing_) Write();
  if (dialogue().is_over()) Finish();
}

void StreamLook::Write() {
  output_ = dialogue().TakeOutput();
  if (is_write_broken_ || output_.empty()) return;
  is_writing_ = true;
  const auto written = [self = self()](ErrorCode failed, size_t) {
    self->is_writing_ = false;
    if (self->is_closed()) return;
    if (failed) {
      // The server may have answered before it closed; whether it has, reading tells.
      self->is_write_broken_ = true;
      self->is_write_reset_ = failed == asio::error::connection_reset;
      const LocalError local = failed.category() == boost::system::system_category()
                                   ? LocalErrorOf(failed.value(), false)
                                   : LocalError::kNone;
      if (local != LocalError::kNone) return self->Fail(failed.value(), false);
    }
    if (!failed && self->dialogue().has_output()) return self->Write();
    if (self->is_judged()) self->SayGoodbye();
  };
  if (tls_) {
    asio::async_write(*tls_, asio::buffer(output_), written);
  } else {
    asio::async_write(socket_, asio::buffer(output_), written);
  }
}

void StreamLook::Read() {
  const auto read = [self = self()](ErrorCode failed, size_t count) {
    if (!self->is_closed()) self->OnRead(failed, count);
  };
  if (tls_) {
    tls_->async_read_some(asio::buffer(chunk_), read);
  } else {
    socket_.async_read_some(asio::buffer(chunk_), read);
  }
}

void StreamLook::OnRead(ErrorCode failed, size_t count) {
  // Many servers end TLS without saying so; framing tells what is missing.
  if (failed == asio::error::eof || failed == asio::ssl::error::stream_truncated) {
    if (is_write_reset_ && !dialogue().has_heard()) return Fail(ECONNRESET, false);
    dialogue().End();
  } else if (failed) {
    if (failed.category() == boost::system::system_category()) return Fail(failed.value(), false);
    return Reject("TLS failed: " + Lowered(failed.message()));
  } else {
    dialogue().Feed({chunk_.data(), count});
  }
  Proceed();
  if (!dialogue().is_over() && !is_closed()) Read();
}

// The server has spoken, and may go on speaking. Nobody reads now: a verdict comes of what is read,
// or before anything is.
void StreamLook::Finish() {
  JudgeByDialogue();
  if (is_closed()) return;
  ReplaceDeadline(kMostLeftoverTime);
  if (!is_writing_) SayGoodbye();
}

void StreamLook::SayGoodbye() {
  if (tls_) {
    // It ends with the server's own goodbye or with what the server still had to say.
    tls_->async_shutdown([self = self()](ErrorCode) {
      if (self->is_closed()) return;
      ErrorCode error;
      if (self->dialogue().ends_its_side()) {
        self->socket_.shutdown(tcp::socket::shutdown_send, error);
      }
      self->ReadLeftovers();
    });
    return;
  }
  ErrorCode error;
  if (dialogue().ends_its_side()) socket_.shutdown(tcp::socket::shutdown_send, error);
  ReadLeftovers();
}

void StreamLook::ReadLeftovers() {
  socket_.async_read_some(asio::buffer(host().leftovers()),
                          [self = self()](ErrorCode failed, size_t count) {
                            if (self->is_closed()) return;
                            self->leftover_bytes_ += count;
                            const bool is_enough = self->leftover_bytes_ > kMostLeftoverBytes;
                            if (failed || is_enough) return self->Close();
                            self->ReadLeftovers();
                          });
}

void StreamLook::CloseSocket() {
  ErrorCode ignored;
  socket_.close(ignored);
}

std::string StreamLook::MissingPart() const {
  return is_shaking_hands_ ? "no TLS handshake" : Look::MissingPart();
}

}  // namespace fairlead::control
