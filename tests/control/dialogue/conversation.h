// A dialogue with a server that is a list of what it says.
//
//   const Outcome outcome = Hear([] { return MakeSmtpDialogue({}); }, {"220 hi\r\n", "250
//   ok\r\n"}); outcome.detail;
//
// It says each as one piece, and once more byte by byte: both must come to the same.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "control/health/dialogue/make_dialogue.h"

namespace fairlead::control {

struct Outcome {
  Dialogue::State state = Dialogue::State::kOpen;
  std::string detail{};
  std::string sent{};
  size_t taken = 0;  // bytes that were fed before the verdict
  std::optional<AgentWords> agent{};
};

using MakeTalk = std::function<std::unique_ptr<Dialogue>()>;
enum class Then : uint8_t { kWaits, kEnds, kStaysSilent };

inline Outcome HearInSteps(const MakeTalk& make, std::initializer_list<std::string_view> answers,
                           Then then, size_t step) {
  const std::unique_ptr<Dialogue> talk = make();
  Outcome outcome;
  talk->Begin();
  outcome.sent = talk->TakeOutput();
  for (std::string_view answer : answers) {
    while (!answer.empty() && !talk->is_over()) {
      const std::string piece(answer.substr(0, step));  // of its exact size: sanitizers see beyond
      talk->Feed(piece);
      outcome.taken += piece.size();
      outcome.sent += talk->TakeOutput();
      answer.remove_prefix(piece.size());
    }
  }
  if (then == Then::kEnds) talk->End();
  if (then == Then::kStaysSilent) talk->Silence();
  outcome.sent += talk->TakeOutput();
  outcome.state = talk->state();
  outcome.detail = talk->detail();
  outcome.agent = talk->agent();
  return outcome;
}

inline Outcome Hear(const MakeTalk& make, std::initializer_list<std::string_view> answers,
                    Then then = Then::kWaits) {
  const Outcome whole = HearInSteps(make, answers, then, std::string_view::npos);
  const Outcome slow = HearInSteps(make, answers, then, 1);
  EXPECT_EQ(whole.state, slow.state) << whole.detail << " / " << slow.detail;
  EXPECT_EQ(whole.sent, slow.sent);
  return whole;
}

// Says the same again and again: after how many bytes does the dialogue come to a verdict?
inline Outcome HearEndlessly(const MakeTalk& make, std::string_view begin, std::string_view again) {
  const std::unique_ptr<Dialogue> talk = make();
  talk->Begin();
  Outcome outcome;
  outcome.sent = talk->TakeOutput();
  if (!begin.empty()) talk->Feed(begin);
  for (outcome.taken = begin.size(); !talk->is_over() && outcome.taken < 8u << 20;) {
    outcome.taken += again.size();
    talk->Feed(again);
    outcome.sent += talk->TakeOutput();
  }
  outcome.state = talk->state();
  outcome.detail = talk->detail();
  return outcome;
}

inline Endpoint SomeEndpoint() { return *Endpoint::Parse("10.0.0.11:80"); }

inline constexpr auto kOpen = Dialogue::State::kOpen;
inline constexpr auto kGood = Dialogue::State::kGood;
inline constexpr auto kBad = Dialogue::State::kBad;

}  // namespace fairlead::control
