// udp: a datagram, and an answer, or no ICMP error (which ends the look before the dialogue).
// Answers that are not as expected may be somebody else's: kMostAnswers of them are read.
#include "control/health/dialogue/make_dialogue.h"
#include "control/health/dialogue/text_matcher.h"

namespace fairlead::control {
namespace {

constexpr int kMostAnswers = 16;

class UdpDialogue : public Dialogue {
 public:
  explicit UdpDialogue(UdpProbe udp) : udp_(std::move(udp)) {}

 protected:
  void OnBegin() override {
    if (udp_.send.empty()) return SendEmptyDatagram();
    Send(udp_.send);
  }

  void OnBytes(std::string_view datagram) override {
    const std::string size = std::to_string(datagram.size()) + " bytes";
    if (!udp_.receive) return Accept("answer of " + size);
    TextMatcher matcher(*udp_.receive);
    matcher.Feed(datagram);
    matcher.End();
    if (matcher.is_met()) return Accept("answer of " + size);
    fault_ = "answer of " + size + " " + matcher.Fault();
    if (++answers_ == kMostAnswers) Reject(fault_);
  }

  void OnSilence() override {
    if (!fault_.empty()) return Reject(fault_);
    if (!udp_.needs_answer && !udp_.receive) Accept("no error");
  }

 private:
  const UdpProbe udp_;
  std::string fault_;  // of the last answer
  int answers_ = 0;
};

}  // namespace

std::unique_ptr<Dialogue> MakeUdpDialogue(const UdpProbe& udp) {
  return std::make_unique<UdpDialogue>(udp);
}

}  // namespace fairlead::control
