// The way of a change by hand from a request to the control core and back.
//
//   Change(context, call, respond, control::RemoveService{call.args[0]}, UnlessRefused(Changed));
//
// A dry run asks the control core what the change would do, and shows that, or the refusal.
//
// If-Match refuses with 412 when the configuration has another generation than the caller looked
// at. Threads: the API thread.
#pragma once

#include <functional>

#include "control/api/context.h"
#include "control/api/router.h"
#include "control/control_api.h"

namespace fairlead::api {

// The answer to what became of a change, refused or not. Runs on the API thread.
using Show = std::function<HttpResponse(const control::EditOutcome&)>;

void Change(const Context& context, const Call& call, const Responder& respond, control::Edit edit,
            Show show);

// The problem when it was refused, else `show`.
Show UnlessRefused(Show show);
// The generation and what changed, in sentences.
HttpResponse Changed(const control::EditOutcome& outcome);
// What a dry run says of a change that nothing refuses.
HttpResponse WouldChange(uint64_t generation, const std::vector<std::string>& changes);
// All problems of a body with their places, or the one that stands in the way.
HttpResponse ToProblem(const control::EditRefusal& refusal);

}  // namespace fairlead::api
