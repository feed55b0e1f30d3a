// What the routes work with. One of it, owned by ApiServer, used on the API thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "control/api/busy_meter.h"
#include "control/api/http.h"
#include "control/api/port_stats.h"
#include "control/api/pulse.h"
#include "control/api/router.h"
#include "control/api/worker_client.h"
#include "control/view.h"

namespace fairlead::api {

struct Context {
  std::shared_ptr<boost::asio::io_context> io;  // shared: late answers may outlive the server
  control::ControlApi& control;
  WorkerClient& workers;
  const BusyMeter& busy;
  Pulse& pulse;
  PortStatsReader port_stats;
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

void AddStatusRoutes(Router* router, const Context& context);
void AddServiceRoutes(Router* router, const Context& context);
void AddEditRoutes(Router* router, const Context& context);
void AddRecordRoutes(Router* router, const Context& context);
void AddTemplateRoutes(Router* router, const Context& context);
void AddExplainRoute(Router* router, const Context& context);
void AddReloadRoute(Router* router, const Context& context);
void AddRuntimeRoutes(Router* router, const Context& context);

}  // namespace fairlead::api
