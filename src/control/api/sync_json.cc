#include "control/api/sync_json.h"

#include <boost/json/array.hpp>

#include "control/api/json_views.h"
#include "control/config/names.h"
#include "control/view.h"

namespace fairlead::api {

namespace json = boost::json;

namespace {

// What was not taken, by reason; reasons that have not occurred are left out.
json::array RefusedToJson(const control::IntakeCounts& counts) {
  json::array refused;
  const auto add = [&refused](std::string_view reason, uint64_t count, std::string_view meaning) {
    if (count == 0) return;
    refused.push_back({{"reason", reason}, {"count", count}, {"meaning", meaning}});
  };
  for (size_t i = 0; i < counts.refused.size(); ++i) {
    add(sync::kSyncRefusalNames[i], counts.refused[i], sync::kSyncRefusalSentences[i]);
  }
  for (size_t i = 0; i < counts.faults.size(); ++i) {
    add(dataplane::kSyncFaultNames[i], counts.faults[i], dataplane::kSyncFaultSentences[i]);
  }
  return refused;
}

json::object ReceivedToJson(const control::SyncInfo& info) {
  const control::IntakeCounts& counts = info.received;
  json::object object{{"datagrams", counts.datagrams},
                      {"bytes", counts.bytes},
                      {"entries", counts.entries},
                      {"connections", counts.connections},
                      {"templates", counts.templates},
                      {"foreign_datagrams", info.foreign},
                      {"refused", RefusedToJson(counts)},
                      {"last_datagram", nullptr},
                      {"last_sender", nullptr}};
  if (info.last_datagram) {
    object["last_datagram"] = Timestamp(*info.last_datagram);
    object["last_sender"] = info.last_sender.ToString();
  }
  return object;
}

json::object IpvsToJson(const control::SyncInfo& info) {
  const control::IpvsSyncConfig& config = info.config;
  json::object object{{"role", control::ToWord(config.role)},
                      {"interface", config.interface},
                      {"group", config.group.ToString()},
                      {"udp_port", config.udp_port},
                      {"ports", config.ports},
                      {"syncid", config.syncid},
                      {"maxlen", config.maxlen},
                      {"ttl", config.ttl},
                      {"open", info.is_open},
                      {"problem", nullptr},
                      {"received", ReceivedToJson(info)},
                      {"sent",
                       {{"datagrams", info.sent.datagrams},
                        {"bytes", info.sent.bytes},
                        {"entries", info.sent.entries},
                        {"unsaid", info.sent.unsaid},
                        {"failed", info.sent.failed},
                        {"unsent", info.sent.unsent}}}};
  if (!info.problem.empty()) object["problem"] = info.problem;
  return object;
}

}  // namespace

json::object SyncToJson(const control::ControlView& view) {
  json::object object{{"ipvs", nullptr}};
  if (view.sync != nullptr) object["ipvs"] = IpvsToJson(*view.sync);
  return object;
}

}  // namespace fairlead::api
