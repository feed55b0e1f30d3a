// GET of /v1/services and their reals.
#include <boost/json/array.hpp>

#include "control/api/config_json.h"
#include "control/api/context.h"
#include "control/api/json_views.h"
#include "control/api/name_index.h"
#include "control/api/problem.h"
#include "control/api/router.h"
#include "control/control_api.h"
#include "control/view.h"
#include "dataplane/shard/fabric.h"

namespace fairlead::api {

namespace {

namespace json = boost::json;
using control::ControlView;
using View = std::shared_ptr<const ControlView>;

// All that was ever counted, also of services that are gone.
json::object TotalToJson(const dataplane::Fabric& fabric, const ControlView& view) {
  dataplane::TrafficSum total;
  for (uint32_t i = 0; i < view.real_ids; ++i) total += fabric.stats.SumTraffic(RealId{i});
  dataplane::TrafficSum since_zero = total;
  since_zero -= view.total_zero;
  return {{"traffic", TrafficToJson(total)},
          {"since_zero", TrafficToJson(since_zero)},
          {"rate", TrafficToJson(view.total_rate)}};
}

HttpResponse ListServices(const Context& context, const ControlView& view, bool with_reals) {
  json::array services;
  for (const auto& service : view.services) {
    services.push_back(ServiceToJson(context.control.fabric(), view, service, with_reals));
  }
  return WithGeneration(JsonResponse(200, {{"services", std::move(services)},
                                           {"total", TotalToJson(context.control.fabric(), view)}}),
                        view.generation);
}

HttpResponse ShowService(const Context& context, const ControlView& view, const std::string& name) {
  const auto service = NameIndex(view).FindService(name);
  if (!service) return Problem(404, "unknown-service", service.error().message);
  json::object shown = ServiceToJson(context.control.fabric(), view, **service, true);
  shown["config"] = ConfigOf(view, **service);
  return WithGeneration(JsonResponse(200, shown), view.generation);
}

HttpResponse ListReals(const Context& context, const ControlView& view, const std::string& name) {
  const auto service = NameIndex(view).FindService(name);
  if (!service) return Problem(404, "unknown-service", service.error().message);
  json::array reals;
  for (const auto& real : (*service)->reals) {
    reals.push_back(RealToJson(context.control.fabric(), **service, real));
  }
  json::array drains;
  for (const control::DrainOutcome& drain : view.ended_drains) {
    if (drain.service != (*service)->name) continue;
    drains.push_back({{"real", drain.real},
                      {"finished", drain.finished},
                      {"cut", drain.cut},
                      {"left", drain.left},
                      {"removed", drain.is_removed}});
  }
  return WithGeneration(
      JsonResponse(200, {{"reals", std::move(reals)}, {"ended_drains", std::move(drains)}}),
      view.generation);
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
  json::object shown = RealToJson(context.control.fabric(), *real->service, *real->info);
  shown["config"] = ConfigOf(view, *real->service, *real->info);
  return WithGeneration(JsonResponse(200, shown), view.generation);
}

}  // namespace

void AddServiceRoutes(Router* router, const Context& context) {
  router->Add(Method::kGet, "/v1/services", [&context](const Call& call, const Responder& respond) {
    const std::string* const reals = call.request.FindQuery("reals");
    if (reals != nullptr && *reals != "true" && *reals != "false") {
      return respond(Problem(400, "invalid-filter", "reals: Must be true or false"));
    }
    respond(ListServices(context, *context.control.view(), reals != nullptr && *reals == "true"));
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
