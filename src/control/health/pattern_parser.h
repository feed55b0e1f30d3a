// The tree of a pattern's text; what Pattern::Compile makes steps of.
//
//   Result<PatternNode> tree = ParsePattern("a(b|c)*");
//
// Depth and repetitions are bounded, so a tree is at most as deep as kMostDepth. Threads: values.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "control/health/pattern.h"

namespace fairlead::control {

struct PatternNode {
  static constexpr uint32_t kEndless = UINT32_MAX;
  static constexpr uint32_t kMostRepetitions = 255;
  static constexpr int kMostDepth = 32;

  enum class Kind : uint8_t { kEmpty, kBytes, kAssertion, kSequence, kChoice, kRepeat };
  Kind kind = Kind::kEmpty;
  Pattern::Bytes bytes{};                           // kBytes: any of these
  Pattern::Op assertion = Pattern::Op::kLineBegin;  // kAssertion
  std::vector<PatternNode> parts{};                 // kSequence, kChoice; kRepeat: one
  uint32_t least = 0, most = 0;                     // kRepeat
};

// The error's message goes on after "the pattern ".
Result<PatternNode> ParsePattern(std::string_view text);

}  // namespace fairlead::control
