#include "control/config/json_schema.h"

#include <array>
#include <span>
#include <utility>
#include <vector>

#include "control/config/health_keys.h"
#include "control/config/keys.h"
#include "control/config/mail_keys.h"
#include "control/config/sync_keys.h"

namespace fairlead::control {
namespace {

std::string JsonText(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

// {"type": …} with what a person wants to know of the key.
std::string Described(const std::string& schema, std::string_view effect,
                      const std::string& otherwise) {
  if (effect.empty()) return schema;
  if (schema.front() != '{')
    return Described(
        "{"
        "\"anyOf\": [" +
            schema + "]}",
        effect, otherwise);
  std::string text(effect);
  if (!otherwise.empty()) text += ". Default: " + otherwise;
  return R"({"description": )" + JsonText(text) + ", " + schema.substr(1);
}

// The same key may be declared for several sections; of these it is one of the first that has it.
template <typename Keys>
std::string DeclaredIn(const Keys& keys, std::string_view name) {
  for (const auto& key : keys) {
    if (key.name == name) return Described(SchemaOf(key), key.effect, DefaultOf(key));
  }
  return "";
}

std::string SchemaOfKey(const Section& section, std::string_view key) {
  std::string schema;
  if (&section == &kTimeoutsSection) schema = DeclaredIn(kTimeoutKeys, key);
  if (&section == &kPersistenceSection) schema = DeclaredIn(kPersistenceKeys, key);
  if (&section == &kMailSection) schema = DeclaredIn(kMailKeys, key);
  if (&section == &kHealthSection) schema = DeclaredIn(kHealthKeys, key);
  if (&section == &kSyncSection) schema = DeclaredIn(kStreamKeys, key);
  if (&section == &kIpvsSyncSection) schema = DeclaredIn(kIpvsSyncKeys, key);
  if (&section == &kPolicySection || &section == &kServicePolicySection) {
    schema = DeclaredIn(kServicePolicyKeys, key);
    if (schema.empty()) schema = DeclaredIn(kGlobalPolicyKeys, key);
  }
  if (schema.empty()) schema = ShapeOf(section, key);
  return schema.empty() ? "true" : schema;
}

std::string Properties(const Section& section, std::string_view indent) {
  std::string properties;
  for (const KeyInfo& key : section.keys) {
    if (!key.refusal.empty()) continue;
    properties.append(properties.empty() ? "\n" : ",\n").append(indent);
    properties.append(JsonText(key.name)).append(": ").append(SchemaOfKey(section, key.name));
  }
  return properties;
}

std::string MapOf(const Section& section, std::string_view required, std::string_view indent) {
  std::string map = R"("type": "object", "additionalProperties": false, )";
  if (!required.empty()) map += R"("required": [)" + std::string(required) + "], ";
  return map + R"("properties": {)" + Properties(section, indent) + "}";
}

// Which keys a type of check has: the same predicates that the loader asks.
std::string RulesOfTypes() {
  std::string rules;
  for (const auto& [type, word] : kWords<HealthType>) {
    std::string refused;
    for (const HealthKey& key : kHealthKeys) {
      HealthConfig plain, encrypted;
      plain.type = encrypted.type = type;
      encrypted.tls = MaySayTls(plain);
      if (key.applies == nullptr || key.applies(plain) || key.applies(encrypted)) continue;
      refused.append(refused.empty() ? "" : ", ").append(JsonText(key.name)).append(": false");
    }
    rules.append(rules.empty() ? "\n" : ",\n");
    rules.append(R"(      {"if": {"properties": {"type": {"const": )").append(JsonText(word));
    rules.append(R"(}}}, "then": {"properties": {)").append(refused).append("}}}");
  }
  return R"("allOf": [)" + rules + "]";
}

struct Definition {
  std::string_view name;
  const Section* section;
  std::string_view required;
};

constexpr std::array kDefinitions{
    Definition{"director", &kDirectorSection, ""},
    Definition{"port", &kPortSection, R"("name", "device")"},
    Definition{"device", &kDeviceSection, R"("bond")"},
    Definition{"bond", &kBondSection, R"("mode", "members")"},
    Definition{"route", &kRouteSection, R"("to", "via")"},
    Definition{"snat_rule", &kSnatSection, R"("source", "addresses")"},
    Definition{"prefix_set", &kPrefixSetSection, R"("file")"},
    Definition{"rule", &kRuleSection, ""},
    Definition{"defaults", &kDefaultsSection, ""},
    Definition{"timeouts", &kTimeoutsSection, ""},
    Definition{"forward", &kForwardSection, R"("method")"},
    Definition{"client_group", &kClientGroupSection, R"("name", "source")"},
    Definition{"policy", &kPolicySection, ""},
    Definition{"service", &kServiceSection, ""},
    Definition{"service_policy", &kServicePolicySection, ""},
    Definition{"persistence", &kPersistenceSection, ""},
    Definition{"netmask_rule", &kNetmaskRuleSection, R"("source")"},
    Definition{"expect_body", &kBodySection, ""},
    Definition{"receive", &kReceiveSection, ""},
    Definition{"step", &kStepSection, ""},
    Definition{"fallback", &kFallbackSection, R"("address")"},
    Definition{"real", &kRealSection, R"("address")"},
    Definition{"api", &kApiSection, ""},
    Definition{"listener", &kListenSection, R"("address")"},
    Definition{"ipvs_socket", &kIpvsSocketSection, R"("path")"},
    Definition{"log", &kLogSection, ""},
    Definition{"sync", &kSyncSection, ""},
    Definition{"ipvs_sync", &kIpvsSyncSection, R"("interface")"},
    Definition{"mail", &kMailSection, R"("server", "from", "to")"}};

// What is no section. A scalar that means text may look like something else to YAML: `name: 12`.
constexpr std::pair<std::string_view, std::string_view> kSimple[] = {
    {"text", R"({"type": ["string", "number", "boolean"]})"},
    {"device_or_text", R"({"anyOf": [{"$ref": "#/$defs/text"}, {"$ref": "#/$defs/device"}]})"},
    {"duration", R"({"type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$"})"},
    {"size",
     R"({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[0-9]+[kMG]?$"}]})"},
    {"netmask",
     R"({"anyOf": [{"type": "integer", "minimum": 0, "maximum": 32}, {"type": "string"}]})"},
    {"command", R"({"type": "array", "items": {"$ref": "#/$defs/text"}, "minItems": 1})"},
    {"receive_or_text", R"({"anyOf": [{"$ref": "#/$defs/text"}, {"$ref": "#/$defs/receive"}]})"},
    {"expect_body_or_text",
     R"({"anyOf": [{"$ref": "#/$defs/text"}, {"$ref": "#/$defs/expect_body"}]})"},
    {"checks",
     R"({"anyOf": [{"$ref": "#/$defs/check"}, {"type": "array", "items": {"$ref": "#/$defs/check"}, "minItems": 1, "maxItems": 16}]})"}};

}  // namespace

std::string JsonSchema() {
  std::string text = "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n";
  text += "  \"title\": \"Configuration of Fairlead\",\n  ";
  text += MapOf(kRootSection, R"("version")", "    ") + ",\n  \"$defs\": {";
  for (const auto& [name, schema] : kSimple) {
    text.append("\n    ").append(JsonText(name)).append(": ").append(schema).append(",");
  }
  for (const auto& [name, section, required] : kDefinitions) {
    text.append("\n    ").append(JsonText(name)).append(": {");
    text.append(MapOf(*section, required, "      ")).append("},");
  }
  text += "\n    \"check\": {" + MapOf(kHealthSection, R"("type")", "      ") + ",\n      " +
          RulesOfTypes() + "}";
  return text + "\n  }\n}\n";
}

}  // namespace fairlead::control
