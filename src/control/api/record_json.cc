#include "control/api/record_json.h"

#include <boost/json/array.hpp>

#include "control/api/json_views.h"
#include "dataplane/tcp_state.h"

namespace fairlead::api {

namespace json = boost::json;
using dataplane::ConnectionFlag;
using dataplane::ConnectionRow;
using dataplane::ForwardMethod;
using dataplane::TemplateRow;

namespace {

std::string_view WordOf(ForwardMethod method) {
  switch (method) {
    case ForwardMethod::kNat:
      return "nat";
    case ForwardMethod::kLocal:
      return "local";
    case ForwardMethod::kTun:
      return "tun";
    case ForwardMethod::kDr:
      return "dr";
    case ForwardMethod::kBypass:
      return "bypass";
  }
  return "?";
}

std::string_view StateWord(const ConnectionRow& row) {
  if (row.protocol != 6) return dataplane::kUdpStateName;
  return row.state < dataplane::kTcpStateCount
             ? dataplane::NameOf(static_cast<dataplane::TcpState>(row.state))
             : "?";
}

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
          {"state", StateWord(row)},
          {"client", row.client.ToString()},
          {"virtual", row.virtual_endpoint.ToString()},
          {"destination", row.real_endpoint.ToString()},
          {"service", ServiceName(names, row.service)},
          {"real", RealName(names, row.real, row.real_endpoint)},
          {"forward", WordOf(row.method)},
          {"packets", row.packets},
          {"remaining_ms", Milliseconds(row.remaining)},
          {"timeout_ms", Milliseconds(row.timeout)},
          {"flags", FlagWords(row.flags)},
          {"worker", worker.value()}};
}

json::object RowToJson(const NameIndex& names, WorkerId worker, const TemplateRow& row) {
  const auto* service = names.service(row.service);
  const int length = service != nullptr ? service->netmask : row.client.bit_length();
  const bool is_mark = row.protocol == 0;
  json::object object{
      {"client", length == row.client.bit_length() ? row.client.ToString()
                                                   : Prefix{row.client, length}.ToString()},
      {"protocol", is_mark ? json::value(nullptr) : json::value(WordOfProtocol(row.protocol))},
      {"virtual", is_mark
                      ? json::value(nullptr)
                      : json::value(Endpoint{row.virtual_address, row.virtual_port}.ToString())},
      {"mark", nullptr},
      {"service", ServiceName(names, row.service)},
      {"real", nullptr},
      {"destination", nullptr},
      {"connections", row.children},
      {"assured", row.is_assured},
      {"valid", !row.is_invalid},
      {"remaining_ms", Milliseconds(row.remaining)},
      {"timeout_ms", Milliseconds(row.timeout)},
      {"worker", worker.value()}};
  if (is_mark) {
    object["mark"] = service != nullptr ? service->mark : row.virtual_address.Fold();
  }
  if (const NamedReal* real = names.real(row.real)) {
    object["real"] = real->info->name;
    object["destination"] = Endpoint{real->info->endpoint.address, row.real_port}.ToString();
  }
  return object;
}

}  // namespace fairlead::api
