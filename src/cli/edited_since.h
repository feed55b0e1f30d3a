// Whether somebody has edited a file since a director read it.
//
//   EditedSince(as_read, now, in_force, {"director.workers"})
//   // {"services: web: reals: 10.0.0.11:80: weight"}: neither as it was read nor as it is in force
//
// All three are dumps of models (control/config/dump.h). A value that is in force already is nobody
// else's: to write what is in force loses nothing there. So a file that has some of the changes by
// hand is no edited one. Threads: pure.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace fairlead::cli {

// The keys that somebody has edited, the first of many. Empty: nobody has. `waiting`: keys whose
// new values wait for a restart of the director, and which it therefore still has as they were.
inline constexpr size_t kMostEditedKeys = 5;
std::vector<std::string> EditedSince(const std::string& as_read, const std::string& now,
                                     const std::string& in_force,
                                     const std::set<std::string>& waiting);

}  // namespace fairlead::cli
