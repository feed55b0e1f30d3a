// The API thread: REST, metrics and explain over HTTP (docs/api.md).
//
//   ApiServer api(control, {.listen = {"unix:/run/fairlead/api.sock"}}, {read_port_stats});
//   if (Status s = api.Start(); !s) …log s.error() and end…
//   …
//   api.Stop();                        // before the workers end
//
// Threads: made, started and stopped by one thread; the server has its own. It reads the control
// core's view and the boards, asks workers through Fabric::api and the control core through
// ControlApi. Invariants: `control` and its fabric outlive this object; commands that workers still
// hold at Stop are waited for a short while, so stop the API before the workers.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "control/api/listen_spec.h"
#include "control/api/port_stats.h"
#include "control/api/pulse.h"

namespace fairlead::control {
class FleetApi;
}

namespace fairlead::api {

class UpgradeApi;

// All that is wrong with the files and the groups that a listener names, each with place and
// remedy, so that a start can say it before it opens ports.
std::vector<Error> FaultsOf(const ListenSpec& listener);
// Closes those that have faults, and returns these: TCP listeners are taken out, and Unix sockets,
// whose group is not there, are for root and the director's user alone. So there is a way in left.
std::vector<Error> CloseFaulty(std::vector<ListenSpec>* listeners, ListenSpec* ipvs_socket);

struct ApiConfig {
  std::vector<ListenSpec> listen = {"unix:/run/fairlead/api.sock"};
  // How long a thread may make no turn before /readyz says so.
  std::chrono::milliseconds patience = kPulsePatience;
  UpgradeApi* upgrade = nullptr;  // outlives the server
  // Where the configuration comes from; outlives the server. Null: from a file.
  const control::FleetApi* fleet = nullptr;
  // Path, group and mode of the socket where programs find the kernel's interface to IPVS
  // (docs/ipvs_socket.md); an empty path: there is none.
  ListenSpec ipvs_socket{""};
  // Why listeners are not opened as configured: /v1/status says so.
  std::vector<std::string> faults = {};
};

class ApiServer {
 public:
  ApiServer(control::ControlApi& control, ApiConfig config, PortReaders ports = {});
  ~ApiServer();  // stops
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  // Binds every listener, or says which cannot be bound and starts nothing. `passed`: listening
  // sockets of the director before, by what ApiConfig::listen says of each, and "ipvs:PATH"; those
  // that it does not name are closed.
  Status Start(std::vector<NamedDescriptor> passed = {});
  void Stop();
  // The same, but the sockets go on listening, to be passed on: who connects waits for the next
  // director and is not refused.
  std::vector<NamedDescriptor> StopAndRelease();

  // What was bound, with real port numbers. After Start.
  [[nodiscard]] std::vector<std::string> addresses() const;
  // "GET /v1/status" …
  [[nodiscard]] std::vector<std::string> routes() const;
  // "GET /v1/status read" …
  [[nodiscard]] std::vector<std::string> roles() const;
  // "POST /v1/services" …: those that may be asked with ?dry_run=1.
  [[nodiscard]] std::vector<std::string> dry_runs() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fairlead::api
