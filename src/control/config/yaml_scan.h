// A look over a text before yaml-cpp gets it: whether it is text at all, and how much yaml-cpp
// would have to keep.
//
//   const auto unfit = FindUnfit(text, kBodyLimits, 1);
//   if (unfit) problems.Add("", unfit->mark, unfit->sentence);
//
// Theory of operation. An opening bracket may turn out to begin a key, so yaml-cpp 0.7 reads on to
// its end before it gives away the first value: a list in brackets is kept as tokens (104 bytes
// each) until it closes, and one that never closes until the file ends. 16 MiB of `[` were 4 GB. So
// what can become a token is counted beforehand, from above: brackets, commas, quotes and words,
// wherever they stand, in comments too. It is a bound for files of garbage and takes no lexer; what
// a configuration may have exactly (values, levels, keys) is counted while it is parsed.
// Threads: pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/config/problems.h"

namespace fairlead::control {

struct YamlLimits {
  size_t bytes;
  size_t nodes;     // values, and keys
  size_t keys;      // of one map
  size_t brackets;  // opening ones
  size_t tokens;    // estimated from above
};

// Of a file: 1,000,000 values in brackets, each in quotes, are 6,000,000 tokens by this estimate.
inline constexpr YamlLimits kFileLimits{16u << 20, 1'000'000, 65'536, 500'000, 6'500'000};
// Of what somebody sends: a service of 40,000 reals, at the most.
inline constexpr YamlLimits kBodyLimits{1u << 20, 200'000, 1'024, 50'000, 1'300'000};

struct Unfit {
  Mark mark;
  std::string sentence;
};

// What makes the text unfit to be parsed, first in the text; nothing when it is fit. `first_line`:
// of the text, when it is part of a file.
std::optional<Unfit> FindUnfit(std::string_view text, const YamlLimits& limits,
                               uint32_t first_line);

}  // namespace fairlead::control
