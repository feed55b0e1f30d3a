// smtp (RFC 5321): banner, EHLO, QUIT. Where EHLO is not known, HELO. Lines of kMostSmtpLine bytes,
// kMostSmtpLines of them in one reply.
#include "base/ascii.h"
#include "control/health/dialogue/line_reader.h"
#include "control/health/dialogue/make_dialogue.h"

namespace fairlead::control {
namespace {

constexpr size_t kMostSmtpLine = 2048;  // RFC 5321 section 4.5.3.1.5 asks for 512
constexpr int kMostSmtpLines = 200;

class SmtpDialogue : public Dialogue {
 public:
  explicit SmtpDialogue(const SmtpProbe& smtp) : helo_(smtp.helo) {}

 protected:
  void OnBytes(std::string_view bytes) override {
    lines_.Feed(bytes);
    while (const auto line = lines_.Next()) {
      OnLine(*line);
      if (is_over()) return;
    }
    if (lines_.is_too_long()) Reject("an SMTP line of more than 2 KiB");
  }
  void OnEnd() override {
    if (step_ == Step::kQuit) Reject("closed without an answer to QUIT");
  }

 private:
  enum class Step : uint8_t { kBanner, kEhlo, kHelo, kQuit };

  void OnLine(const std::string& line) {
    // "250-SIZE" goes on, "250 HELP" and "250" end a reply.
    const bool is_reply = line.size() >= 3 && IsDigit(line[0]) && IsDigit(line[1]) &&
                          IsDigit(line[2]) &&
                          (line.size() == 3 || line[3] == ' ' || line[3] == '-');
    if (!is_reply) return Reject("not an SMTP answer: " + Quoted(line));
    if (++lines_of_reply_ > kMostSmtpLines) return Reject("an SMTP answer of more than 200 lines");
    if (line.size() > 3 && line[3] == '-') return;
    lines_of_reply_ = 0;
    OnReply(std::stoi(line.substr(0, 3)), line);
  }

  void OnReply(int code, const std::string& line) {
    switch (step_) {
      case Step::kBanner:
        if (code != 220) return Reject("SMTP " + Quoted(line) + " instead of a 220 greeting");
        return Ask(Step::kEhlo, "EHLO " + helo_);
      case Step::kEhlo:
        if (code >= 500 && code <= 504) return Ask(Step::kHelo, "HELO " + helo_);
        [[fallthrough]];
      case Step::kHelo:
        if (code != 250) return Reject("SMTP " + Quoted(line) + " instead of 250 after EHLO");
        return Ask(Step::kQuit, "QUIT");
      case Step::kQuit:
        if (code != 221) return Reject("SMTP " + Quoted(line) + " instead of 221 after QUIT");
        Accept("SMTP 221");
    }
  }

  void Ask(Step step, const std::string& command) {
    step_ = step;
    Send(command + "\r\n");
  }

  const std::string helo_;
  LineReader lines_{kMostSmtpLine};
  Step step_ = Step::kBanner;
  int lines_of_reply_ = 0;
};

}  // namespace

std::unique_ptr<Dialogue> MakeSmtpDialogue(const SmtpProbe& smtp) {
  return std::make_unique<SmtpDialogue>(smtp);
}

}  // namespace fairlead::control
