// Other contents for a file that others read and edit, too.
//
//   Status done = ReplaceFile("/etc/fairlead/fairlead.yaml", text_as_read, new_text);
//
// Whoever reads it meanwhile has the old contents or the new, also after the machine has lost its
// power. Owner and mode stay. Threads: any.
#pragma once

#include <string>

#include "base/result.h"

namespace fairlead::cli {

// Refuses, and leaves the file alone, when it no longer says `was`.
Status ReplaceFile(const std::string& path, const std::string& was, const std::string& text);

}  // namespace fairlead::cli
