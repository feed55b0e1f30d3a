#include <array>

#include "control/config/section_readers.h"

namespace fairlead::control {
namespace {

constexpr uint64_t kMaxWeight = 65535;  // ipvsadm 1.31 (ipvs.md, thresholds)
constexpr uint64_t kMaxThreshold = 0x7fffffff;
constexpr uint64_t kMaxQuorum = 0x7fffffff;  // a sum of weights

// What the service is: a mark and family, or a protocol, an address and a port.
void ReadServiceKey(MapReader& reader, ServiceConfig& service) {
  if (reader.Has("mark")) {
    service.protocol = Protocol::kAny;
    reader.Number("mark", &service.mark, 1, UINT32_MAX);
    reader.Word("family", &service.family);
    for (const char* key : {"address", "protocol", "port", "allow_any_port"}) {
      if (reader.Has(key))
        reader.problems().Add(reader.PathOf(key),
                              "a mark service has none; its classifier rules choose the packets");
    }
    return;
  }
  if (!reader.Has("address") && !reader.Has("port")) {
    reader.Require("address", "a service has address, port and protocol, or a mark");
    for (const char* key : {"port", "protocol"}) reader.problems().SetBroken(reader.PathOf(key));
    return;
  }
  for (const char* key : {"address", "port", "protocol"}) reader.Require(key);
  if (reader.Has("family"))
    reader.problems().Add(reader.PathOf("family"), "only a mark service has this key");
  if (reader.Read("address", &service.address, ReadUnicast))
    service.family = service.address.family();
  reader.Number("port", &service.port, 0, 65535);
  reader.Bool("allow_any_port", &service.allow_any_port);
  reader.Read("protocol", &service.protocol, [](const YamlNode& node) -> Result<Protocol> {
    if (node.is_scalar()) {
      if (const auto transport = TransportOf(node.text)) return static_cast<Protocol>(*transport);
    }
    if (node.is_scalar() && (node.text == "sctp" || node.text == "ah" || node.text == "esp"))
      return NotSupported(node, TransportList());
    Error error = WrongValue(node, TransportList());
    if (node.is_scalar()) {
      std::array<std::string_view, kTransports.size()> words{};
      for (size_t i = 0; i < words.size(); ++i) words[i] = TraitsOf(kTransports[i]).word;
      error.message += WordMeant(node.text, words);
    }
    return error;
  });
}

// A flag names the scheduler it is for: "sh-port". Only the service's own scheduler can have it.
void ReadSchedulerFlags(MapReader& reader, ServiceConfig& service) {
  const std::string own(ToWord(service.scheduler));
  reader.ForOneOrMany("scheduler_flags", [&](const YamlNode& item, const std::string& path) {
    const std::string& text = item.text;
    const bool is_port = text == "sh-port" || text == "mh-port";
    const bool is_fallback = text == "sh-fallback" || text == "mh-fallback";
    const bool is_netmask = text == "sh-netmask" || text == "mh-netmask";
    if (!item.is_scalar() || (!is_port && !is_fallback && !is_netmask)) {
      reader.problems().Add(
          path, item.mark,
          WrongValue(item, "sh-port, sh-fallback, sh-netmask, mh-port, mh-fallback or mh-netmask")
              .message);
    } else if (reader.problems().IsBroken(reader.PathOf("scheduler"))) {
      return;
    } else if (!text.starts_with(own + "-")) {
      reader.problems().Add(
          path, item.mark,
          Quote(text) + " needs the scheduler " + text.substr(0, 2) + "; this service has " + own);
    } else {
      service.scheduler_flags.port |= is_port;
      service.scheduler_flags.fallback |= is_fallback;
      service.scheduler_flags.netmask |= is_netmask;
    }
  });
}

// A real without a port has the service's: none for marks and port 0.
void ReadRealEndpoint(MapReader& reader, const ServiceConfig& service, IpAddress* address,
                      uint16_t* port) {
  reader.Require("address");
  reader.Read("address", address, ReadUnicast);
  *port = service.port;
  reader.Number("port", port, 0, 65535);
}

void ReadFallback(MapReader reader, const ServiceConfig& service, FallbackConfig& fallback) {
  ReadRealEndpoint(reader, service, &fallback.address, &fallback.port);
  fallback.forward = service.forward;
  ReadForward(reader, fallback.forward);
}

}  // namespace

std::string DerivedName(const ServiceConfig& service) {
  if (service.is_mark()) {
    return "mark-" + std::to_string(service.mark) +
           (service.family == Family::kIpv4 ? "-v4" : "-v6");
  }
  return std::string(ToWord(service.protocol)) + "-" + service.address.ToString() + "-" +
         std::to_string(service.port);
}

void ReadReal(MapReader reader, const ServiceConfig& service, RealConfig& real) {
  ReadRealEndpoint(reader, service, &real.address, &real.port);
  reader.Number("weight", &real.weight, 0, kMaxWeight);
  reader.Number("upper_threshold", &real.upper_threshold, 0, kMaxThreshold);
  reader.Number("lower_threshold", &real.lower_threshold, 0, kMaxThreshold);
  real.forward = service.forward;
  ReadForward(reader, real.forward);
  reader.Word("state", &real.state);
  ReadHealthOfReal(reader, &real.health);
  ReadCommand(reader, "on_up", &real.on_up);
  ReadCommand(reader, "on_down", &real.on_down);
}

void ReadService(MapReader reader, const ConfigModel& model, ServiceConfig& service) {
  ReadServiceKey(reader, service);
  service.name = DerivedName(service);
  reader.Read("name", &service.name, ReadName);
  service.scheduler = model.defaults.scheduler;
  service.forward = model.defaults.forward;
  service.timeouts = model.defaults.timeouts;
  service.policy = model.policy.service;
  service.announce = model.policy.announce;
  ReadSchedulerName(reader, service.scheduler);
  ReadSchedulerFlags(reader, service);
  reader.Read("netmask", &service.mask4, ReadNetmask);
  reader.Number("netmask6", &service.prefix_length6, 1, 128);
  ReadForward(reader, service.forward);
  ReadTimeouts(reader, service.timeouts);
  reader.Word("engine", &service.engine);
  reader.Bool("one_packet", &service.one_packet);
  reader.Word("announce", &service.announce);
  if (OnRemove on_remove{}; reader.Word("on_remove", &on_remove)) service.on_remove = on_remove;

  const auto inner = [&](const YamlNode* node, std::string_view key, const Section& section) {
    return MapReader(reader.problems(), *node, reader.PathOf(key), section);
  };
  if (const YamlNode* node = reader.Find("policy")) {
    MapReader policy = inner(node, "policy", kServicePolicySection);
    ReadServicePolicy(policy, service.policy);
  }
  if (const YamlNode* node = reader.Find("persistence"))
    ReadPersistence(inner(node, "persistence", kPersistenceSection), service.persistence.emplace());
  ReadHealth(reader, &service.health);
  reader.Number("quorum", &service.quorum, 1, kMaxQuorum);
  reader.Number("hysteresis", &service.hysteresis, 0, kMaxQuorum);
  ReadCommand(reader, "on_up", &service.on_up);
  ReadCommand(reader, "on_down", &service.on_down);
  if (const YamlNode* node = reader.Find("fallback"))
    ReadFallback(inner(node, "fallback", kFallbackSection), service, service.fallback.emplace());
  reader.ForEach("reals", [&](const YamlNode& item, const std::string& path) {
    ReadReal(MapReader(reader.problems(), item, path, kRealSection), service,
             service.reals.emplace_back());
  });
}

}  // namespace fairlead::control
