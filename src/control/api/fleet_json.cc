#include "control/api/fleet_json.h"

#include <boost/json/array.hpp>

namespace fairlead::api {

namespace json = boost::json;

namespace {

json::value TextOrNull(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

// Null: it is no peer of this director.
json::value SyncStateOf(const std::string& member, const control::FleetInfo& info) {
  for (const auto& [name, state] : info.sync_states) {
    if (name == member) return json::value(state);
  }
  return nullptr;
}

json::object MemberToJson(const control::FleetMember& member, const control::FleetInfo& info) {
  json::object object{{"name", member.name},
                      {"is_this", member.name == info.name},
                      {"address", TextOrNull(member.address)},
                      {"sync_port", nullptr},
                      {"sync", SyncStateOf(member.name, info)},
                      {"generation", member.generation},
                      {"revision", member.revision},
                      {"ready", member.is_ready},
                      {"version", member.version},
                      {"refused", nullptr}};
  if (member.sync_port != 0) object["sync_port"] = member.sync_port;
  if (!member.refused.empty()) {
    object["refused"] = {{"revision", member.refused_revision}, {"reason", member.refused}};
  }
  return object;
}

}  // namespace

json::object FleetToJson(const control::FleetInfo& info) {
  json::array members;
  for (const control::FleetMember& member : info.members) {
    members.push_back(MemberToJson(member, info));
  }
  json::object object{{"url", info.url},
                      {"name", info.name},
                      {"server", info.server},
                      {"connected", info.is_connected},
                      {"problem", TextOrNull(info.problem)},
                      {"member", info.is_member},
                      {"member_problem", TextOrNull(info.member_problem)},
                      {"revision", info.revision},
                      {"heard_revision", info.heard_revision},
                      {"from_disk", info.is_from_disk},
                      {"refused", nullptr},
                      {"keep_problem", TextOrNull(info.keep_problem)},
                      {"finds_peers", info.finds_peers},
                      {"sync_problem", TextOrNull(info.sync_problem)},
                      {"unreadable_members", info.unreadable_members},
                      {"members", std::move(members)}};
  if (info.refused_revision != 0 || !info.refused.empty()) {
    object["refused"] = {{"revision", info.refused_revision},
                         {"reasons", json::array(info.refused.begin(), info.refused.end())}};
  }
  return object;
}

}  // namespace fairlead::api
