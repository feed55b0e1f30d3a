// GET /v1/sync; PUT and DELETE /v1/sync/ipvs/{half}: what ipvsadm --start-daemon and --stop-daemon
// do.
#include <net/if.h>

#include <boost/json/parse.hpp>
#include <optional>

#include "control/api/change.h"
#include "control/api/context.h"
#include "control/api/problem.h"
#include "control/api/sync_json.h"
#include "control/config/names.h"
#include "control/control_api.h"
#include "control/view.h"

namespace fairlead::api {

namespace {

namespace json = boost::json;
using control::SyncRole;

std::optional<SyncRole> HalfOf(const Call& call) {
  const auto role = control::FromWord<SyncRole>(call.args[0]);
  return role == SyncRole::kBoth ? std::nullopt : role;
}

HttpResponse NoSuchHalf(const Call& call) {
  return Problem(
      404, "unknown-half",
      "There is no half \"" + call.args[0] + "\" of sync.ipvs; there are master, backup");
}

// An interface that is not there is worth waiting for when a file names it. Whoever starts a half
// by hand has mistyped it.
std::string MissingInterface(const std::string& body) {
  json::error_code ec;
  const json::value parsed = json::parse(body, ec);
  const json::object* const object = ec ? nullptr : parsed.if_object();
  const json::value* const name = object ? object->if_contains("interface") : nullptr;
  if (name == nullptr || !name->is_string()) return "";  // the control core says what is wrong
  const std::string interface(name->as_string());
  return ::if_nametoindex(interface.c_str()) != 0 ? "" : interface;
}

void Start(const Context& context, const Call& call, const Responder& respond) {
  const auto half = HalfOf(call);
  if (!half) return respond(NoSuchHalf(call));
  if (const std::string missing = MissingInterface(call.request.body); !missing.empty()) {
    return respond(Problem(422, "unknown-interface",
                           "This machine has no network interface \"" + missing + "\""));
  }
  Change(context, call, respond, control::StartIpvsSync{*half, call.request.body},
         UnlessRefused(Changed));
}

void Stop(const Context& context, const Call& call, const Responder& respond) {
  const auto half = HalfOf(call);
  if (!half) return respond(NoSuchHalf(call));
  Change(context, call, respond, control::StopIpvsSync{*half}, UnlessRefused(Changed));
}

}  // namespace

void AddSyncRoutes(Router* router, const Context& context) {
  router->Add(Method::kGet, "/v1/sync", [&context](const Call&, const Responder& respond) {
    respond(JsonResponse(200, SyncToJson(*context.control.view())));
  });
  router->AddChange(
      Method::kPut, "/v1/sync/ipvs/{half}",
      [&context](const Call& call, const Responder& respond) { Start(context, call, respond); });
  router->AddChange(
      Method::kDelete, "/v1/sync/ipvs/{half}",
      [&context](const Call& call, const Responder& respond) { Stop(context, call, respond); });
}

}  // namespace fairlead::api
