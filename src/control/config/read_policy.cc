#include "control/config/keys.h"
#include "control/config/section_readers.h"

namespace fairlead::control {
namespace {

// Methods of IPVS (ipvs.md, methods) that are still to come.
constexpr std::string_view kPlannedForwards[] = {"localnode", "bypass"};

// What GRE has: a checksum, or none.
Result<TunnelChecksum> ReadGreChecksum(const YamlNode& node) {
  const Result<bool> has = ReadBool(node);
  if (!has) return WrongValue(node, "true or false with \"type: gre\"");
  return *has ? TunnelChecksum::kFull : TunnelChecksum::kNone;
}

void ReadTunnelChecksum(MapReader& reader, Tunnel& tunnel) {
  switch (tunnel.type) {
    case TunnelType::kIpip:
      if (reader.Has("checksum")) {
        reader.problems().Add(reader.PathOf("checksum"),
                              "IP in IP has no checksum of its own; leave it out, or use "
                              "\"type: gue\" or \"gre\"");
      }
      return;
    case TunnelType::kGue:
      reader.Word("checksum", &tunnel.checksum);
      return;
    case TunnelType::kGre:
      reader.Read("checksum", &tunnel.checksum, ReadGreChecksum);
      return;
  }
}

// The keys beside `method: tun`.
void ReadTunnel(MapReader& reader, Tunnel& tunnel) {
  if (reader.Has("type") && !reader.Word("type", &tunnel.type)) return;
  if (tunnel.type == TunnelType::kGue) {
    reader.Require("port", "where the real server takes GUE, usually 6080");
    reader.Number("port", &tunnel.port, 1, 65535);
  } else if (reader.Has("port")) {
    reader.problems().Add(reader.PathOf("port"), "only \"type: gue\" has a port");
  }
  ReadTunnelChecksum(reader, tunnel);
}

// There is no key yet for the addresses that it translates clients to.
void RefuseFullnat(MapReader& reader, std::string_view key, ForwardMethod method) {
  if (method != ForwardMethod::kFullnat) return;
  reader.problems().Add(reader.PathOf(key),
                        "\"fullnat\" is not supported by this version; use nat, dr or tun");
}

}  // namespace

Result<DefenceMode> ReadDefenceMode(const YamlNode& node) {
  if (const auto number = ReadNumber(node, 0, 3)) {
    return *number == 2 ? DefenceMode::kAuto : static_cast<DefenceMode>(*number);
  }
  if (node.is_scalar()) {
    if (const auto mode = FromWord<DefenceMode>(node.text)) return *mode;
  }
  return WrongValue(node, "0 or off, 1 or auto, 3 or always");
}

void ReadSchedulerName(MapReader& reader, SchedulerKind& scheduler) {
  reader.Word("scheduler", &scheduler);
}

void ReadForward(MapReader& reader, Forwarding& forward) {
  const YamlNode* const node = reader.Find("forward");
  if (node == nullptr) return;
  ForwardMethod method{};
  if (!node->is_map()) {
    if (reader.Word("forward", &method, kPlannedForwards)) forward = method;
    RefuseFullnat(reader, "forward", method);
    return;
  }
  MapReader inner(reader.problems(), *node, reader.PathOf("forward"), kForwardSection);
  if (!inner.Require("method") || !inner.Word("method", &method, kPlannedForwards)) return;
  forward = method;
  RefuseFullnat(inner, "method", method);
  if (IsTunnel(method)) return ReadTunnel(inner, forward.tunnel);
  for (const std::string_view key : {"type", "port", "checksum"}) {
    if (!inner.Has(key)) continue;
    inner.problems().Add(inner.PathOf(key), "only \"method: tun\" has a " + std::string(key));
  }
}

void ReadTimeouts(MapReader& reader, TimeoutsConfig& timeouts) {
  const YamlNode* const node = reader.Find("timeouts");
  if (node == nullptr) return;
  ReadTimeoutsMap(MapReader(reader.problems(), *node, reader.PathOf("timeouts"), kTimeoutsSection),
                  timeouts);
}

void ReadTimeoutsMap(MapReader reader, TimeoutsConfig& timeouts) {
  ReadKeys(reader, kTimeoutKeys, &timeouts);
}

void ReadDefaults(MapReader reader, DefaultsConfig& defaults) {
  ReadSchedulerName(reader, defaults.scheduler);
  ReadForward(reader, defaults.forward);
  ReadTimeouts(reader, defaults.timeouts);
}

void ReadServicePolicy(MapReader& reader, ServicePolicy& policy) {
  ReadKeys(reader, kServicePolicyKeys, &policy);
}

void ReadPolicy(MapReader reader, PolicyConfig& policy) {
  ReadServicePolicy(reader, policy.service);
  ReadKeys(reader, kGlobalPolicyKeys, &policy);
}

}  // namespace fairlead::control
