#include "control/mail/mail_session.h"

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <optional>
#include <utility>

#include "base/faults.h"
#include "control/health/look/password_file.h"
#include "control/mail/mail_dialogue.h"

namespace fairlead::control {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using MailError = boost::system::error_code;

class MailSession : public std::enable_shared_from_this<MailSession> {
 public:
  MailSession(asio::io_context& io, std::shared_ptr<TlsContexts> contexts,
              std::shared_ptr<const MailConfig> mail, std::string password, std::string message,
              std::function<void(MailEnd)> done)
      : mail_(std::move(mail)),
        talk_(*mail_, std::move(password), std::move(message)),
        done_(std::move(done)),
        socket_(io),
        timer_(io),
        contexts_(std::move(contexts)) {}

  // An exception has ended it.
  ~MailSession() {
    if (!done_) return;
    try {
      asio::post(socket_.get_executor(), [done = std::move(done_)] {
        done({.detail = "the director could not go on with it, for want of memory most likely"});
      });
    } catch (const std::exception&) {
      NoteFault(Thread::kControl);
    }
  }
  MailSession(const MailSession&) = delete;
  MailSession& operator=(const MailSession&) = delete;

  void Start(std::chrono::milliseconds limit) {
    timer_.expires_after(limit);
    timer_.async_wait([self = shared_from_this(), limit](MailError error) {
      if (!error) self->Fail("no answer in " + std::to_string(limit.count()) + " ms");
    });
    socket_.async_connect(ServerEndpoint(), [self = shared_from_this()](MailError error) {
      if (error) return self->Fail(error.message());
      self->mail_->tls == MailTls::kImplicit ? self->ShakeHands() : self->Read();
    });
  }

 private:
  [[nodiscard]] tcp::endpoint ServerEndpoint() const {
    const IpAddress& address = mail_->server.address;
    const uint16_t port = mail_->server.port.host();
    if (address.is_v4()) return {asio::ip::address_v4(address.v4().Fold()), port};
    return {asio::ip::address_v6(address.v6().bytes), port};
  }

  void ShakeHands() {
    const ProbeTls tls{.sni = mail_->sni, .is_verified = mail_->verify, .ca_file = mail_->ca};
    const auto context = contexts_->ContextOf(tls);
    if (!context) return Fail(context.error().message);
    context_ = *context;
    tls_.emplace(socket_, *context_);
    MailError error;
    tls_->set_verify_mode(mail_->verify ? asio::ssl::verify_peer : asio::ssl::verify_none, error);
    SetPeer({.endpoint = mail_->server, .tls = tls}, tls_->native_handle());
    tls_->async_handshake(asio::ssl::stream_base::client,
                          [self = shared_from_this()](MailError failed) {
                            if (failed) {
                              return self->Fail("TLS handshake failed: " + failed.message());
                            }
                            self->is_secure_ = true;
                            self->talk_.OnTls();
                            self->Proceed();
                          });
  }

  // Sends what is to be sent, and reads on.
  void Proceed() {
    if (talk_.state() == MailDialogue::State::kRefused) {
      return End({.detail = talk_.detail(),
                  .is_permanent = talk_.is_permanent(),
                  .is_of_message = talk_.is_about_message()});
    }
    output_ = talk_.TakeOutput();
    if (output_.empty()) return Read();
    const auto sent = [self = shared_from_this()](MailError error, size_t) {
      if (self->talk_.state() == MailDialogue::State::kTaken) {
        return self->End({.is_taken = true, .detail = self->talk_.detail()});
      }
      if (error) return self->Fail(error.message());
      self->Read();
    };
    if (is_secure_) {
      asio::async_write(*tls_, asio::buffer(output_), sent);
    } else {
      asio::async_write(socket_, asio::buffer(output_), sent);
    }
  }

  void Read() {
    if (talk_.wants_tls()) return ShakeHands();
    const auto heard = [self = shared_from_this()](MailError error, size_t count) {
      if (count > 0) self->talk_.Feed(std::string_view(self->chunk_.data(), count));
      if (error) self->talk_.End();
      self->Proceed();
    };
    if (is_secure_) {
      tls_->async_read_some(asio::buffer(chunk_), heard);
    } else {
      socket_.async_read_some(asio::buffer(chunk_), heard);
    }
  }

  void Fail(std::string detail) { End({.detail = std::move(detail)}); }

  void End(MailEnd end) {
    if (!done_) return;
    timer_.cancel();
    MailError ignored;
    socket_.close(ignored);
    std::exchange(done_, nullptr)(std::move(end));
  }

  const std::shared_ptr<const MailConfig> mail_;
  MailDialogue talk_;
  std::function<void(MailEnd)> done_;  // none: it is over
  tcp::socket socket_;
  asio::steady_timer timer_;
  const std::shared_ptr<TlsContexts> contexts_;
  std::shared_ptr<asio::ssl::context> context_;
  std::optional<asio::ssl::stream<tcp::socket&>> tls_;
  std::string output_;  // being written
  std::array<char, 4096> chunk_{};
  bool is_secure_ = false;
};

}  // namespace

void SendMail(asio::io_context& io, std::shared_ptr<TlsContexts> contexts,
              std::shared_ptr<const MailConfig> mail, std::string message,
              std::function<void(MailEnd)> done, std::chrono::milliseconds limit) {
  Result<std::string> password = std::string();
  if (!mail->password_file.empty()) password = ReadPassword(mail->password_file);
  if (!password) {
    asio::post(
        io, [done = std::move(done), what = password.error().message] { done({.detail = what}); });
    return;
  }
  std::make_shared<MailSession>(io, std::move(contexts), std::move(mail), *std::move(password),
                                std::move(message), std::move(done))
      ->Start(limit);
}

}  // namespace fairlead::control
