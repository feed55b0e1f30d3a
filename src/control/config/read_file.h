// A whole file as text, bounded: a device or a huge file must not eat the memory.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace fairlead::control {

// The error is the operating system's reason, or that the file is larger than `max_bytes`.
Result<std::string> ReadFile(const std::string& path, size_t max_bytes);

}  // namespace fairlead::control
