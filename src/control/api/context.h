// What the routes work with. One of it, owned by ApiServer, used on the API thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/api/http.h"
#include "control/api/port_stats.h"

namespace boost::asio {
class io_context;
}
namespace fairlead::control {
class ControlApi;
class FleetApi;
}  // namespace fairlead::control

namespace fairlead::ipvs {
class Dispatcher;
}

namespace fairlead::api {

class BusyMeter;
class EventHub;
class Pulse;
class Router;
class UpgradeApi;
class WorkerClient;

// Who uses a part of it includes that part's header.
struct Context {
  std::shared_ptr<boost::asio::io_context> io;  // shared: late answers may outlive the server
  control::ControlApi& control;
  WorkerClient& workers;
  const BusyMeter& busy;
  Pulse& pulse;
  PortReaders ports;
  UpgradeApi* upgrade = nullptr;                 // none: there are no upgrades
  const ipvs::Dispatcher* dispatcher = nullptr;  // for its counts; none: it is not served
  EventHub* events = nullptr;                    // none: nobody can follow
  const control::FleetApi* fleet = nullptr;      // none: the configuration is a file
  // Why listeners are not opened as configured; null: all are.
  const std::vector<std::string>* api_faults = nullptr;
};

// Carries a Responder to the control core and back: its answer, and its end, happen on the API
// thread, whatever thread lets go of it. Unanswered, it says that the director is stopping.
class ReturnTicket {
 public:
  ReturnTicket(std::shared_ptr<boost::asio::io_context> io, Responder respond)
      : io_(std::move(io)), respond_(std::move(respond)) {}
  ~ReturnTicket();
  ReturnTicket(const ReturnTicket&) = delete;
  ReturnTicket& operator=(const ReturnTicket&) = delete;

  // Any thread, once: `make` runs on the API thread.
  void Answer(std::function<HttpResponse()> make);

 private:
  std::shared_ptr<boost::asio::io_context> io_;
  Responder respond_;
};

void AddPortRoutes(Router* router, const Context& context);
void AddStatusRoutes(Router* router, const Context& context);
void AddServiceRoutes(Router* router, const Context& context);
void AddEditRoutes(Router* router, const Context& context);
void AddRecordRoutes(Router* router, const Context& context);
void AddTemplateRoutes(Router* router, const Context& context);
void AddExplainRoute(Router* router, const Context& context);
void AddReloadRoute(Router* router, const Context& context);
void AddRuntimeRoutes(Router* router, const Context& context);
void AddSyncRoutes(Router* router, const Context& context);
void AddFleetRoutes(Router* router, const Context& context);
void AddConfigRoutes(Router* router, const Context& context);
void AddUpgradeRoutes(Router* router, const Context& context);
void AddSnatRoutes(Router* router, const Context& context);
void AddTopRoutes(Router* router, const Context& context);
void AddDropRoutes(Router* router, const Context& context);

}  // namespace fairlead::api
