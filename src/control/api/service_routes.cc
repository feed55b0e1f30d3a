// GET of /v1/services and their reals.
#include <boost/json/array.hpp>

#include "control/api/context.h"
#include "control/api/json_views.h"
#include "control/api/name_index.h"
#include "control/api/problem.h"

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
}

}  // namespace fairlead::api
