// GET and POST /v1/upgrade
#include <unistd.h>

#include <boost/json/object.hpp>

#include "control/api/body_reader.h"
#include "control/api/change.h"
#include "control/api/context.h"
#include "control/api/problem.h"
#include "control/api/router.h"
#include "control/api/upgrade_api.h"
#include "control/view.h"

namespace fairlead::api {

namespace {

namespace json = boost::json;

std::string_view WordOf(UpgradeState::Phase phase) {
  switch (phase) {
    case UpgradeState::Phase::kNone:
      return "none";
    case UpgradeState::Phase::kStarting:
      return "starting";
    case UpgradeState::Phase::kHandingOver:
      return "handing-over";
    case UpgradeState::Phase::kFailed:
      return "failed";
  }
  return "";
}

HttpResponse ShowState(int status, const UpgradeState& state) {
  return JsonResponse(status, {{"pid", ::getpid()},
                               {"version", FAIRLEAD_VERSION},
                               {"phase", WordOf(state.phase)},
                               {"binary", state.binary},
                               {"reason", state.reason}});
}

// Whoever may name a program has it run with the rights of the director.
bool MayNameProgram(const std::optional<User>& user) {
  return user && (user->uid == 0 || user->uid == ::geteuid());
}

void Begin(const Context& context, const Call& call, const Responder& respond) {
  BodyReader body(call.request.body, {"binary"});
  const std::string binary = body.String("binary").value_or("");
  if (!binary.empty() && binary.front() != '/') {
    body.Fault("binary", "Must be an absolute path: the director has its own working directory");
  }
  if (!body.ok()) return respond(body.problem());
  if (!binary.empty() && !MayNameProgram(call.request.user)) {
    return respond(Problem(403, "needs-owner",
                           "Naming a program is for root and the director's own user over the Unix "
                           "socket; leave binary out, and the program that is on disk now is "
                           "started",
                           {{"place", "binary"}}));
  }
  if (call.request.is_dry_run) {
    const auto program = context.upgrade->Preview(binary);
    if (!program) return respond(Problem(program.error()));
    return respond(WouldChange(context.control.view()->generation,
                               {*program + " takes over from process " +
                                std::to_string(::getpid()) + ", version " FAIRLEAD_VERSION +
                                "; not tried: whether it is a fairleadd and can take over"}));
  }
  if (const Status begun = context.upgrade->Begin(binary); !begun) {
    return respond(Problem(begun.error()));
  }
  respond(ShowState(202, context.upgrade->state()));
}

}  // namespace

void AddUpgradeRoutes(Router* router, const Context& context) {
  // An API of a test, or of whatever else cannot be replaced.
  const auto unless_none = [&context](auto answer) {
    return [&context, answer](const Call& call, const Responder& respond) {
      if (context.upgrade != nullptr) return answer(call, respond);
      respond(Problem(503, "unavailable", "This process cannot be replaced by an upgrade"));
    };
  };
  router->Add(Method::kGet, "/v1/upgrade",
              unless_none([&context](const Call&, const Responder& respond) {
                respond(ShowState(200, context.upgrade->state()));
              }));
  router->AddChange(Method::kPost, "/v1/upgrade",
                    unless_none([&context](const Call& call, const Responder& respond) {
                      Begin(context, call, respond);
                    }));
}

}  // namespace fairlead::api
