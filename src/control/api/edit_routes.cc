// POST, PATCH and DELETE of services and reals: changes by hand (docs/api.md).
#include <algorithm>
#include <boost/json/array.hpp>

#include "control/api/change.h"
#include "control/api/config_json.h"
#include "control/api/context.h"
#include "control/api/json_views.h"
#include "control/api/name_index.h"
#include "control/api/problem.h"
#include "control/config/model.h"
#include "control/config/validate.h"
#include "control/view.h"

namespace fairlead::api {

namespace {

namespace json = boost::json;
using control::ControlView;
using control::EditOutcome;

// A real that connections still refer to has a name, but nothing to change.
bool IsRemovedReal(const ControlView& view, const std::string& service, const std::string& real) {
  const auto found = NameIndex(view).FindReals(service, real);
  return found && found->front().info->is_ghost;
}

// What the file loader warns of, said of a change: what was asked for is done and will hardly do
// what was meant.
void AddWarnings(const std::vector<Error>& found, json::object* answer) {
  json::array warnings;
  for (const Error& warning : found) {
    warnings.push_back({{"place", warning.place}, {"detail", warning.message}});
  }
  if (!warnings.empty()) (*answer)["warnings"] = std::move(warnings);
}

std::vector<Error> WarningsOfService(const ControlView& view, const std::string& name) {
  if (view.model == nullptr) return {};
  const auto& services = view.model->services;
  const auto found = std::ranges::find(services, name, &control::ServiceConfig::name);
  if (found == services.end()) return {};
  return control::FindWarningsOfService(*view.model, static_cast<size_t>(found - services.begin()));
}

HttpResponse ShowService(const Context& context, int status, const EditOutcome& outcome) {
  const auto view = context.control.view();
  const auto service = NameIndex(*view).FindService(outcome.service);
  if (!service) return Changed(outcome);  // somebody has removed it since
  json::object answer = ServiceToJson(context.control.fabric(), *view, **service, true);
  answer["config"] = ConfigOf(*view, **service);
  AddWarnings(WarningsOfService(*view, (*service)->name), &answer);
  return WithGeneration(JsonResponse(status, answer), outcome.generation);
}

HttpResponse ShowReal(const Context& context, int status, const EditOutcome& outcome) {
  const auto view = context.control.view();
  const auto reals = NameIndex(*view).FindReals(outcome.service, outcome.real);
  if (!reals) return Changed(outcome);
  const NamedReal& real = reals->front();
  json::object answer = RealToJson(context.control.fabric(), *real.service, *real.info);
  answer["config"] = ConfigOf(*view, *real.service, *real.info);
  if (view->model != nullptr && status == 201) {
    AddWarnings(control::FindWarningsOfReal(*view->model, real.info->endpoint.address), &answer);
  }
  return WithGeneration(JsonResponse(status, answer), outcome.generation);
}

Show UnlessRefusedReal(const Context& context, const Call& call, Show show) {
  return [&context, service = call.args[0], real = call.args[1],
          show = std::move(show)](const EditOutcome& outcome) {
    if (!outcome.refusal) return show(outcome);
    if (outcome.refusal->code == ErrorCode::kNotFound &&
        IsRemovedReal(*context.control.view(), service, real)) {
      return Problem(409, "real-removed",
                     "This real is removed and only serves what it had; add it again to change it");
    }
    return ToProblem(*outcome.refusal);
  };
}

void AddRoutesOfServices(Router* router, const Context& context) {
  const Show added = UnlessRefused(
      [&context](const EditOutcome& outcome) { return ShowService(context, 201, outcome); });
  const Show patched = UnlessRefused(
      [&context](const EditOutcome& outcome) { return ShowService(context, 200, outcome); });
  router->AddChange(Method::kPost, "/v1/services",
                    [&context, added](const Call& call, const Responder& respond) {
                      Change(context, call, respond, control::AddService{call.request.body}, added);
                    });
  router->AddChange(
      Method::kDelete, "/v1/services", [&context](const Call& call, const Responder& respond) {
        Change(context, call, respond, control::RemoveAllServices{}, UnlessRefused(Changed));
      });
  router->AddChange(Method::kPatch, "/v1/services/{name}",
                    [&context, patched](const Call& call, const Responder& respond) {
                      Change(context, call, respond,
                             control::PatchService{call.args[0], call.request.body}, patched);
                    });
  router->AddChange(Method::kDelete, "/v1/services/{name}",
                    [&context](const Call& call, const Responder& respond) {
                      Change(context, call, respond, control::RemoveService{call.args[0]},
                             UnlessRefused(Changed));
                    });
}

void AddRoutesOfReals(Router* router, const Context& context) {
  router->AddChange(Method::kPost, "/v1/services/{name}/reals",
                    [&context](const Call& call, const Responder& respond) {
                      Change(context, call, respond,
                             control::AddReal{call.args[0], call.request.body},
                             UnlessRefused([&context](const EditOutcome& outcome) {
                               return ShowReal(context, 201, outcome);
                             }));
                    });
  router->AddChange(Method::kPatch, "/v1/services/{name}/reals/{real}",
                    [&context](const Call& call, const Responder& respond) {
                      const Show patched = [&context](const EditOutcome& outcome) {
                        return ShowReal(context, 200, outcome);
                      };
                      Change(context, call, respond,
                             control::PatchReal{call.args[0], call.args[1], call.request.body},
                             UnlessRefusedReal(context, call, patched));
                    });
  router->AddChange(Method::kPost, "/v1/services/{name}/reals/{real}/drain",
                    [&context](const Call& call, const Responder& respond) {
                      const Show drained = [&context](const EditOutcome& outcome) {
                        return ShowReal(context, 200, outcome);
                      };
                      Change(context, call, respond,
                             control::DrainReal{call.args[0], call.args[1], call.request.body},
                             UnlessRefusedReal(context, call, drained));
                    });
  router->AddChange(Method::kDelete, "/v1/services/{name}/reals/{real}",
                    [&context](const Call& call, const Responder& respond) {
                      Change(context, call, respond,
                             control::RemoveReal{call.args[0], call.args[1]},
                             UnlessRefusedReal(context, call, Changed));
                    });
}

}  // namespace

void AddEditRoutes(Router* router, const Context& context) {
  AddRoutesOfServices(router, context);
  AddRoutesOfReals(router, context);
}

}  // namespace fairlead::api
