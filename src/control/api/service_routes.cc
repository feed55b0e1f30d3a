// /v1/services and their reals.
#include <boost/json/array.hpp>

#include "control/api/body_reader.h"
#include "control/api/context.h"
#include "control/api/json_views.h"
#include "control/api/name_index.h"
#include "control/api/problem.h"
#include "control/config/names.h"

namespace fairlead::api {

namespace {

namespace json = boost::json;
using control::ControlView;
using View = std::shared_ptr<const ControlView>;

HttpResponse ListServices(const Context& context, const ControlView& view) {
  json::array services;
  for (const auto& service : view.services) {
    services.push_back(ServiceToJson(context.control.fabric(), service, false));
  }
  return WithGeneration(JsonResponse(200, {{"services", std::move(services)}}), view.generation);
}

HttpResponse ShowService(const Context& context, const ControlView& view, const std::string& name) {
  const auto service = NameIndex(view).FindService(name);
  if (!service) return Problem(404, "unknown-service", service.error().message);
  return WithGeneration(JsonResponse(200, ServiceToJson(context.control.fabric(), **service, true)),
                        view.generation);
}

HttpResponse ListReals(const Context& context, const ControlView& view, const std::string& name) {
  const auto service = NameIndex(view).FindService(name);
  if (!service) return Problem(404, "unknown-service", service.error().message);
  json::array reals;
  for (const auto& real : (*service)->reals) {
    reals.push_back(RealToJson(context.control.fabric(), **service, real));
  }
  return WithGeneration(JsonResponse(200, {{"reals", std::move(reals)}}), view.generation);
}

// The one real of that name; the configured one when a removed one has the same name.
Result<NamedReal> FindOneReal(const ControlView& view, const std::string& service,
                              const std::string& name) {
  const NameIndex names(view);
  const auto found = names.FindReals(service, name);
  if (!found) return found.error();
  for (const NamedReal& real : *found) {
    if (!real.info->is_ghost) return real;
  }
  return found->front();
}

HttpResponse ShowReal(const Context& context, const ControlView& view, const std::string& service,
                      const std::string& name) {
  const auto real = FindOneReal(view, service, name);
  if (!real) return Problem(404, "unknown-real", real.error().message);
  return WithGeneration(
      JsonResponse(200, RealToJson(context.control.fabric(), *real->service, *real->info)),
      view.generation);
}

// If-Match carries the generation the caller has looked at: "7", quoted or not.
bool IsCurrent(const std::string& if_match, uint64_t generation) {
  if (if_match.empty() || if_match == "*") return true;
  return if_match == "\"" + std::to_string(generation) + "\"" ||
         if_match == std::to_string(generation);
}

void ChangeReal(const Context& context, const Call& call, const Responder& respond) {
  const View view = context.control.view();
  const auto real = FindOneReal(*view, call.args[0], call.args[1]);
  if (!real) return respond(Problem(404, "unknown-real", real.error().message));
  if (real->info->is_ghost) {
    return respond(Problem(409, "real-removed",
                           "This real is removed from the configuration and only serves what it "
                           "had; add it to the file and reload"));
  }
  BodyReader body(call.request.body, {"weight", "admin"});
  control::RealChange change;
  change.service = real->service->name;
  change.real = real->info->name;
  if (const auto weight = body.Integer("weight", 0, 65535)) {
    change.weight = static_cast<int32_t>(*weight);
  }
  if (const auto word = body.String("admin")) {
    change.admin = control::FromWord<control::AdminState>(*word);
    if (!change.admin) body.Fault("admin", "Must be " + control::WordList<control::AdminState>());
  }
  if (body.ok() && !change.weight && !change.admin) {
    body.Fault("", "Nothing to change: give weight, admin or both");
  }
  if (!body.ok()) return respond(body.problem());
  if (!IsCurrent(call.request.if_match, view->generation)) {
    return respond(Problem(412, "generation-changed",
                           "The configuration is at generation " +
                               std::to_string(view->generation) + " now; look again and repeat"));
  }
  auto ticket = std::make_shared<ReturnTicket>(context.io, respond);
  context.control.ChangeReal(change, [ticket, change, &context](const Status& status) {
    ticket->Answer([status, change, &context] {
      if (!status) return Problem(status.error());
      return ShowReal(context, *context.control.view(), change.service, change.real);
    });
  });
}

}  // namespace

void AddServiceRoutes(Router* router, const Context& context) {
  router->Add(Method::kGet, "/v1/services", [&context](const Call&, const Responder& respond) {
    respond(ListServices(context, *context.control.view()));
  });
  router->Add(Method::kGet, "/v1/services/{name}",
              [&context](const Call& call, const Responder& respond) {
                respond(ShowService(context, *context.control.view(), call.args[0]));
              });
  router->Add(Method::kGet, "/v1/services/{name}/reals",
              [&context](const Call& call, const Responder& respond) {
                respond(ListReals(context, *context.control.view(), call.args[0]));
              });
  router->Add(Method::kGet, "/v1/services/{name}/reals/{real}",
              [&context](const Call& call, const Responder& respond) {
                respond(ShowReal(context, *context.control.view(), call.args[0], call.args[1]));
              });
  router->Add(Method::kPatch, "/v1/services/{name}/reals/{real}",
              [&context](const Call& call, const Responder& respond) {
                ChangeReal(context, call, respond);
              });
}

}  // namespace fairlead::api
