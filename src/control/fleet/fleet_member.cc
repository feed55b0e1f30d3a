#include "control/fleet/fleet_member.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/ip_address.h"
#include "base/utf8.h"
#include "control/fleet/etcd_messages.h"

namespace fairlead::control {
namespace {

namespace json = boost::json;

Error Wrong(const std::string& name, const std::string& what) {
  return {ErrorCode::kInvalid, "what " + name + " says of itself " + what, ""};
}

// Without a half of a character at its end.
std::string Shortened(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const size_t length = Utf8CharacterLength(text);
    const std::string_view next = length == 0 ? "?" : text.substr(0, length);
    if (shown.size() + next.size() > kMostRefusedBytes) break;
    shown += next;
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return shown;
}

// Empty: it is left out, or is no text. Control characters are blanks, so that a terminal shows it.
std::string TextIn(const json::object& object, const char* key) {
  const json::value* const value = object.if_contains(key);
  if (value == nullptr || !value->is_string()) return {};
  std::string text(value->get_string());
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return Shortened(text);
}

// 0: it is left out, or is no number.
uint64_t NumberIn(const json::object& object, const char* key) {
  const json::value* const value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return 0;
  json::error_code error;
  const auto number = value->to_number<uint64_t>(error);
  return error ? 0 : number;
}

}  // namespace

std::string MemberToJson(const FleetMember& member) {
  json::object object{{"address", member.address},        {"sync_port", member.sync_port},
                      {"generation", member.generation},  {"revision", member.revision},
                      {"ready", member.is_ready},         {"version", member.version},
                      {"incarnation", member.incarnation}};
  if (!member.refused.empty()) {
    object["refused"] = Shortened(member.refused);
    object["refused_revision"] = member.refused_revision;
  }
  return json::serialize(object);
}

Result<FleetMember> MemberFromJson(const std::string& name, std::string_view value) {
  if (value.size() > kMostMemberBytes) return Wrong(name, "is too long");
  json::parse_options options;
  options.max_depth = kMostJsonDepth;
  json::error_code error;
  const json::value parsed = json::parse(value, error, {}, options);
  if (error || !parsed.is_object()) return Wrong(name, "is no JSON object");
  const json::object& object = parsed.get_object();
  FleetMember member;
  member.name = name;
  member.address = TextIn(object, "address");
  if (!member.address.empty() && !IpAddress::Parse(member.address)) {
    return Wrong(name, "has an address that is none");
  }
  const uint64_t port = NumberIn(object, "sync_port");
  if (port > UINT16_MAX) return Wrong(name, "has a port that is none");
  member.sync_port = static_cast<uint16_t>(port);
  member.generation = NumberIn(object, "generation");
  member.revision = NumberIn(object, "revision");
  const json::value* const ready = object.if_contains("ready");
  member.is_ready = ready != nullptr && ready->is_bool() && ready->get_bool();
  member.refused = TextIn(object, "refused");
  member.refused_revision = NumberIn(object, "refused_revision");
  member.version = TextIn(object, "version");
  member.incarnation = NumberIn(object, "incarnation");
  return member;
}

}  // namespace fairlead::control
