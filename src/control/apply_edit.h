// What a change by hand makes of an intent: the one path for REST, the command line and ipvsadm.
//
//   EditResult result = ApplyEdit(PatchReal{"shop", "10.0.0.11:80", R"({"weight": 0})"}, intent);
//   if (auto* edited = std::get_if<Edited>(&result)) publication.Want(edited->intent, waiter);
//   else …std::get<EditRefusal>(result): every problem, each with its place in the body…
//
// What results must hold as a file would have to. A real that is added is the newest, so it goes to
// the end of the model's list. Threads: pure. Invariant: a refused edit has changed nothing.
#pragma once

#include <string>
#include <variant>

#include "control/edit.h"
#include "control/intent.h"
#include "control/time_point.h"

namespace fairlead::control {

struct Edited {
  Intent intent;
  std::string service{}, real{};  // the names of what was edited, as the view has them
};
using EditResult = std::variant<Edited, EditRefusal>;

// `now`: what deadlines count from.
EditResult ApplyEdit(const Edit& edit, const Intent& before, TimePoint now = {});

}  // namespace fairlead::control
