#include "cli/ipvsadm/requests.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "cli/director_api.h"
#include "control/config/forward_body.h"
#include "control/config/new_service.h"

namespace fairlead::cli::ipvsadm {

namespace json = boost::json;

namespace {

std::string Seconds(uint32_t seconds) { return std::to_string(seconds) + "s"; }

// Only sh and mh look at flags; elsewhere they say nothing.
json::value Flags(const ServiceOptions& service) {
  json::array flags;
  if (service.scheduler == "sh" || service.scheduler == "mh") {
    if (service.has_fallback_flag) flags.emplace_back(service.scheduler + "-fallback");
    if (service.has_port_flag) flags.emplace_back(service.scheduler + "-port");
    if (service.has_netmask_flag) flags.emplace_back(service.scheduler + "-netmask");
  }
  return flags.empty() ? json::value(nullptr) : json::value(std::move(flags));
}

const char* NetmaskKey(const Command& command) {
  return command.service->family == Family::kIpv6 ? "netmask6" : "netmask";
}

json::value Netmask(const Command& command) {
  const ServiceOptions& service = command.service_options;
  if (command.service->family == Family::kIpv6) return service.netmask6;
  return json::value(IpAddress(Ipv4Address::FromHost(service.netmask)).ToString());
}

json::value Persistence(const Command& command) {
  const ServiceOptions& service = command.service_options;
  if (!service.persistence_seconds) return nullptr;
  return json::object{{"timeout", Seconds(*service.persistence_seconds)},
                      {NetmaskKey(command), Netmask(command)}};
}

// Without persistence a netmask is for a scheduler that hashes clients under it; IPVS keeps one
// that nothing uses, and so it is no mistake.
json::value HashNetmask(const Command& command) {
  const ServiceOptions& service = command.service_options;
  const bool is_used =
      !service.persistence_seconds && !Flags(service).is_null() && service.has_netmask_flag;
  return is_used ? Netmask(command) : json::value(nullptr);
}

// What -A and -E say of a service; null stands for the default.
json::object ServiceBody(const Command& command) {
  const ServiceOptions& service = command.service_options;
  json::object body{
      {"scheduler", service.scheduler},      {"scheduler_flags", Flags(service)},
      {"persistence", Persistence(command)}, {NetmaskKey(command), HashNetmask(command)},
      {"one_packet", service.is_one_packet}, {"engine", nullptr}};
  if (!service.engine.empty()) body["engine"] = service.engine;
  return body;
}

json::object NewServiceBody(const Command& command) {
  const ServiceKey& key = *command.service;
  return control::NewServiceBody({.mark = key.mark,
                                  .family = key.family,
                                  .protocol = key.mark != 0 ? "" : NamesOf(key.protocol).word,
                                  .address = key.address,
                                  .port = key.port},
                                 ServiceBody(command));
}

json::object ServerBody(const ServerOptions& server) {
  return {{"weight", server.weight},
          {"forward", control::ForwardBody(server.method, server.tunnel)},
          {"upper_threshold", server.upper_threshold},
          {"lower_threshold", server.lower_threshold}};
}

json::object NewServerBody(const Command& command) {
  const Endpoint& real = command.real;
  json::object body = ServerBody(command.server_options);
  body["address"] = real.address.ToString();
  body["port"] = real.port.host();
  return body;
}

json::object TimeoutsBody(const Command& command) {
  json::object body;
  if (command.tcp_seconds != 0) body["tcp"] = Seconds(command.tcp_seconds);
  if (command.tcp_fin_seconds != 0) body["tcp_fin"] = Seconds(command.tcp_fin_seconds);
  if (command.udp_seconds != 0) body["udp"] = Seconds(command.udp_seconds);
  return body;
}

// Shorter datagrams hold one entry each all the same.
constexpr uint32_t kLeastMaxlen = 44;

json::object DaemonBody(const DaemonOptions& daemon) {
  json::object body{{"interface", daemon.interface}, {"syncid", daemon.syncid}};
  if (daemon.maxlen != 0) body["maxlen"] = std::max(daemon.maxlen, kLeastMaxlen);
  if (daemon.group) body["group"] = daemon.group->ToString();
  if (daemon.port != 0) body["udp_port"] = daemon.port;
  if (daemon.ttl != 0) body["ttl"] = daemon.ttl;
  return body;
}

}  // namespace

std::string NameOf(const ServiceKey& key) {
  if (key.mark != 0) {
    return "mark-" + std::to_string(key.mark) + (key.family == Family::kIpv4 ? "-v4" : "-v6");
  }
  return std::string(NamesOf(key.protocol).word) + "-" + key.address.ToString() + "-" +
         std::to_string(key.port);
}

Request RequestOf(const Command& service, const std::vector<Command>& servers) {
  json::object body = NewServiceBody(service);
  json::array reals;
  for (const Command& server : servers) reals.push_back(NewServerBody(server));
  body["reals"] = std::move(reals);
  return {"POST", "/v1/services", json::serialize(body)};
}

Request RequestOf(const Command& command) {
  const std::string service =
      command.service ? "/v1/services/" + Encode(NameOf(*command.service)) : "/v1/services";
  const std::string reals = service + "/reals";
  const std::string half =
      std::string("/v1/sync/ipvs/") + (command.daemon.is_master ? "master" : "backup");
  const auto real = [&] { return reals + "/" + Encode(command.real.ToString()); };
  switch (command.verb) {
    case Verb::kAddService:
      return {"POST", "/v1/services", json::serialize(NewServiceBody(command))};
    case Verb::kEditService:
      return {"PATCH", service, json::serialize(ServiceBody(command))};
    case Verb::kDeleteService:
      return {"DELETE", service, ""};
    case Verb::kClear:
      return {"DELETE", "/v1/services", ""};
    case Verb::kAddServer:
      return {"POST", reals, json::serialize(NewServerBody(command))};
    case Verb::kEditServer:
      return {"PATCH", real(), json::serialize(ServerBody(command.server_options))};
    case Verb::kDeleteServer:
      return {"DELETE", real(), ""};
    case Verb::kSetTimeouts:
      return {"PATCH", "/v1/timeouts", json::serialize(TimeoutsBody(command))};
    case Verb::kStartDaemon:
      return {"PUT", half, json::serialize(DaemonBody(command.daemon))};
    case Verb::kStopDaemon:
      return {"DELETE", half, ""};
    default:
      break;
  }
  json::object which;
  if (command.service) which["service"] = NameOf(*command.service);
  return {"POST", "/v1/zero", json::serialize(which)};
}

}  // namespace fairlead::cli::ipvsadm
