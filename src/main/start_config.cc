#include "main/start_config.h"

#include <cstring>
#include <map>
#include <string>

#include "base/secret.h"
#include "control/config/dump.h"
#include "dataplane/dpdk/edge.h"

namespace fairlead {
namespace {

edge::Hugepages HugepagesOf(control::AutoOnOff wanted) {
  switch (wanted) {
    case control::AutoOnOff::kOn:
      return edge::Hugepages::kOn;
    case control::AutoOnOff::kOff:
      return edge::Hugepages::kOff;
    case control::AutoOnOff::kAuto:
      break;
  }
  return edge::Hugepages::kAuto;
}

// The tables' memory follows the same wish. Off leaves them on whatever the kernel gives.
dataplane::HugePages TablePagesOf(control::AutoOnOff wanted) {
  switch (wanted) {
    case control::AutoOnOff::kOn:
      return dataplane::HugePages::kReserved;
    case control::AutoOnOff::kOff:
      return dataplane::HugePages::kOff;
    case control::AutoOnOff::kAuto:
      break;
  }
  return dataplane::HugePages::kAuto;
}

// Routes whose gateway is a neighbour of this port: its kernel twin needs them too.
std::vector<edge::HostRoute> HostRoutesOf(const control::ConfigModel& model,
                                          const control::PortConfig& port) {
  std::vector<edge::HostRoute> routes;
  std::map<std::string, uint32_t> ways;  // so far, by network
  for (const control::RouteConfig& route : model.routes) {
    const uint32_t preference = ways[route.to.ToString()]++;
    for (const Prefix& prefix : port.addresses) {
      if (!prefix.Contains(route.via)) continue;
      routes.push_back({route.to, route.via, preference});
      break;
    }
  }
  return routes;
}

uint64_t RandomSecret() {
  uint8_t bytes[sizeof(uint64_t)];
  DrawSecret(bytes);
  uint64_t secret;
  std::memcpy(&secret, bytes, sizeof secret);
  return secret;
}

edge::Ingress IngressOf(control::KernelIngress wanted) {
  switch (wanted) {
    case control::KernelIngress::kClosed:
      return edge::Ingress::kClosed;
    case control::KernelIngress::kOpen:
      return edge::Ingress::kOpen;
    case control::KernelIngress::kAuto:
      break;
  }
  return edge::Ingress::kAuto;
}

edge::ClientSide ClientSideOf(control::PortRole role) {
  switch (role) {
    case control::PortRole::kOutside:
      return edge::ClientSide::kSource;
    case control::PortRole::kInside:
      return edge::ClientSide::kDestination;
    case control::PortRole::kBoth:
      break;
  }
  return edge::ClientSide::kBoth;
}

// In DPDK; the same for all ports that share it.
std::string NameOfBond(const control::ConfigModel& model, const control::PortConfig& port) {
  size_t first = 0;
  while (model.ports[first].device != port.device) ++first;
  return "net_bonding" + std::to_string(first);
}

std::optional<edge::BondSpec> BondOf(const control::PortConfig& port) {
  if (!port.bond) return std::nullopt;
  edge::BondSpec bond;
  switch (port.bond->mode) {
    case control::BondMode::kActiveBackup:
      bond.mode = edge::BondMode::kActiveBackup;
      break;
    case control::BondMode::kBalanceXor:
      bond.mode = edge::BondMode::kBalanceXor;
      break;
    case control::BondMode::k8023ad:
      bond.mode = edge::BondMode::k8023ad;
      break;
  }
  bond.members = port.bond->members;
  bond.primary = port.bond->primary;
  bond.asks_fast = port.bond->rate == control::LacpRate::kFast;
  return bond;
}

}  // namespace

edge::EdgeConfig EdgeConfigOf(const control::ConfigModel& model) {
  const control::DirectorConfig& director = model.director;
  edge::EdgeConfig config;
  config.name = director.name;
  switch (director.workers.kind) {
    case control::WorkersConfig::Kind::kAuto:
      config.workers = edge::DefaultWorkers();
      break;
    case control::WorkersConfig::Kind::kCount:
      config.workers = director.workers.count;
      break;
    case control::WorkersConfig::Kind::kCores:
      config.workers = director.workers.cores.size();
      config.cores = director.workers.cores;
      break;
  }
  config.hugepages = HugepagesOf(director.hugepages);
  config.sleeps_when_idle = director.idle == control::IdlePolicy::kSleep;
  config.telemetry = director.telemetry;
  config.eal = director.eal;
  for (const control::PortConfig& port : model.ports) {
    config.ports.push_back({.name = port.name,
                            .device = port.bond ? NameOfBond(model, port) : port.device,
                            .vlan = port.vlan.value_or(0),
                            .mtu_bytes = port.mtu,
                            .has_host = port.exception == control::ExceptionPath::kTap,
                            .kernel_ingress = IngressOf(port.kernel_ingress),
                            .offloads = port.offloads,
                            .queues = port.queues.value_or(0),
                            .clients = ClientSideOf(port.role),
                            .descriptors = port.descriptors.value_or(0),
                            .addresses = port.addresses,
                            .routes = HostRoutesOf(model, port),
                            .bond = BondOf(port)});
  }
  return config;
}

dataplane::FabricConfig FabricConfigOf(const control::ConfigModel& model, size_t workers) {
  dataplane::FabricConfig config;
  config.workers = workers;
  config.ports = model.ports.size();
  config.connections = model.director.connections;
  config.connections6 = model.director.connections6;
  config.templates = model.director.templates;
  config.side_records = model.director.side_records;
  config.snat_flows = model.director.snat_flows;
  config.fragments = model.director.fragments;
  config.table_pages = TablePagesOf(model.director.hugepages);
  config.hash_secret[0] = RandomSecret();
  config.hash_secret[1] = RandomSecret();
  DrawSecret(config.steering_key);
  return config;
}

std::vector<api::ListenSpec> ApiListenersOf(const control::ConfigModel& model) {
  std::vector<api::ListenSpec> listeners;
  for (const control::ApiListen& listen : model.api.listen) {
    api::ListenSpec spec(control::AddressText(listen));
    spec.role = listen.role == control::ApiRole::kAdmin ? api::Role::kAdmin : api::Role::kRead;
    spec.group = listen.group;
    spec.mode = listen.mode;
    spec.certificate = listen.certificate;
    spec.key = listen.key;
    spec.client_ca = listen.client_ca;
    spec.crl = listen.crl;
    spec.tokens = listen.tokens;
    listeners.push_back(std::move(spec));
  }
  return listeners;
}

}  // namespace fairlead
