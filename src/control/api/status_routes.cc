// GET /healthz, /readyz, /metrics, /v1/status, /v1/events and /v1/openapi.json.
#include <boost/json/value.hpp>

#include "control/api/context.h"
#include "control/api/events.h"
#include "control/api/json_views.h"
#include "control/api/metrics.h"
#include "control/api/openapi.h"
#include "control/api/problem.h"
#include "control/api/readiness_json.h"
#include "control/api/router.h"
#include "control/control_api.h"
#include "control/view.h"

namespace fairlead::api {

namespace {

HttpResponse PlainText(std::string body, std::string content_type = "text/plain; charset=utf-8") {
  HttpResponse response;
  response.content_type = std::move(content_type);
  response.body = std::move(body);
  return response;
}

}  // namespace

void AddStatusRoutes(Router* router, const Context& context) {
  router->Add(Method::kGet, "/healthz", Needs::kScrape,
              [](const Call&, const Responder& respond) { respond(PlainText("ok\n")); });
  router->Add(Method::kGet, "/readyz", Needs::kScrape,
              [&context](const Call&, const Responder& respond) { respond(ReadyAnswer(context)); });
  router->Add(
      Method::kGet, "/metrics", Needs::kScrape, [&context](const Call&, const Responder& respond) {
        respond(PlainText(RenderMetrics(context, *context.control.view()), kMetricsContentType));
      });
  router->Add(Method::kGet, "/v1/status", [&context](const Call&, const Responder& respond) {
    const auto view = context.control.view();
    respond(WithGeneration(JsonResponse(200, StatusToJson(context, *view)), view->generation));
  });
  router->Add(Method::kGet, "/v1/events", [&context](const Call&, const Responder& respond) {
    if (context.events == nullptr || !context.events->HasRoom()) {
      return respond(Problem(503, "unavailable",
                             "Sixteen clients follow the events already; try again later"));
    }
    HttpResponse response;
    response.content_type = "text/event-stream";
    // False: somebody else has taken the last place since.
    response.stream = [&context](Push push) { return context.events->Follow(std::move(push)); };
    respond(std::move(response));
  });
  router->Add(Method::kGet, "/v1/openapi.json", [](const Call&, const Responder& respond) {
    respond(PlainText(std::string(kOpenApiDocument), "application/json"));
  });
}

}  // namespace fairlead::api
