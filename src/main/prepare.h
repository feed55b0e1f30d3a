// `fairleadd --prepare USER`: what only root can make for a director that runs as another user.
//
//   Status done = PrepareFor("fairlead", model, mountinfo);   // by the unit, before each start
//
// Today that is one thing: with `director.hugepages: on` the records lie in a directory on
// hugetlbfs, whose top belongs to root. Its name is made from `director.name`, which the unit does
// not know. Threads: main's, before other threads are started.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "control/config/model.h"

namespace fairlead {

// Makes the directory with mode 0700, or gives the one that is there to `user` and the user's
// group. `mountinfo`: the text of /proc/self/mountinfo. Errors: an unknown user, no hugetlbfs,
// something else under that name, no right to make it.
Status PrepareFor(const std::string& user, const control::ConfigModel& model,
                  std::string_view mountinfo);

}  // namespace fairlead
