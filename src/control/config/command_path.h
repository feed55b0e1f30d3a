// Whether a program may be run because the configuration names it: only root may have written it.
//
//   FaultOfCommand("/usr/lib/checks/web");   // "" or "/usr/lib/checks is writable by its group"
//
// The file, and every directory and symbolic link on the way to it, is root's and writable by
// nobody else; so what is found good stays good unless root changes it. A few lstat calls. Threads:
// any.
#pragma once

#include <string>

namespace fairlead::control {

// Empty: it may. Precondition: an absolute path.
std::string FaultOfCommand(const std::string& path);

}  // namespace fairlead::control
