// Requests of IPVS as changes by hand (control/edit.h): the bodies that `fairlead ipvsadm` sends.
//
//   if (Fault fault = CheckService(request)) …ENOENT: an unknown scheduler…
//   control.Change(EditOfNewService(request), done);
//
// A SET says everything that IPVS has a word for, so that what was not said goes back to its
// default; keys of the configuration that it has no word for stay as they are, and so does FULLNAT,
// which is masquerading to it. Threads: pure.
#pragma once

#include <string>

#include "control/api/ipvs/requests.h"
#include "control/control_api.h"
#include "control/edit.h"

namespace fairlead::control {
struct RealInfo;
struct ServiceInfo;
}  // namespace fairlead::control

namespace fairlead::ipvs {

// What the kernel looks at before it has a service; the director looks at the rest.
Fault CheckService(const ServiceRequest& request);
Fault CheckDest(const DestRequest& request);
// ENODEV: this machine has no such interface.
Fault CheckDaemon(const DaemonRequest& request);

// The port that a real server of the service has when a request names this one: without NAT it is
// the service's, whatever programs say.
uint16_t PortOf(const control::ServiceInfo& service, const DestRequest& request);

// The kernel's number for a refusal; `not_found` is what is meant when something is not there.
int NumberOf(ErrorCode code, int not_found);
// What a change ended with, all its errors in one sentence.
Fault FaultOf(const control::EditOutcome& outcome, int not_found);

control::Edit EditOfNewService(const ServiceRequest& request);
control::Edit EditOfService(const std::string& name, const ServiceRequest& request);
control::Edit EditOfNewDest(const control::ServiceInfo& service, const DestRequest& request);
control::Edit EditOfDest(const std::string& service, const control::RealInfo& real,
                         const DestRequest& request);
control::Edit EditOfTimeouts(const TimeoutsRequest& request);
control::Edit EditOfNewDaemon(const DaemonRequest& request);
control::Edit EditOfNoDaemon(const DaemonRequest& request);

}  // namespace fairlead::ipvs
