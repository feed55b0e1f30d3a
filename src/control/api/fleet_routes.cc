// GET /v1/fleet
#include "control/api/context.h"
#include "control/api/fleet_json.h"
#include "control/api/problem.h"
#include "control/api/router.h"

namespace fairlead::api {

void AddFleetRoutes(Router* router, const Context& context) {
  router->Add(Method::kGet, "/v1/fleet", [&context](const Call&, const Responder& respond) {
    if (context.fleet == nullptr) {
      return respond(Problem(404, "no-fleet",
                             "This director has its configuration from a file; fairleadd -c "
                             "etcd://HOST:2379/PREFIX makes it one of a fleet"));
    }
    respond(JsonResponse(200, FleetToJson(*context.fleet->info())));
  });
}

}  // namespace fairlead::api
