#include "control/api/record_json.h"

#include <bit>
#include <boost/json/array.hpp>

#include "control/api/json_views.h"
#include "control/view.h"
#include "dataplane/tables/transport_state.h"

namespace fairlead::api {

namespace json = boost::json;
using dataplane::ConnectionFlag;
using dataplane::ConnectionRow;
using dataplane::TemplateRow;

namespace {

json::array FlagWords(uint16_t flags) {
  constexpr std::pair<ConnectionFlag, std::string_view> kWords[] = {
      {ConnectionFlag::kNoOutput, "no_output"},
      {ConnectionFlag::kInactive, "inactive"},
      {ConnectionFlag::kOnePacket, "one_packet"},
      {ConnectionFlag::kHasTemplate, "has_template"},
      {ConnectionFlag::kNoClientPort, "no_client_port"},
      {ConnectionFlag::kFromSync, "from_sync"},
  };
  json::array words;
  for (const auto& [flag, word] : kWords) {
    if ((flags & static_cast<uint16_t>(flag)) != 0) words.emplace_back(word);
  }
  return words;
}

json::value ServiceName(const NameIndex& names, ServiceId id) {
  const auto* service = names.service(id);
  return service == nullptr ? json::value(nullptr) : json::value(service->name);
}

// The real's name as configured; a real that is gone is still an address and port.
std::string RealName(const NameIndex& names, RealId id, const Endpoint& otherwise) {
  const NamedReal* real = names.real(id);
  return real == nullptr ? otherwise.ToString() : real->info->name;
}

}  // namespace

json::object RowToJson(const NameIndex& names, WorkerId worker, const ConnectionRow& row) {
  return {{"protocol", WordOfProtocol(row.protocol)},
          {"state", dataplane::NameOf(static_cast<Transport>(row.protocol), row.state)},
          {"client", row.client.ToString()},
          {"virtual", row.virtual_endpoint.ToString()},
          {"destination", row.real_endpoint.ToString()},
          {"service", ServiceName(names, row.service)},
          {"real", RealName(names, row.real, row.real_endpoint)},
          {"forward", TraitsOf(row.method).word},
          {"packets", row.packets},
          {"remaining_ms", Milliseconds(row.remaining)},
          {"timeout_ms", Milliseconds(row.timeout)},
          {"flags", FlagWords(row.flags)},
          {"worker", worker.value()}};
}

json::value MillisecondsOrNever(TickCount ticks) {
  if (ticks == dataplane::kForever) return nullptr;
  return Milliseconds(ticks);
}

std::string ClientText(const IpAddress& client, int prefix_length, uint32_t mask) {
  if (client.is_v4()) {
    const int ones = std::countl_one(mask);
    if (ones < 32 && mask << ones != 0) {
      return IpAddress(Ipv4Address::FromHost(client.Fold() & mask)).ToString() + "/" +
             IpAddress(Ipv4Address::FromHost(mask)).ToString();
    }
    prefix_length = ones;
  }
  const IpAddress network = client.Masked(prefix_length);
  return prefix_length == client.bit_length() ? network.ToString()
                                              : Prefix{network, prefix_length}.ToString();
}

std::string_view WordOf(dataplane::RenewMode mode) {
  switch (mode) {
    case dataplane::RenewMode::kLinux:
      return "linux";
    case dataplane::RenewMode::kLegacy120:
      return "legacy120";
    case dataplane::RenewMode::kFull:
      return "full";
    case dataplane::RenewMode::kStep:
      return "step";
    case dataplane::RenewMode::kAfterLastClose:
      return "after-last-close";
    case dataplane::RenewMode::kFixed:
      return "fixed";
  }
  return "?";
}

json::object RowToJson(const NameIndex& names, WorkerId worker, const TemplateRow& row) {
  const auto* service = names.service(row.service);
  const bool is_group = !row.service_group.is_none();
  const bool is_mark = row.protocol == 0 && !is_group;
  const std::string client =
      row.client_group.is_none()
          ? ClientText(row.client, row.client_prefix_length, row.client_mask.host())
          : "group " + names.Group(row.client_group);
  json::object object{
      {"client", client},
      {"protocol",
       row.protocol == 0 ? json::value(nullptr) : json::value(WordOfProtocol(row.protocol))},
      {"virtual", row.protocol == 0
                      ? json::value(nullptr)
                      : json::value(Endpoint{row.virtual_address, row.virtual_port}.ToString())},
      {"mark", nullptr},
      {"service", ServiceName(names, row.service)},
      {"real", nullptr},
      {"destination", nullptr},
      {"connections", row.children},
      {"assured", row.is_assured},
      {"valid", !row.is_invalid},
      {"pinned", row.is_pinned},
      {"client_group", nullptr},
      {"persistence_group", nullptr},
      {"renew", WordOf(row.renew)},
      {"age_ms", Milliseconds(row.age)},
      {"remaining_ms", MillisecondsOrNever(row.remaining)},
      {"timeout_ms", MillisecondsOrNever(row.timeout)},
      {"engine", nullptr},
      {"engine_data", nullptr},
      {"worker", worker.value()}};
  if (row.engine_length > 0) {
    const size_t shown = std::min<size_t>(row.engine_length, row.engine_text.size());
    object["engine"] = "sip";
    object["engine_data"] =
        std::string(row.engine_text.data(), shown) + (shown < row.engine_length ? "..." : "");
  }
  if (is_mark) {
    object["mark"] = service != nullptr ? service->mark : row.virtual_address.Fold();
  }
  if (!row.client_group.is_none()) object["client_group"] = names.Group(row.client_group);
  if (is_group) object["persistence_group"] = names.Group(row.service_group);
  if (const NamedReal* real = names.real(row.real)) {
    object["real"] = real->info->name;
    object["destination"] = Endpoint{real->info->endpoint.address, row.real_port}.ToString();
  }
  return object;
}

}  // namespace fairlead::api
