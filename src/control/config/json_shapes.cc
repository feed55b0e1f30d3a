// What the keys are that no table declares, section by section, as JSON Schema.
#include <string>
#include <vector>

#include "base/ids.h"
#include "control/config/json_schema.h"
#include "control/config/json_words.h"

namespace fairlead::control {
namespace {

struct Shape {
  std::string_view key;
  std::string schema;
};
using Shapes = std::vector<Shape>;

std::string WordOr(std::string_view word, const std::string& other) {
  return R"({"anyOf": [{"const": ")" + std::string(word) + "\"}, " + other + "]}";
}

const std::string kBool = R"({"type": "boolean"})";
const std::string kText = Defined("text");
const std::string kNetmask = Defined("netmask");
const std::string kForward =
    R"({"anyOf": [)" + EnumOf<ForwardMethod>() + ", " + Defined("forward") + "]}";
const std::string kRanges = OneOrMany(R"({"type": ["integer", "string"]})");

Shapes RootShapes() {
  return {{"version", R"({"const": 1})"},
          {"director", Defined("director")},
          {"ports", ListOf(Defined("port"))},
          {"routes", ListOf(Defined("route"))},
          {"prefix_sets", R"({"type": "object", "additionalProperties": {"anyOf": [)" +
                              ListOf(kText) + ", " + Defined("prefix_set") + "]}}"},
          {"classifier", ListOf(Defined("rule"))},
          {"defaults", Defined("defaults")},
          {"client_groups", ListOf(Defined("client_group"))},
          {"policy", Defined("policy")},
          {"services", ListOf(Defined("service"))},
          {"snat", ListOf(Defined("snat_rule"))},
          {"api", Defined("api")},
          {"log", Defined("log")},
          {"mail", Defined("mail")},
          {"sync", Defined("sync")}};
}

Shapes DirectorShapes() {
  const std::string cores = R"({"type": "array", "items": {"type": "integer", "minimum": 0}})";
  const std::string size = Defined("size");
  return {{"name", kText},
          {"workers", WordOr("auto", WholeFrom(1, kMaxWorkers) + ", " + cores)},
          {"idle", EnumOf<IdlePolicy>()},
          {"connections", size},
          {"connections6", size},
          {"templates", size},
          {"side_records", size},
          {"snat_flows", size},
          {"fragments", size},
          {"arena", kText},
          {"hugepages", EnumOf<AutoOnOff>()},
          {"telemetry", kBool},
          {"eal", ListOf(kText)},
          {"script_user", kText},
          {"scripts", ListOf(kText)}};
}

Shapes PortShapes() {
  return {{"name", kText},
          {"device", Defined("device_or_text")},
          {"role", EnumOf<PortRole>()},
          {"addresses", OneOrMany(kText)},
          {"mtu", WholeFrom(576, 9600)},
          {"exception", EnumOf<ExceptionPath>()},
          {"queues", WordOr("auto", WholeFrom(1, 64))},
          {"descriptors", WordOr("auto", WholeFrom(64, 32768))},
          {"offloads", R"({"enum": ["auto", "off"]})"},
          {"kernel_ingress", EnumOf<KernelIngress>()},
          {"vlan", WholeFrom(1, 4094)},
          {"decapsulate", OneOrMany(EnumOf<TunnelType>())}};
}

Shapes SnatShapes() {
  return {{"source", kText},
          {"output", kText},
          {"addresses", OneOrMany(kText)},
          {"ports", R"({"type": ["integer", "string"]})"}};
}

Shapes BondShapes() {
  const std::string members = R"({"type": "array", "minItems": 1, "maxItems": )" +
                              std::to_string(kMaxBondMembers) + R"(, "items": )" + kText + "}";
  return {{"mode", EnumOf<BondMode>()},
          {"members", members},
          {"primary", kText},
          {"rate", EnumOf<LacpRate>()}};
}

Shapes RuleShapes() {
  return {{"name", kText},
          {"mark", WholeFrom(1, UINT32_MAX)},
          {"action", EnumOf<RuleAction>()},
          {"protocol", EnumOf<Protocol>()},
          {"source", OneOrMany(kText)},
          {"destination", OneOrMany(kText)},
          {"source_port", kRanges},
          {"destination_port", kRanges},
          {"input_port", kText}};
}

Shapes ServiceShapes() {
  const std::string weights = WholeFrom(1, INT32_MAX);
  return {{"name", kText},
          {"mark", WholeFrom(1, UINT32_MAX)},
          {"family", EnumOf<Family>()},
          {"address", kText},
          {"protocol", R"({"enum": ["tcp", "udp"]})"},
          {"port", WholeFrom(0, 65535)},
          {"allow_any_port", kBool},
          {"scheduler", EnumOf<SchedulerKind>()},
          {"scheduler_flags",
           OneOrMany(R"({"enum": ["sh-port", "sh-fallback", "sh-netmask", "mh-port", )"
                     R"("mh-fallback", "mh-netmask"]})")},
          {"netmask", kNetmask},
          {"netmask6", WholeFrom(1, 128)},
          {"persistence", Defined("persistence")},
          {"engine", EnumOf<Engine>()},
          {"one_packet", kBool},
          {"forward", kForward},
          {"timeouts", Defined("timeouts")},
          {"policy", Defined("service_policy")},
          {"announce", EnumOf<Announce>()},
          {"on_remove", EnumOf<OnRemove>()},
          {"health", Defined("checks")},
          {"quorum", weights},
          {"hysteresis", WholeFrom(0, INT32_MAX)},
          {"on_up", Defined("command")},
          {"on_down", Defined("command")},
          {"fallback", Defined("fallback")},
          {"reals", ListOf(Defined("real"))}};
}

Shapes RealShapes() {
  return {{"address", kText},
          {"port", WholeFrom(0, 65535)},
          {"weight", WholeFrom(0, 65535)},
          {"upper_threshold", WholeFrom(0, INT32_MAX)},
          {"lower_threshold", WholeFrom(0, INT32_MAX)},
          {"forward", kForward},
          {"state", EnumOf<AdminState>()},
          {"health", WordOr("none", Defined("checks"))},
          {"on_up", Defined("command")},
          {"on_down", Defined("command")}};
}

Shapes ConditionShapes() {
  const std::string some = R"({"type": ["string", "number", "boolean"]})";
  return {{"contains", some},
          {"matches", some},
          {"sha256", R"({"type": "string", "pattern": "^[0-9a-fA-F]{64}$"})"},
          {"send", some},
          {"receive", Defined("receive_or_text")}};
}

Shapes ApiShapes() {
  return {{"listen", ListOf(R"({"anyOf": [)" + kText + ", " + Defined("listener") + "]}")},
          {"ipvs_socket", R"({"anyOf": [)" + kText + ", " + Defined("ipvs_socket") + "]}"},
          {"on_reload", EnumOf<OnReload>()},
          {"token_file", kText},
          {"certificate", kText},
          {"key", kText},
          {"client_ca", kText},
          {"crl", kText}};
}

Shapes ListenerShapes() {
  return {{"address", kText},     {"role", EnumOf<ApiRole>()},
          {"group", kText},       {"mode", kText},
          {"certificate", kText}, {"key", kText},
          {"client_ca", kText},   {"crl", kText},
          {"tokens", kText}};
}

Shapes ShapesOf(const Section& section) {
  if (section.name == kRootSection.name) return RootShapes();
  if (section.name == kDirectorSection.name) return DirectorShapes();
  if (section.name == kPortSection.name) return PortShapes();
  if (section.name == kDeviceSection.name) return {{"bond", Defined("bond")}};
  if (section.name == kBondSection.name) return BondShapes();
  if (section.name == kRouteSection.name) return {{"to", kText}, {"via", kText}};
  if (section.name == kSnatSection.name) return SnatShapes();
  if (section.name == kPrefixSetSection.name) return {{"file", kText}};
  if (section.name == kRuleSection.name) return RuleShapes();
  if (section.name == kDefaultsSection.name) {
    return {{"scheduler", EnumOf<SchedulerKind>()},
            {"forward", kForward},
            {"timeouts", Defined("timeouts")}};
  }
  if (section.name == kForwardSection.name) {
    const std::string checksum =
        R"({"anyOf": [)" + EnumOf<TunnelChecksum>() + R"(, {"type": "boolean"}]})";
    return {{"method", EnumOf<ForwardMethod>()},   {"type", EnumOf<TunnelType>()},
            {"port", WholeFrom(1, 65535)},         {"checksum", checksum},
            {"local_addresses", OneOrMany(kText)}, {"client_address", EnumOf<ClientAddress>()}};
  }
  if (section.name == kClientGroupSection.name) {
    return {{"name", kText}, {"source", OneOrMany(kText)}};
  }
  if (section.name == kServiceSection.name) return ServiceShapes();
  if (section.name == kNetmaskRuleSection.name) {
    return {{"source", OneOrMany(kText)}, {"netmask", kNetmask}, {"netmask6", WholeFrom(1, 128)}};
  }
  if (section.name == kFallbackSection.name) {
    return {{"address", kText}, {"port", WholeFrom(0, 65535)}, {"forward", kForward}};
  }
  if (section.name == kRealSection.name) return RealShapes();
  if (section.name == kApiSection.name) return ApiShapes();
  if (section.name == kListenSection.name) return ListenerShapes();
  if (section.name == kIpvsSocketSection.name) {
    return {{"path", kText}, {"group", kText}, {"mode", kText}};
  }
  if (section.name == kLogSection.name) return {{"level", EnumOf<LogLevel>()}};
  if (section.name == kSyncSection.name) return {{"ipvs", Defined("ipvs_sync")}};
  return ConditionShapes();
}

}  // namespace

std::string ShapeOf(const Section& section, std::string_view key) {
  for (const Shape& shape : ShapesOf(section)) {
    if (shape.key == key) return shape.schema;
  }
  return "";
}

}  // namespace fairlead::control
