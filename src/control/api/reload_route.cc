// POST /v1/reload
#include <boost/json/array.hpp>

#include "control/api/body_reader.h"
#include "control/api/context.h"
#include "control/api/problem.h"
#include "control/api/reload_path.h"
#include "control/api/router.h"
#include "control/control_api.h"
#include "control/view.h"

namespace fairlead::api {

namespace {

namespace json = boost::json;

json::array ArrayOf(const std::vector<std::string>& sentences) {
  return json::array(sentences.begin(), sentences.end());
}

HttpResponse ToResponse(const control::ReloadOutcome& outcome, bool is_dry_run) {
  if (outcome.ok) {
    return WithGeneration(JsonResponse(200, {{"generation", outcome.generation},
                                             {"path", outcome.path},
                                             {"dry_run", is_dry_run},
                                             {"changes", ArrayOf(outcome.changes)},
                                             {"takes_away",
                                              {{"changes_by_hand", ArrayOf(outcome.losses.edits)},
                                               {"services", ArrayOf(outcome.losses.services)}}},
                                             {"warnings", ArrayOf(outcome.warnings)}}),
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

std::optional<HttpResponse> RefusePath(const control::ControlView& view, const std::string& path,
                                       const std::optional<User>& user) {
  if (!user) {
    return Problem(403, "needs-socket",
                   "Naming a file is for the Unix socket only, where it is known who may read "
                   "it; leave path out, or use the socket");
  }
  if (const Status allowed = CheckReloadPath(view.start_path, path, *user); !allowed) {
    return Problem(403, "path-not-allowed", allowed.error().message, {{"place", "path"}});
  }
  return std::nullopt;
}

}  // namespace

void AddReloadRoute(Router* router, const Context& context) {
  router->AddChange(
      Method::kPost, "/v1/reload", [&context](const Call& call, const Responder& respond) {
        BodyReader body(call.request.body, {"path"});
        const std::string path = body.String("path").value_or("");
        if (!path.empty() && path.front() != '/') {
          body.Fault("path",
                     "Must be an absolute path: the director has its own working directory");
        }
        if (!body.ok()) return respond(body.problem());
        if (!path.empty()) {
          if (auto refusal = RefusePath(*context.control.view(), path, call.request.user)) {
            return respond(std::move(*refusal));
          }
        }
        const bool is_dry_run = call.request.is_dry_run;
        auto ticket = std::make_shared<ReturnTicket>(context.io, respond);
        const auto done = [ticket, is_dry_run](control::ReloadOutcome outcome) {
          ticket->Answer([outcome = std::move(outcome), is_dry_run] {
            return ToResponse(outcome, is_dry_run);
          });
        };
        if (is_dry_run) {
          context.control.PreviewReload(path, done);
        } else {
          context.control.Reload(path, done);
        }
      });
}

}  // namespace fairlead::api
