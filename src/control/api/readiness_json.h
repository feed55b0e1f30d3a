// Whether the director may serve, and why not, for /readyz, /v1/status, listings and metrics.
//
//   respond(ReadyAnswer(context));             // 200, or 503 with a sentence for each reason
//   AddReadiness(view, &status);               // "forwarding", "not_ready", "peers"
//   AddAnnouncement(view, service, &object);   // "announced" and "not_announced"
//
// control/readiness.h has the rule. Threads: the API thread.
#pragma once

#include <prometheus/metric_family.h>

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "control/api/http.h"

namespace fairlead::control {
struct ControlView;
struct ServiceInfo;
}  // namespace fairlead::control

namespace fairlead::api {

struct Context;

HttpResponse ReadyAnswer(const Context& context);
void AddReadiness(const control::ControlView& view, boost::json::object* status);

// Why a virtual address is not announced now; empty: it is, or is none.
std::string WhySilent(const control::ControlView& view, const IpAddress& address);
// Null of a mark service, which has no address of its own.
void AddAnnouncement(const control::ControlView& view, const control::ServiceInfo& service,
                     boost::json::object* object);

void AddPeerMetrics(const control::ControlView& view,
                    std::vector<prometheus::MetricFamily>* families);

}  // namespace fairlead::api
