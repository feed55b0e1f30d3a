// http: a request of HTTP/1.1, the status of the first final answer, and its content where a
// condition asks for it: kMostSearched bytes are searched for a pattern, kMostBody read.
#include <algorithm>

#include "control/health/dialogue/http_body.h"
#include "control/health/dialogue/make_dialogue.h"
#include "control/health/dialogue/text_matcher.h"
#include "control/health/http_answer.h"

namespace fairlead::control {
namespace {

constexpr size_t kMostBody = 1u << 20;
constexpr size_t kMostSearched = 65536;

std::string_view WordOf(HttpMethod method) {
  switch (method) {
    case HttpMethod::kGet:
      return "GET";
    case HttpMethod::kHead:
      return "HEAD";
    case HttpMethod::kOptions:
      return "OPTIONS";
  }
  return "";
}

class HttpDialogue : public Dialogue {
 public:
  HttpDialogue(HttpProbe http, std::string host) : http_(std::move(http)), host_(std::move(host)) {}

  [[nodiscard]] bool ends_its_side() const override { return false; }

 protected:
  void OnBegin() override {
    Send(WordOf(http_.method));
    Send(" " + http_.path + " HTTP/1.1\r\nHost: " + host_ +
         "\r\nUser-Agent: fairlead-health\r\nConnection: close\r\n\r\n");
  }

  void OnBytes(std::string_view bytes) override {
    if (body_) return OnBody(bytes);
    switch (answer_.Feed(bytes)) {
      case HttpAnswer::State::kIncomplete:
        return;
      case HttpAnswer::State::kBad:
        return Reject(std::string(answer_.fault()));
      case HttpAnswer::State::kComplete:
        return OnHead();
    }
  }

  void OnEnd() override {
    if (!body_) return Reject(std::string(answer_.FaultOfEnd()));
    OnBodyState(body_->End());
  }

 private:
  void OnHead() {
    const unsigned status = answer_.status();
    said_ = "HTTP " + std::to_string(status);
    const bool is_expected = std::ranges::any_of(http_.expect, [&](const StatusRange& range) {
      return status >= range.first && status <= range.last;
    });
    if (!is_expected) return Reject(said_);
    if (!http_.body) return Accept(said_);
    matcher_.emplace(*http_.body);
    body_.emplace(answer_.head(), status, http_.method == HttpMethod::kHead);
    if (body_->state() != HttpBody::State::kIncomplete) return OnBodyState(body_->state());
    OnBody(answer_.rest());
  }

  void OnBody(std::string_view bytes) {
    const HttpBody::State state =
        body_->Feed(bytes, [this](std::string_view piece) { OnContent(piece); });
    if (!is_over()) OnBodyState(state);
  }

  void OnContent(std::string_view piece) {
    body_bytes_ += piece.size();
    const bool is_pattern = http_.body->kind == TextCondition::Kind::kMatches;
    const size_t most = is_pattern ? kMostSearched : kMostBody;
    const size_t over = body_bytes_ > most ? body_bytes_ - most : 0;
    matcher_->Feed(piece.substr(0, piece.size() - std::min(over, piece.size())));
    if (matcher_->is_met()) return Accept(said_);
    if (over == 0) return;
    if (!is_pattern) return Reject(said_ + ", but its body is over 1 MiB");
    Reject(said_ + ", but the first 64 KiB of its body " + matcher_->Fault());
  }

  void OnBodyState(HttpBody::State state) {
    switch (state) {
      case HttpBody::State::kIncomplete:
        return;
      case HttpBody::State::kBad:
        return Reject(said_ + ", but " + std::string(body_->fault()));
      case HttpBody::State::kComplete:
        matcher_->End();
        if (matcher_->is_met()) return Accept(said_);
        return Reject(said_ + ", but its body " + matcher_->Fault());
    }
  }

  const HttpProbe http_;
  const std::string host_;
  HttpAnswer answer_;
  std::string said_;  // "HTTP 200"
  std::optional<TextMatcher> matcher_;
  std::optional<HttpBody> body_;
  size_t body_bytes_ = 0;
};

}  // namespace

std::unique_ptr<Dialogue> MakeHttpDialogue(const HttpProbe& http, const Endpoint& at) {
  return std::make_unique<HttpDialogue>(http, http.host.empty() ? at.ToString() : http.host);
}

}  // namespace fairlead::control
