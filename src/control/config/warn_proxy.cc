// Headers of the PROXY protocol that will hardly do what was meant (docs/client_address.md).
#include <algorithm>
#include <set>
#include <string>

#include "control/config/machine_warnings.h"
#include "control/config/names.h"
#include "control/config/reach.h"
#include "control/config/validate_util.h"

namespace fairlead::control {
namespace {

// What an IPv6 client may always send (RFC 8200 section 5), with the header of version 2.
constexpr uint16_t kMtuForHeader6 = 1280 + 52;

bool HasHeader(const Forwarding& forward) {
  return HasLocalAddresses(forward.method) && (forward.client_address == ClientAddress::kProxyV1 ||
                                               forward.client_address == ClientAddress::kProxyV2);
}

// The transport by which a check waits for words of the program that clients reach; none: it is
// content with less, or asks elsewhere. An agent has a port of its own.
Protocol AnswerBy(const HealthConfig& check) {
  switch (check.type) {
    case HealthType::kTcp: {
      const bool expects = check.receive || !check.steps.empty() || check.uses_tls();
      return expects ? Protocol::kTcp : Protocol::kAny;
    }
    case HealthType::kUdp:
      return check.receive || check.needs_answer ? Protocol::kUdp : Protocol::kAny;
    case HealthType::kDns:
      return Protocol::kUdp;
    case HealthType::kScript:
    case HealthType::kPing:
    case HealthType::kAgent:
      return Protocol::kAny;
    case HealthType::kHttp:
    case HealthType::kHttps:
    case HealthType::kSmtp:
    case HealthType::kMysql:
    case HealthType::kLdap:
    case HealthType::kRedis:
    case HealthType::kGrpc:
      break;
  }
  return Protocol::kTcp;
}

// Whether the check goes where clients go, and they alone have the header.
bool LacksHeader(const ServiceConfig& service, const RealConfig& real, const HealthConfig& check) {
  const Protocol by = AnswerBy(check);
  if (!HasHeader(real.forward) || by == Protocol::kAny) return false;
  if (!service.is_mark() && service.protocol != by) return false;
  if (!CanTell(real.forward.client_address, static_cast<Transport>(by))) return false;
  return real.port != 0 && check.PortFor(real.port) == real.port &&
         check.address.value_or(real.address) == real.address;
}

// Says it once of each check that is written.
void WarnOfChecks(const ServiceConfig& service, size_t place, const AddWarning& add) {
  const std::string path = ItemPath("services", place);
  const auto look = [&](const std::vector<HealthConfig>& checks, const RealConfig& real, size_t i,
                        const std::string& at) {
    if (!LacksHeader(service, real, checks[i])) return false;
    add(checks.size() == 1 ? at : ItemPath(at, i),
        "asks the port that clients reach with " + Quote(ToWord(real.forward.client_address)) +
            ", and a check has no such header: where the server insists on it, the check fails and "
            "all real servers are down. Give the check another port of the server");
    return true;
  };
  for (size_t i = 0; i < service.health.size(); ++i) {
    // The first real server that has it stands for all.
    for (const RealConfig& real : service.reals) {
      if (!real.health && look(service.health, real, i, path + ".health")) break;
    }
  }
  for (size_t r = 0; r < service.reals.size(); ++r) {
    const RealConfig& real = service.reals[r];
    for (size_t i = 0; real.health && i < real.health->size(); ++i) {
      look(*real.health, real, i, ItemPath(path + ".reals", r) + ".health");
    }
  }
}

// Whether the header stands before each datagram of an IPv6 client.
bool HasHeader6(const ServiceConfig& service, const RealConfig& real) {
  return service.family == Family::kIpv6 && !real.address.is_v4() &&
         service.protocol != Protocol::kTcp && HasLocalAddresses(real.forward.method) &&
         real.forward.client_address == ClientAddress::kProxyV2;
}

}  // namespace

void WarnOfProxyHeaders(const ConfigModel& model, const Reach& reach, const AddWarning& add) {
  std::set<size_t> narrow;  // ports that are said of
  for (size_t i = 0; i < model.services.size(); ++i) {
    const ServiceConfig& service = model.services[i];
    WarnOfChecks(service, i, add);
    for (const RealConfig& real : service.reals) {
      if (!HasHeader6(service, real)) continue;
      const auto port = reach.PortFor(real.address);
      if (!port || model.ports[*port].mtu >= kMtuForHeader6) continue;
      if (!narrow.insert(*port).second) continue;
      add(ItemPath("ports", *port) + ".mtu",
          "leaves no room for the PROXY header of service " + Quote(service.name) +
              ": datagrams of 1280 bytes, which an IPv6 client may always send, are cut in two. "
              "Give the port an mtu of " +
              std::to_string(kMtuForHeader6) + " or more");
    }
  }
}

}  // namespace fairlead::control
