#include "control/api/ipvs/edits.h"

#include <linux/ip_vs.h>
#include <net/if.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <optional>

#include "base/forward_method.h"
#include "base/loopback.h"
#include "base/transport.h"
#include "control/config/forward_body.h"
#include "control/config/model.h"
#include "control/config/names.h"
#include "control/config/new_service.h"
#include "control/view.h"

namespace fairlead::ipvs {

namespace json = boost::json;

namespace {

constexpr int32_t kMostWeight = 65535;

std::string Seconds(uint32_t seconds) { return std::to_string(seconds) + "s"; }

std::optional<ForwardMethod> MethodOf(const DestRequest& request) {
  for (const ForwardMethod method : kForwardMethods) {
    if (TraitsOf(method).sync_number == request.method) return method;
  }
  return std::nullopt;
}

const char* NetmaskKey(const ServiceRequest& request) {
  return request.key.family == Family::kIpv6 ? "netmask6" : "netmask";
}

json::value Netmask(const ServiceRequest& request) {
  if (request.key.family == Family::kIpv6) return request.netmask;
  return json::value(IpAddress(Ipv4Address::FromHost(request.netmask)).ToString());
}

// Only sh and mh look at flags; elsewhere they say nothing.
json::value SchedulerFlags(const ServiceRequest& request) {
  json::array flags;
  if (request.scheduler == "sh" || request.scheduler == "mh") {
    if ((request.flags & IP_VS_SVC_F_SCHED_SH_FALLBACK) != 0) {
      flags.emplace_back(request.scheduler + "-fallback");
    }
    if ((request.flags & IP_VS_SVC_F_SCHED_SH_PORT) != 0) {
      flags.emplace_back(request.scheduler + "-port");
    }
  }
  return flags.empty() ? json::value(nullptr) : json::value(std::move(flags));
}

// What NEW and SET say of a service; null stands for the default.
json::object ServiceBody(const ServiceRequest& request) {
  json::value persistence = nullptr;
  if ((request.flags & IP_VS_SVC_F_PERSISTENT) != 0) {
    persistence = json::object{{"timeout", Seconds(request.timeout_seconds)},
                               {NetmaskKey(request), Netmask(request)}};
  }
  json::object body{{"scheduler", request.scheduler},
                    {"scheduler_flags", SchedulerFlags(request)},
                    {"persistence", std::move(persistence)},
                    {NetmaskKey(request), nullptr},
                    {"one_packet", (request.flags & IP_VS_SVC_F_ONEPACKET) != 0},
                    {"engine", nullptr}};
  if (!request.engine.empty()) body["engine"] = request.engine;
  return body;
}

// Linux sends a checksum with either flag of GRE; no flag of IP in IP says anything.
std::optional<Tunnel> TunnelOf(const DestRequest& request) {
  constexpr uint16_t kChecksums = IP_VS_TUNNEL_ENCAP_FLAG_CSUM | IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM;
  const uint16_t flags = request.tunnel_flags & kChecksums;
  switch (request.tunnel_type) {
    case IP_VS_CONN_F_TUNNEL_TYPE_IPIP:
      return Tunnel{};
    case IP_VS_CONN_F_TUNNEL_TYPE_GUE:
      return Tunnel{.type = TunnelType::kGue,
                    .checksum = (flags & IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM) != 0
                                    ? TunnelChecksum::kRemote
                                : flags != 0 ? TunnelChecksum::kFull
                                             : TunnelChecksum::kNone,
                    .port = request.tunnel_port};
    case IP_VS_CONN_F_TUNNEL_TYPE_GRE:
      return Tunnel{.type = TunnelType::kGre,
                    .checksum = flags != 0 ? TunnelChecksum::kFull : TunnelChecksum::kNone};
    default:
      return std::nullopt;
  }
}

json::object DestBody(const DestRequest& request) {
  return {{"weight", request.weight},
          {"forward", control::ForwardBody(*MethodOf(request), *TunnelOf(request))},  // CheckDest
          {"upper_threshold", request.upper_threshold},
          {"lower_threshold", request.lower_threshold}};
}

// IPVS has no word for FULLNAT: a program that has read of masquerading and changes a weight sends
// that back.
bool MeansAsItIs(const control::RealInfo& real, const DestRequest& request) {
  const auto method = ForwardMethodOf(real.forward);
  return method && TraitsOf(*method).translates_client &&
         TraitsOf(*method).sync_number == request.method;
}

control::SyncRole HalfOf(const DaemonRequest& request) {
  return request.is_master ? control::SyncRole::kMaster : control::SyncRole::kBackup;
}

}  // namespace

Fault CheckService(const ServiceRequest& request) {
  const ServiceKey& key = request.key;
  if (key.mark == 0 && (key.protocol > 255 || !IsTransport(static_cast<uint8_t>(key.protocol)))) {
    return {EPROTONOSUPPORT, "The director does not balance " + key.ToString()};
  }
  if (!control::FromWord<control::SchedulerKind>(request.scheduler)) {
    return {ENOENT, "There is no scheduler \"" + request.scheduler + "\"; there are " +
                        control::WordList<control::SchedulerKind>()};
  }
  if (!request.engine.empty() && !control::FromWord<control::Engine>(request.engine)) {
    return {ENOENT, "There is no persistence engine \"" + request.engine + "\"; there is sip"};
  }
  if (key.family == Family::kIpv6 && (request.netmask < 1 || request.netmask > 128)) {
    return {EINVAL,
            "The netmask of an IPv6 service is the length of a prefix, from 1 to 128, and "
            "not " +
                std::to_string(request.netmask)};
  }
  return {};
}

Fault CheckDest(const DestRequest& request) {
  if (request.weight < 0 || request.weight > kMostWeight) {
    return {ERANGE, "A weight is from 0 to 65535, and not " + std::to_string(request.weight)};
  }
  if (request.lower_threshold > request.upper_threshold) {
    return {ERANGE, "The lower threshold must not be above the upper one"};
  }
  const auto method = MethodOf(request);
  if (!method) {
    return {EINVAL,
            "A real server is reached by NAT (0), a tunnel (2) or a route (3), and not by " +
                std::to_string(request.method)};
  }
  const auto tunnel = TunnelOf(request);
  if (!tunnel) {
    return {EINVAL, "A tunnel is ipip (0), gue (1) or gre (2), and not " +
                        std::to_string(request.tunnel_type)};
  }
  if (IsTunnel(*method) && tunnel->type == TunnelType::kGue && tunnel->port == 0) {
    return {EINVAL, "A tunnel of type gue needs a port"};
  }
  if (IsLoopback(request.address)) {
    return {EINVAL, request.address.ToString() +
                        " is the director itself, which cannot be a real server; name the address "
                        "of another machine"};
  }
  return {};
}

uint16_t PortOf(const control::ServiceInfo& service, const DestRequest& request) {
  const auto method = MethodOf(request);
  if (service.mark != 0 || !method) return request.port;
  const uint16_t own = service.port.host();
  if (!TraitsOf(*method).may_change_port) return own;
  return request.port != 0 ? request.port : own;
}

int NumberOf(ErrorCode code, int not_found) {
  switch (code) {
    case ErrorCode::kInvalid:
      return EINVAL;
    case ErrorCode::kNotFound:
      return not_found;
    case ErrorCode::kExists:
      return EEXIST;
    case ErrorCode::kUnavailable:
      return EAGAIN;
    case ErrorCode::kSystem:
      return EIO;
  }
  return EINVAL;
}

Fault FaultOf(const control::EditOutcome& outcome, int not_found) {
  if (!outcome.refusal) return {};
  std::string why;
  for (const Error& error : outcome.refusal->errors) {
    why += (why.empty() ? "" : "; ") + error.ToString();
  }
  return {NumberOf(outcome.refusal->code, not_found), why};
}

control::Edit EditOfNewService(const ServiceRequest& request) {
  const ServiceKey& key = request.key;
  const json::object body = control::NewServiceBody(
      {.mark = key.mark,
       .family = key.family,
       .protocol = key.mark != 0 ? "" : TraitsOf(static_cast<Transport>(key.protocol)).word,
       .address = key.address,
       .port = key.port},
      ServiceBody(request));
  return control::AddService{json::serialize(body)};
}

control::Edit EditOfService(const std::string& name, const ServiceRequest& request) {
  return control::PatchService{name, json::serialize(ServiceBody(request))};
}

control::Edit EditOfNewDest(const control::ServiceInfo& service, const DestRequest& request) {
  json::object body = DestBody(request);
  body["address"] = request.address.ToString();
  body["port"] = PortOf(service, request);
  return control::AddReal{service.name, json::serialize(body)};
}

control::Edit EditOfDest(const std::string& service, const control::RealInfo& real,
                         const DestRequest& request) {
  json::object body = DestBody(request);
  if (MeansAsItIs(real, request)) body.erase("forward");
  return control::PatchReal{service, real.name, json::serialize(body)};
}

control::Edit EditOfTimeouts(const TimeoutsRequest& request) {
  json::object body;
  if (request.tcp_seconds != 0) body["tcp"] = Seconds(request.tcp_seconds);
  if (request.tcp_fin_seconds != 0) body["tcp_fin"] = Seconds(request.tcp_fin_seconds);
  if (request.udp_seconds != 0) body["udp"] = Seconds(request.udp_seconds);
  return control::PatchTimeouts{json::serialize(body)};
}

Fault CheckDaemon(const DaemonRequest& request) {
  if (::if_nametoindex(request.interface.c_str()) != 0) return {};
  return {ENODEV, "This machine has no network interface \"" + request.interface + "\""};
}

control::Edit EditOfNewDaemon(const DaemonRequest& request) {
  json::object body{{"interface", request.interface}, {"syncid", request.syncid}};
  if (request.maxlen != 0) body["maxlen"] = std::max(request.maxlen, control::kLeastSyncMaxlen);
  if (request.group) body["group"] = request.group->ToString();
  if (request.port != 0) body["udp_port"] = request.port;
  if (request.ttl != 0) body["ttl"] = request.ttl;
  return control::StartIpvsSync{HalfOf(request), json::serialize(body)};
}

control::Edit EditOfNoDaemon(const DaemonRequest& request) {
  return control::StopIpvsSync{HalfOf(request)};
}

}  // namespace fairlead::ipvs
