// Which files a client may have the director load. The director reads as root, and what is wrong
// with a file is quoted; so nobody may name one that is not meant for it, or that he could not read
// himself.
//
//   const Status allowed = CheckReloadPath("/etc/fairlead/fairlead.yaml", path, user);
//   if (!allowed) return Problem(403, "path-not-allowed", allowed.error().message);
//
// The sentence of a refusal says the same of files that are there and of files that are not.
// Threads: pure but for the file system.
#pragma once

#include <string>

#include "base/result.h"
#include "control/api/http.h"

namespace fairlead::api {

// `start`: the file of the start, which everybody may name. Any other must be a regular file, named
// *.yaml, *.yml or *.json, below the directory of the start's, reached without a symbolic link that
// leads out of it, and readable by `user` by its own mode.
Status CheckReloadPath(const std::string& start, const std::string& path, const User& user);

}  // namespace fairlead::api
