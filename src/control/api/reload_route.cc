// POST /v1/reload
#include <boost/json/array.hpp>

#include "control/api/body_reader.h"
#include "control/api/context.h"
#include "control/api/problem.h"

namespace fairlead::api {

namespace {

namespace json = boost::json;

HttpResponse ToResponse(const control::ReloadOutcome& outcome) {
  if (outcome.ok) {
    const json::array changes(outcome.changes.begin(), outcome.changes.end());
    return WithGeneration(
        JsonResponse(200, {{"generation", outcome.generation}, {"changes", changes}}),
        outcome.generation);
  }
  json::array errors;
  for (const Error& error : outcome.errors) {
    errors.push_back({{"place", error.place}, {"detail", error.message}});
  }
  const size_t count = outcome.errors.size();
  return Problem(422, "configuration-refused",
                 "The configuration has " +
                     (count == 1 ? std::string("an error") : std::to_string(count) + " errors") +
                     "; what runs was not touched",
                 {{"errors", std::move(errors)}});
}

}  // namespace

void AddReloadRoute(Router* router, const Context& context) {
  router->Add(Method::kPost, "/v1/reload", [&context](const Call& call, const Responder& respond) {
    BodyReader body(call.request.body, {"path"});
    const std::string path = body.String("path").value_or("");
    if (!path.empty() && path.front() != '/') {
      body.Fault("path", "Must be an absolute path: the director has its own working directory");
    }
    if (!body.ok()) return respond(body.problem());
    // The director reads as root, and an error quotes what it read.
    if (!path.empty() && !call.request.is_over_socket) {
      return respond(Problem(403, "needs-socket",
                             "Naming a file is for the Unix socket only, since any local user can "
                             "reach this listener; leave path out, or use the socket"));
    }
    auto ticket = std::make_shared<ReturnTicket>(context.io, respond);
    context.control.Reload(path, [ticket](control::ReloadOutcome outcome) {
      ticket->Answer([outcome = std::move(outcome)] { return ToResponse(outcome); });
    });
  });
}

}  // namespace fairlead::api
