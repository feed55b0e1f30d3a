// The password of a question, which stands in a file and not in the configuration.
//
//   ProbeQuestion question = RedisProbe{.password_file = "/etc/fairlead/redis.password"};
//   std::optional<Error> error = FillPassword(&question);   // question has the file's first line
//
// Read for each look, so that a file that has changed needs no reload: one small read, which must
// not wait, so the file has to be a local one. Threads: any.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "control/config/probe_question.h"

namespace fairlead::control {

inline constexpr size_t kMostPasswordBytes = 1024;

// The first line of the file. An error names the file, and what is wrong with it.
Result<std::string> ReadPassword(const std::string& path);
std::optional<Error> FillPassword(ProbeQuestion* question);

}  // namespace fairlead::control
