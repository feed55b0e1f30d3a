// send and receive, for any text protocol: what a step waits for must come within kMostAnswer
// bytes.
#include <utility>

#include "control/health/dialogue/make_dialogue.h"
#include "control/health/dialogue/text_matcher.h"

namespace fairlead::control {
namespace {

constexpr size_t kMostAnswer = 65536;
constexpr size_t kMostQuoted = 81;  // of an answer that is not as expected

class TextDialogue : public Dialogue {
 public:
  explicit TextDialogue(const TextProbe& text) : steps_(text.steps) {}

 protected:
  void OnBegin() override { Proceed(); }

  void OnBytes(std::string_view bytes) override {
    while (matcher_ && !bytes.empty()) {
      const size_t taken = FeedUntilMet(bytes);
      answer_bytes_ += taken;
      if (!matcher_->is_met()) {
        if (answer_bytes_ > kMostAnswer) Reject("64 KiB of answer, which " + matcher_->Fault());
        return;
      }
      bytes.remove_prefix(taken);
      if (Proceed()) return;  // the rest had come before the next question
    }
  }
  void OnEnd() override { OnNothingMore(); }
  void OnSilence() override { OnNothingMore(); }

 private:
  // How many bytes it took, or all.
  size_t FeedUntilMet(std::string_view bytes) {
    if (begin_.size() < kMostQuoted) begin_.append(bytes.substr(0, kMostQuoted - begin_.size()));
    size_t taken = 0;
    while (taken < bytes.size() && !matcher_->is_met()) matcher_->Feed(bytes.substr(taken++, 1));
    return taken;
  }

  // To the next step that waits; whether something is sent before it.
  bool Proceed() {
    bool is_sent = false;
    matcher_.reset();
    while (next_ < steps_.size()) {
      const TextProbe::Step& step = steps_[next_++];
      Send(step.send);
      is_sent = is_sent || !step.send.empty();
      if (!step.receive) continue;
      matcher_.emplace(*step.receive);
      answer_bytes_ = 0;
      begin_.clear();
      if (!matcher_->is_met()) return is_sent;
      matcher_.reset();
    }
    Accept(has_heard() ? "answer as expected" : "connected");
    return is_sent;
  }

  void OnNothingMore() {
    if (!matcher_ || answer_bytes_ == 0) return;
    matcher_->End();
    if (matcher_->is_met() && next_ == steps_.size()) {
      Proceed();
      return;
    }
    Reject("answer " + Quoted(begin_) + " " + matcher_->Fault());
  }

  const std::vector<TextProbe::Step> steps_;
  size_t next_ = 0;
  std::optional<TextMatcher> matcher_;  // of the step that waits
  size_t answer_bytes_ = 0;             // to it
  std::string begin_;                   // of that answer, to be quoted
};

}  // namespace

std::unique_ptr<Dialogue> MakeTextDialogue(const TextProbe& text) {
  return std::make_unique<TextDialogue>(text);
}

}  // namespace fairlead::control
