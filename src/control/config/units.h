// Durations and sizes as people write them.
//
//   ParseDuration("500ms"), ParseDuration("7d");   // whole number and one unit: ms s m h d
//   FormatDuration(90s);                            // "90s": the largest unit that is exact
//   ParseSize("64k");                               // 65536; k, M and G are powers of 1024
//
// No sign, blank, fraction or leading zero. Threads: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/config/model.h"

namespace fairlead::control {

// Digits only, no leading zero, at most 2^63-1.
std::optional<uint64_t> ParseDigits(std::string_view text);

std::optional<Duration> ParseDuration(std::string_view text);
std::string FormatDuration(Duration duration);

std::optional<uint64_t> ParseSize(std::string_view text);
std::string FormatSize(uint64_t size);

}  // namespace fairlead::control
