// A file that holds a secret: read only when others cannot.
//
//   Result<std::string> text = ReadPrivateFile("/etc/fairlead/tokens", 64 << 10);
//   if (!text) …text.error().message says what is wrong and how to mend it…
//
// Refused: what is no regular file, what everybody may read or write (the owner and the group may),
// and what is larger than allowed. The mode is that of the file that was opened, so it cannot be
// exchanged between the look and the reading. Threads: any.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace fairlead {

Result<std::string> ReadPrivateFile(const std::string& path, size_t most_bytes);
// The same without reading it.
Status CheckPrivateFile(const std::string& path);

// Tells one state of a file from another: differs when it was written, replaced or removed, or when
// its mode was changed.
std::string StampOfFile(const std::string& path);

}  // namespace fairlead
