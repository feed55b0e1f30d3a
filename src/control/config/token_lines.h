// The lines of a file of API tokens, for the listener that lets people in by them and for whoever
// checks a configuration.
//
//   const TokenLines lines = ReadTokenLines("/etc/fairlead/tokens");
//   for (const Error& error : lines.errors) …error.place is "/etc/fairlead/tokens:3"…
//
// A line is ROLE:TOKEN NAME or ROLE:sha256=HEX NAME; blank ones and those that begin with # do not
// count. Only hashes are kept, and no message has a part of a line: it may be a token. Threads:
// any.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fairlead::control {

using TokenHash = std::array<uint8_t, 32>;  // SHA-256

struct TokenLine {
  TokenHash hash{};
  bool is_admin = false;
  std::string name{};
};

struct TokenLines {
  std::vector<TokenLine> good{};
  std::vector<Error> errors{};  // of each line that is wrong, or of the whole file
};

inline constexpr size_t kMaxTokenFileBytes = 64 << 10;
inline constexpr size_t kMaxTokens = 256;
inline constexpr size_t kMinTokenBytes = 16, kMaxTokenBytes = 256;

TokenLines ReadTokenLines(const std::string& path);

TokenHash HashOfToken(std::string_view token);

}  // namespace fairlead::control
