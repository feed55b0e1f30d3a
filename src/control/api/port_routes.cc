// GET /v1/ports, /v1/neighbours and /v1/routes.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control/api/context.h"
#include "control/api/explain_words.h"
#include "control/api/json_views.h"
#include "control/api/port_json.h"
#include "control/api/problem.h"
#include "control/api/router.h"
#include "control/control_api.h"
#include "control/view.h"

namespace fairlead::api {

namespace json = boost::json;

namespace {

json::object NeighbourToJson(const control::ControlView& view,
                             const control::NeighbourInfo& neighbour) {
  const size_t port = neighbour.port.index();
  const bool has_mac = neighbour.mac != MacAddress{};
  return {{"port", port < view.ports.size() ? view.ports[port].name : "-"},
          {"address", neighbour.address.ToString()},
          {"mac", OrNull(has_mac, neighbour.mac.ToString())},
          {"state", WordOf(neighbour.state)},
          {"age_ms", OrNull(neighbour.age.has_value(), neighbour.age ? neighbour.age->count() : 0)},
          {"next_hop", neighbour.is_pinned},
          {"workers_agree", neighbour.is_seen_by_workers}};
}

// The control core knows, so it is asked.
void ListNeighbours(const Context& context, const Responder& respond) {
  auto ticket = std::make_shared<ReturnTicket>(context.io, respond);
  context.control.ListNeighbours(
      [ticket, &context](std::vector<control::NeighbourInfo> neighbours) {
        ticket->Answer([neighbours = std::move(neighbours), &context] {
          const auto view = context.control.view();
          json::array list;
          for (const auto& neighbour : neighbours) {
            list.push_back(NeighbourToJson(*view, neighbour));
          }
          return JsonResponse(200, json::object{{"neighbours", std::move(list)}});
        });
      });
}

}  // namespace

// Ports with all that their drivers count, which would be much for /v1/status.
void AddPortRoutes(Router* router, const Context& context) {
  router->Add(Method::kGet, "/v1/neighbours", [&context](const Call&, const Responder& respond) {
    ListNeighbours(context, respond);
  });
  router->Add(Method::kGet, "/v1/ports", [&context](const Call&, const Responder& respond) {
    const auto view = context.control.view();  // whole until the end, whatever is published
    json::array ports;
    for (const control::PortInfo& port : view->ports) {
      json::object object = PortToJson(context, port);
      json::object counters;
      if (context.ports.counters) {
        for (const DriverCounter& counter : context.ports.counters(port.id)) {
          counters[counter.name] = counter.value;
        }
      }
      object["driver_counters"] = std::move(counters);
      ports.push_back(std::move(object));
    }
    respond(JsonResponse(200, json::object{{"ports", std::move(ports)}}));
  });
  router->Add(Method::kGet, "/v1/routes", [&context](const Call&, const Responder& respond) {
    const auto view = context.control.view();
    json::array routes;
    if (view->routes != nullptr) {
      routes.reserve(view->routes->size());
      for (const control::RouteInfo& route : *view->routes) {
        routes.push_back({{"to", route.to},
                          {"via", OrNull(!route.via.empty(), route.via)},
                          {"port", OrNull(!route.port.empty(), route.port)},
                          {"source", route.source},
                          {"used", route.is_used}});
      }
    }
    respond(
        JsonResponse(200, json::object{{"routes", std::move(routes)},
                                       {"kernel_routes", view->kernel_routes},
                                       {"refused_kernel_routes", view->refused_kernel_routes}}));
  });
}

}  // namespace fairlead::api
