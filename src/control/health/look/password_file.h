// The password of a question, which stands in a file and not in the configuration.
//
//   ProbeQuestion question = RedisProbe{.password_file = "/etc/fairlead/redis.password"};
//   std::optional<Error> error = FillPassword(&question);   // question has the file's first line
//
// Read for each look, so that a file that has changed needs no reload. Threads: any.
#pragma once

#include <optional>

#include "base/result.h"
#include "control/config/probe_question.h"

namespace fairlead::control {

inline constexpr size_t kMostPasswordBytes = 1024;

// An error names the file, and what is wrong with it.
std::optional<Error> FillPassword(ProbeQuestion* question);

}  // namespace fairlead::control
