// Gives one message to an SMTP server (RFC 5321, 3207, 4954): bytes in, bytes out.
//
//   MailDialogue talk(mail, "hunter2", message);
//   socket.send(talk.TakeOutput());
//   talk.Feed("220 mail.example\r\n");         // and so on
//   if (talk.wants_tls()) { …handshake…; talk.OnTls(); }
//   talk.state();                              // kTaken, or kRefused: detail() says why
//
// Knows no socket and no clock. Invariant: nothing that the server sends makes it keep more than a
// line of kMostMailLine bytes; with STARTTLS nothing that came before the handshake counts after
// it. Threads: one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "control/config/mail_config.h"
#include "control/health/dialogue/line_reader.h"

namespace fairlead::control {

class MailDialogue {
 public:
  enum class State : uint8_t { kOpen, kTaken, kRefused };
  static constexpr size_t kMostMailLine = 2048;
  static constexpr size_t kMostReplyLines = 128;

  // `message`: as MailText makes it. `mail` outlives it.
  MailDialogue(const MailConfig& mail, std::string password, std::string message)
      : mail_(mail), password_(std::move(password)), message_(std::move(message)) {}

  void Feed(std::string_view bytes);
  // The server has closed its side.
  void End();
  // The handshake that wants_tls() asked for has succeeded.
  void OnTls();

  std::string TakeOutput() { return std::exchange(output_, {}); }
  [[nodiscard]] bool wants_tls() const { return wants_tls_; }
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const std::string& detail() const { return detail_; }
  // The server will refuse it again: 5xx, or what it lacks.
  [[nodiscard]] bool is_permanent() const { return is_permanent_; }
  // What was refused is the message itself, not the client, its login or its addresses.
  [[nodiscard]] bool is_about_message() const {
    return step_ == Step::kData || step_ == Step::kMessage;
  }

 private:
  enum class Step : uint8_t {
    kGreeting,
    kEhlo,
    kStarttls,
    kAuth,
    kMailFrom,
    kRecipient,
    kData,
    kMessage,
    kQuit
  };

  void OnReplyLine(const std::string& line);
  void OnReply(unsigned code, const std::string& line);
  void AfterEhlo();
  void OnRecipient(unsigned code, const std::string& line);
  void NextRecipient();
  void Ask(Step step, const std::string& command);
  void Refuse(std::string detail, bool is_permanent);

  const MailConfig& mail_;
  const std::string password_, message_;
  std::string output_, detail_;
  LineReader lines_{kMostMailLine};
  Step step_ = Step::kGreeting;
  State state_ = State::kOpen;
  size_t reply_lines_ = 0;
  size_t next_recipient_ = 0, taken_recipients_ = 0;
  bool offers_starttls_ = false, offers_plain_ = false;
  bool wants_tls_ = false, is_secure_ = false, is_permanent_ = false;
  bool may_take_later_ = false;  // a recipient was refused, and not for good
};

}  // namespace fairlead::control
