#include <bit>

#include "control/config/keys.h"
#include "control/config/units.h"
#include "control/config/yaml_writer.h"

namespace fairlead::control {
namespace {

std::string NetmaskText(uint32_t mask) {
  const int length = std::countl_one(mask);
  const bool is_prefix = length == 32 || mask << length == 0;
  return is_prefix ? std::to_string(length) : IpAddress(Ipv4Address::FromHost(mask)).ToString();
}

void DumpServiceKey(Writer& w, const ServiceConfig& s) {
  w.Key("name", Scalar(s.name));
  if (s.is_mark()) {
    w.Key("mark", std::to_string(s.mark));
    w.Key("family", Word(s.family));
    return;
  }
  w.Key("address", Scalar(s.address.ToString()));
  w.Key("protocol", Word(s.protocol));
  w.Key("port", std::to_string(s.port));
  if (s.allow_any_port) w.Key("allow_any_port", "true");
}

}  // namespace

std::string PersistenceTimeoutText(const PersistenceConfig& persistence) {
  return persistence.timeout == kInfinite ? "infinite" : FormatDuration(persistence.timeout);
}

std::string PersistenceMaskText(const PersistenceConfig& persistence) {
  return NetmaskText(persistence.mask4);
}

std::string RenewText(const PersistenceConfig& persistence) {
  return persistence.renew == Renew::kStep ? "step=" + FormatDuration(persistence.step)
                                           : Word(persistence.renew);
}

void DumpNetmaskRules(Writer& w, const PersistenceConfig& persistence) {
  if (persistence.netmasks.empty()) return;
  DumpList(w, "netmasks", persistence.netmasks, [](Writer& out, const NetmaskRule& rule) {
    out.Key("source", MatchText(rule.source));
    out.Key("netmask", NetmaskText(rule.mask4));
    out.Key("netmask6", std::to_string(rule.prefix_length6));
  });
}

std::string ClientGroupNamesText(const PersistenceConfig& persistence) {
  return persistence.client_groups.empty() ? "" : FlowList(persistence.client_groups, Scalar);
}

std::string PersistenceGroupText(const PersistenceConfig& persistence) {
  return persistence.group.empty() ? "" : Scalar(persistence.group);
}

void DumpCommand(Writer& w, std::string_view key, const CommandLine& command) {
  if (!command.empty()) w.Key(key, FlowList(command, Scalar));
}

std::string ForwardText(const Forwarding& forward) {
  if (!forward.local_addresses.empty()) {
    return "{ method: " + Word(forward.method) +
           ", local_addresses: " + MatchText(forward.local_addresses.match()) +
           ", client_address: " + Word(forward.client_address) + " }";
  }
  const Tunnel& tunnel = forward.tunnel;
  switch (tunnel.type) {
    case TunnelType::kIpip:
      break;
    case TunnelType::kGue:
      return "{ method: tun, type: gue, port: " + std::to_string(tunnel.port) +
             ", checksum: " + Word(tunnel.checksum) + " }";
    case TunnelType::kGre:
      return "{ method: tun, type: gre, checksum: " +
             Bool(tunnel.checksum != TunnelChecksum::kNone) + " }";
  }
  return Word(forward.method);
}

void DumpReal(Writer& w, const RealConfig& r) {
  w.Key("address", Scalar(r.address.ToString()));
  if (r.port != 0) w.Key("port", std::to_string(r.port));
  w.Key("weight", std::to_string(r.weight));
  w.Key("upper_threshold", std::to_string(r.upper_threshold));
  w.Key("lower_threshold", std::to_string(r.lower_threshold));
  w.Key("forward", ForwardText(r.forward));
  w.Key("state", Word(r.state));
  if (r.health && r.health->empty()) {
    w.Key("health", "none");
  } else if (r.health) {
    DumpHealth(w, *r.health);
  }
  DumpCommand(w, "on_up", r.on_up);
  DumpCommand(w, "on_down", r.on_down);
}

void DumpService(Writer& w, const ServiceConfig& s) {
  DumpServiceKey(w, s);
  w.Key("scheduler", Word(s.scheduler));
  std::vector<std::string> flags;
  if (s.scheduler_flags.port) flags.push_back(Word(s.scheduler) + "-port");
  if (s.scheduler_flags.fallback) flags.push_back(Word(s.scheduler) + "-fallback");
  if (s.scheduler_flags.netmask) flags.push_back(Word(s.scheduler) + "-netmask");
  if (!flags.empty()) w.Key("scheduler_flags", FlowList(flags, Scalar));
  if (s.mask4 != 0xffffffff) w.Key("netmask", NetmaskText(s.mask4));
  if (s.prefix_length6 != 128) w.Key("netmask6", std::to_string(s.prefix_length6));
  if (s.persistence) DumpSection(w, "persistence", kPersistenceKeys, *s.persistence);
  if (s.engine != Engine::kNone) w.Key("engine", Word(s.engine));
  w.Key("one_packet", Bool(s.one_packet));
  w.Key("forward", ForwardText(s.forward));
  w.Key("timeouts", TimeoutsText(s.timeouts));
  DumpSection(w, "policy", kServicePolicyKeys, s.policy);
  w.Key("announce", Word(s.announce));
  if (s.on_remove) w.Key("on_remove", Word(*s.on_remove));
  if (!s.health.empty()) DumpHealth(w, s.health);
  if (s.quorum != 1) w.Key("quorum", std::to_string(s.quorum));
  if (s.hysteresis != 0) w.Key("hysteresis", std::to_string(s.hysteresis));
  DumpCommand(w, "on_up", s.on_up);
  DumpCommand(w, "on_down", s.on_down);
  if (s.fallback) {
    w.Open("fallback", false);
    w.Key("address", Scalar(s.fallback->address.ToString()));
    if (s.fallback->port != 0) w.Key("port", std::to_string(s.fallback->port));
    w.Key("forward", ForwardText(s.fallback->forward));
    w.Close();
  }
  if (!w.Open("reals", s.reals.empty())) return;
  for (const RealConfig& real : s.reals) {
    w.BeginItem();
    DumpReal(w, real);
    w.EndItem();
  }
  w.Close();
}

}  // namespace fairlead::control
