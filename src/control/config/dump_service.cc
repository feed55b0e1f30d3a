#include <bit>

#include "control/config/units.h"
#include "control/config/yaml_writer.h"

namespace fairlead::control {
namespace {

std::string NetmaskText(uint32_t mask) {
  const int length = std::countl_one(mask);
  const bool is_prefix = length == 32 || mask << length == 0;
  return is_prefix ? std::to_string(length) : IpAddress(Ipv4Address::FromHost(mask)).ToString();
}

std::string RenewText(const PersistenceConfig& p) {
  return p.renew == Renew::kStep ? "step=" + FormatDuration(p.step) : Word(p.renew);
}

void DumpPersistence(Writer& w, const PersistenceConfig& p) {
  w.Open("persistence", false);
  w.Key("timeout", p.timeout == kInfinite ? "infinite" : FormatDuration(p.timeout));
  w.Key("netmask", NetmaskText(p.mask4));
  w.Key("netmask6", std::to_string(p.prefix_length6));
  w.Key("renew", RenewText(p));
  if (p.max_lifetime != 0ms) w.Key("max_lifetime", FormatDuration(p.max_lifetime));
  if (p.rekey != 0ms) w.Key("rekey", FormatDuration(p.rekey));
  if (!p.netmasks.empty()) {
    DumpList(w, "netmasks", p.netmasks, [](Writer& out, const NetmaskRule& rule) {
      out.Key("source", MatchText(rule.source));
      out.Key("netmask", NetmaskText(rule.mask4));
      out.Key("netmask6", std::to_string(rule.prefix_length6));
    });
  }
  if (!p.client_groups.empty()) w.Key("client_groups", FlowList(p.client_groups, Scalar));
  if (!p.group.empty()) w.Key("group", Scalar(p.group));
  w.Key("spread", std::to_string(p.spread));
  w.Close();
}

void DumpHealth(Writer& w, const HealthConfig& h) {
  w.Open("health", false);
  w.Key("type", Word(h.type));
  if (h.type == HealthType::kHttp) {
    w.Key("path", Scalar(h.path));
    if (!h.host.empty()) w.Key("host", Scalar(h.host));
    w.Key("expect", FlowList(h.expect, RangeText<StatusRange>));
  }
  if (h.port) w.Key("port", std::to_string(*h.port));
  w.Key("interval", FormatDuration(h.interval));
  w.Key("timeout", FormatDuration(h.timeout));
  w.Key("fall", std::to_string(h.fall));
  w.Key("rise", std::to_string(h.rise));
  w.Key("on_fail", Word(h.on_fail));
  w.Close();
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

void DumpReal(Writer& w, const RealConfig& r) {
  w.Key("address", Scalar(r.address.ToString()));
  if (r.port != 0) w.Key("port", std::to_string(r.port));
  w.Key("weight", std::to_string(r.weight));
  w.Key("upper_threshold", std::to_string(r.upper_threshold));
  w.Key("lower_threshold", std::to_string(r.lower_threshold));
  w.Key("forward", Word(r.forward));
  w.Key("state", Word(r.state));
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
  if (s.persistence) DumpPersistence(w, *s.persistence);
  if (s.engine != Engine::kNone) w.Key("engine", Word(s.engine));
  w.Key("one_packet", Bool(s.one_packet));
  w.Key("forward", Word(s.forward));
  w.Key("timeouts", TimeoutsText(s.timeouts));
  w.Open("policy", false);
  DumpServicePolicy(w, s.policy);
  w.Close();
  w.Key("announce", Word(s.announce));
  if (s.on_remove) w.Key("on_remove", Word(*s.on_remove));
  if (s.health) DumpHealth(w, *s.health);
  if (s.fallback) {
    w.Open("fallback", false);
    w.Key("address", Scalar(s.fallback->address.ToString()));
    if (s.fallback->port != 0) w.Key("port", std::to_string(s.fallback->port));
    w.Key("forward", Word(s.fallback->forward));
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
