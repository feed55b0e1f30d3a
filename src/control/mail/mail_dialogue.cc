#include "control/mail/mail_dialogue.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "control/health/dialogue/dialogue.h"

namespace fairlead::control {
namespace {

std::string Upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::string Base64(const std::string& bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

std::optional<unsigned> CodeOf(const std::string& line) {
  if (line.size() < 3 || (line.size() > 3 && line[3] != ' ' && line[3] != '-')) return std::nullopt;
  unsigned code = 0;
  for (size_t i = 0; i < 3; ++i) {
    if (line[i] < '0' || line[i] > '9') return std::nullopt;
    code = code * 10 + static_cast<unsigned>(line[i] - '0');
  }
  return code;
}

}  // namespace

void MailDialogue::Feed(std::string_view bytes) {
  if (state_ != State::kOpen || wants_tls_) return;
  lines_.Feed(bytes);
  while (state_ == State::kOpen && !wants_tls_) {
    const auto line = lines_.Next();
    if (!line) break;
    OnReplyLine(*line);
  }
  if (state_ == State::kOpen && lines_.is_too_long()) Refuse("a line of more than 2 KiB", false);
}

void MailDialogue::End() {
  if (state_ == State::kOpen) Refuse("the mail server closed the connection", false);
}

void MailDialogue::OnTls() {
  wants_tls_ = false;
  is_secure_ = true;
  if (step_ != Step::kStarttls) return;  // implicit: the greeting comes now
  lines_ = LineReader(kMostMailLine);
  offers_starttls_ = offers_plain_ = false;
  Ask(Step::kEhlo, "EHLO " + mail_.helo);
}

void MailDialogue::OnReplyLine(const std::string& line) {
  const std::optional<unsigned> code = CodeOf(line);
  if (!code) {
    return Refuse("not an answer of SMTP" + (step_ == Step::kAuth ? "" : ": " + Quoted(line)),
                  false);
  }
  if (++reply_lines_ > kMostReplyLines) return Refuse("an answer of more than 128 lines", false);
  if (step_ == Step::kEhlo && *code == 250 && line.size() > 4) {
    const std::string word = Upper(line.substr(4));
    offers_starttls_ = offers_starttls_ || word == "STARTTLS";
    offers_plain_ = offers_plain_ || (word.starts_with("AUTH ") &&
                                      (word + " ").find(" PLAIN ") != std::string::npos);
  }
  if (line.size() > 3 && line[3] == '-') return;
  reply_lines_ = 0;
  OnReply(*code, line);
}

void MailDialogue::OnReply(unsigned code, const std::string& line) {
  const auto expect = [&](unsigned wanted, const char* what) {
    if (code == wanted) return true;
    // A server may repeat the command: of the answer to the one with the password only the code is
    // named.
    const std::string said = step_ == Step::kAuth ? std::to_string(code) : Quoted(line);
    Refuse(std::string(what) + " was answered with " + said, code >= 500);
    return false;
  };
  switch (step_) {
    case Step::kGreeting:
      if (expect(220, "the connection")) Ask(Step::kEhlo, "EHLO " + mail_.helo);
      return;
    case Step::kEhlo:
      if (expect(250, "EHLO")) AfterEhlo();
      return;
    case Step::kStarttls:
      if (expect(220, "STARTTLS")) wants_tls_ = true;
      return;
    case Step::kAuth:
      if (expect(235, "the login")) Ask(Step::kMailFrom, "MAIL FROM:<" + mail_.from + ">");
      return;
    case Step::kMailFrom:
      if (expect(250, "MAIL FROM")) NextRecipient();
      return;
    case Step::kRecipient:
      return OnRecipient(code, line);
    case Step::kData:
      if (!expect(354, "DATA")) return;
      output_ += message_;
      return Ask(Step::kMessage, ".");
    case Step::kMessage:
      if (!expect(250, "the message")) return;
      Ask(Step::kQuit, "QUIT");
      state_ = State::kTaken;
      return;
    case Step::kQuit:
      return;
  }
}

void MailDialogue::AfterEhlo() {
  if (mail_.tls == MailTls::kStarttls && !is_secure_) {
    if (!offers_starttls_) return Refuse("the mail server offers no STARTTLS", true);
    return Ask(Step::kStarttls, "STARTTLS");
  }
  if (mail_.user.empty()) return Ask(Step::kMailFrom, "MAIL FROM:<" + mail_.from + ">");
  if (!offers_plain_) return Refuse("the mail server offers no AUTH PLAIN", true);
  const std::string zero(1, '\0');
  Ask(Step::kAuth, "AUTH PLAIN " + Base64(zero + mail_.user + zero + password_));
}

// One address that is refused keeps the message from nobody else.
void MailDialogue::OnRecipient(unsigned code, const std::string& line) {
  if (code == 250 || code == 251) {
    ++taken_recipients_;
  } else {
    detail_ = "RCPT TO " + mail_.to[next_recipient_ - 1] + " was answered with " + Quoted(line);
    may_take_later_ = may_take_later_ || code < 500;
  }
  if (next_recipient_ < mail_.to.size()) return NextRecipient();
  if (taken_recipients_ == 0) return Refuse(detail_, !may_take_later_);
  Ask(Step::kData, "DATA");
}

void MailDialogue::NextRecipient() {
  Ask(Step::kRecipient, "RCPT TO:<" + mail_.to[next_recipient_++] + ">");
}

void MailDialogue::Ask(Step step, const std::string& command) {
  step_ = step;
  output_ += command + "\r\n";
}

void MailDialogue::Refuse(std::string detail, bool is_permanent) {
  detail_ = std::move(detail);
  is_permanent_ = is_permanent;
  state_ = State::kRefused;
}

}  // namespace fairlead::control
