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

// Empty: the user whose commands a director of our rights runs could execute it: `script_user`, or
// we ourselves when we are not root. Of links what is behind them counts.
std::string FaultForUser(const std::string& path, const std::string& script_user);

}  // namespace fairlead::control
