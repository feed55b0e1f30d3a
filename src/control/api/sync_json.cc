#include "control/api/sync_json.h"

#include <boost/json/array.hpp>

#include "control/api/json_views.h"
#include "control/config/names.h"
#include "control/view.h"

namespace fairlead::api {

namespace json = boost::json;
using control::ServiceIdentity;

namespace {

void AddRefusal(std::string_view reason, uint64_t count, std::string_view meaning,
                json::array* refused) {
  if (count == 0) return;
  refused->push_back({{"reason", reason}, {"count", count}, {"meaning", meaning}});
}

// What was not taken, by reason; reasons that have not occurred are left out.
json::array RefusedToJson(const control::IntakeCounts& counts) {
  json::array refused;
  for (size_t i = 0; i < counts.refused.size(); ++i) {
    AddRefusal(sync::kSyncRefusalNames[i], counts.refused[i], sync::kSyncRefusalSentences[i],
               &refused);
  }
  for (size_t i = 0; i < counts.faults.size(); ++i) {
    AddRefusal(dataplane::kSyncFaultNames[i], counts.faults[i], dataplane::kSyncFaultSentences[i],
               &refused);
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

std::string ServiceText(const ServiceIdentity& service) {
  if (service.mark != 0) return "mark " + std::to_string(service.mark);
  return WordOfProtocol(service.protocol) + " " +
         Endpoint{service.address, Be16::FromHost(service.port)}.ToString();
}

json::array UnknownToJson(const control::SyncInfo& info) {
  json::array list;
  if (info.unknown_reals == nullptr) return list;
  for (const control::UnknownRealInfo& unknown : *info.unknown_reals) {
    const Endpoint real{unknown.real.address, Be16::FromHost(unknown.real.port)};
    list.push_back({{"service", ServiceText(unknown.service)},
                    {"real", real.ToString()},
                    {"forward", TraitsOf(unknown.method).word}});
  }
  return list;
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
                      {"unknown_service", control::ToWord(config.unknown_service)},
                      {"unknown_reals", UnknownToJson(info)},
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

json::array RefusedToJson(const control::PeerCounts& counts) {
  json::array refused;
  for (size_t i = 0; i < counts.refused.size(); ++i) {
    AddRefusal(sync::kStreamRefusalNames[i], counts.refused[i], sync::kStreamRefusalSentences[i],
               &refused);
  }
  for (size_t i = 0; i < counts.faults.size(); ++i) {
    AddRefusal(dataplane::kSyncFaultNames[i], counts.faults[i], dataplane::kSyncFaultSentences[i],
               &refused);
  }
  return refused;
}

json::object PeerToJson(const control::StreamPeerInfo& peer) {
  const auto seconds = [](std::chrono::milliseconds lag) {
    return static_cast<double>(lag.count()) / 1000;
  };
  const control::PeerCounts& counts = peer.counts;
  json::object object{{"name", peer.name},
                      {"address", peer.address.ToString()},
                      {"state", control::ToWord(peer.state)},
                      {"calls", peer.calls},
                      {"since", Timestamp(peer.since)},
                      {"sessions", counts.sessions},
                      {"ranges", control::kStreamRanges},
                      {"in",
                       {{"lag_seconds", seconds(peer.lag_in)},
                        {"bulk_done", peer.is_bulk_in_done},
                        {"ranges_left", peer.ranges_left_in},
                        {"entries", counts.entries_in},
                        {"connections", counts.connections_in},
                        {"templates", counts.templates_in},
                        {"gone", counts.gone_in}}},
                      {"out",
                       {{"lag_seconds", seconds(peer.lag_out)},
                        {"bulk_done", peer.is_bulk_out_done},
                        {"ranges_left", peer.ranges_left_out},
                        {"entries", counts.entries_out},
                        {"of_bulk", counts.bulk_out},
                        {"postponed", counts.postponed}}},
                      {"refused", RefusedToJson(counts)},
                      {"last_error", nullptr}};
  if (!peer.last_error.empty()) object["last_error"] = peer.last_error;
  return object;
}

json::object StreamToJson(const control::StreamInfo& info) {
  json::array peers;
  for (const control::StreamPeerInfo& peer : info.peers) peers.push_back(PeerToJson(peer));
  json::object object{{"name", info.name},
                      {"listen", info.listen.ToString()},
                      {"listening", info.is_listening},
                      {"encrypted", info.is_encrypted},
                      {"of_fleet", info.is_of_fleet},
                      {"problem", nullptr},
                      {"strangers", info.strangers},
                      {"peers", std::move(peers)}};
  if (!info.problem.empty()) object["problem"] = info.problem;
  return object;
}

}  // namespace

json::object SyncToJson(const control::ControlView& view) {
  json::object object{{"ipvs", nullptr}, {"stream", nullptr}};
  if (view.sync != nullptr) object["ipvs"] = IpvsToJson(*view.sync);
  if (view.stream != nullptr) object["stream"] = StreamToJson(*view.stream);
  return object;
}

}  // namespace fairlead::api
