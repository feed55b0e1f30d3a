// What services share at run time: /v1/timeouts, /v1/policy, /v1/zero; and what of all this the
// file does not know: /v1/config, /v1/diff.
#include <boost/json/array.hpp>

#include "control/api/body_reader.h"
#include "control/api/change.h"
#include "control/api/config_json.h"
#include "control/api/context.h"
#include "control/api/name_index.h"
#include "control/api/problem.h"
#include "control/config/dump.h"
#include "control/config/model.h"
#include "control/view.h"

namespace fairlead::api {

namespace {

namespace json = boost::json;
using control::ControlView;

HttpResponse ShowTimeouts(const ControlView& view) {
  const control::TimeoutsConfig& timeouts = view.model->defaults.timeouts;
  return WithGeneration(JsonResponse(200, ConfigToJson(control::DumpOf(timeouts))),
                        view.generation);
}

HttpResponse ShowPolicy(const ControlView& view) {
  return WithGeneration(JsonResponse(200, ConfigToJson(control::DumpOf(view.model->policy))),
                        view.generation);
}

// of=file: as the file was read, without the changes by hand. Who writes them into it needs that,
// to see whether somebody has edited the file since.
HttpResponse ShowConfig(const ControlView& view, const HttpRequest& request) {
  const std::string* const of = request.FindQuery("of");
  if (of != nullptr && *of != "file") {
    return Problem(400, "invalid-filter", "of: must be file, or left out for what is in force");
  }
  const bool is_of_file = of != nullptr && view.file_model != nullptr;
  HttpResponse response;
  response.content_type = "application/yaml";
  response.body = control::Dump(is_of_file ? *view.file_model : *view.model);
  return WithGeneration(std::move(response), view.generation);
}

HttpResponse ShowDiff(const ControlView& view) {
  const std::vector<std::string>& sentences = *view.differences;
  return WithGeneration(
      JsonResponse(200, {{"generation", view.generation},
                         {"file", view.config_path},
                         {"changes", json::array(sentences.begin(), sentences.end())}}),
      view.generation);
}

void Zero(const Context& context, const Call& call, const Responder& respond) {
  BodyReader body(call.request.body, {"service"});
  std::string service = body.String("service").value_or("");
  if (!body.ok()) return respond(body.problem());
  if (call.request.is_dry_run) {
    const auto view = context.control.view();
    if (!service.empty()) {
      if (const auto found = NameIndex(*view).FindService(service); !found) {
        return respond(Problem(404, "unknown-service", found.error().message));
      }
    }
    const std::string whose = service.empty() ? "everything" : "service " + service;
    return respond(
        WouldChange(view->generation, {"figures since zero of " + whose + " start over"}));
  }
  auto ticket = std::make_shared<ReturnTicket>(context.io, respond);
  context.control.Zero(std::move(service), [ticket, &context](const Status& status) {
    ticket->Answer([status, &context] {
      if (!status) return Problem(status.error());
      const uint64_t generation = context.control.view()->generation;
      return WithGeneration(JsonResponse(200, {{"generation", generation}}), generation);
    });
  });
}

}  // namespace

void AddRuntimeRoutes(Router* router, const Context& context) {
  const auto show = [&](std::string_view path, HttpResponse (*make)(const ControlView&)) {
    router->Add(Method::kGet, path, [&context, make](const Call&, const Responder& respond) {
      respond(make(*context.control.view()));
    });
  };
  router->Add(Method::kGet, "/v1/config", [&context](const Call& call, const Responder& respond) {
    respond(ShowConfig(*context.control.view(), call.request));
  });
  show("/v1/diff", ShowDiff);
  show("/v1/timeouts", ShowTimeouts);
  show("/v1/policy", ShowPolicy);
  router->AddChange(Method::kPatch, "/v1/timeouts",
                    [&context](const Call& call, const Responder& respond) {
                      Change(context, call, respond, control::PatchTimeouts{call.request.body},
                             UnlessRefused(Changed));
                    });
  router->AddChange(Method::kPatch, "/v1/policy",
                    [&context](const Call& call, const Responder& respond) {
                      Change(context, call, respond, control::PatchPolicy{call.request.body},
                             UnlessRefused(Changed));
                    });
  router->AddChange(
      Method::kPost, "/v1/zero",
      [&context](const Call& call, const Responder& respond) { Zero(context, call, respond); });
}

}  // namespace fairlead::api
