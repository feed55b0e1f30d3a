// Whether text that comes in pieces meets a TextCondition.
//
//   TextMatcher matcher({TextCondition::Kind::kContains, "ready"});
//   matcher.Feed("all rea");
//   matcher.Feed("dy");
//   matcher.is_met();      // true, whatever follows
//
// Keeps no text but the end that a word may have begun in. Threads: one at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "control/config/probe_question.h"
#include "control/health/pattern.h"

struct evp_md_ctx_st;

namespace fairlead::control {

class TextMatcher {
 public:
  explicit TextMatcher(TextCondition condition);
  ~TextMatcher();

  void Feed(std::string_view text);
  // Nothing follows.
  void End();
  [[nodiscard]] bool is_met() const { return is_met_; }
  // "does not contain "ready"": what is wrong with a text that did not meet it.
  [[nodiscard]] std::string Fault() const;

 private:
  const TextCondition condition_;
  std::optional<PatternSearch> search_;
  std::string tail_;
  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> hash_;
  bool is_met_ = false;
};

}  // namespace fairlead::control
