#include "cli/ipvsadm/json_rows.h"

#include <algorithm>
#include <boost/json/array.hpp>

#include "cli/text.h"
#include "control/config/units.h"

namespace fairlead::cli::ipvsadm {

namespace json = boost::json;

namespace {

constexpr uint16_t kInvalidPort = 65535;  // of a renamed template (ipvs.md, template validity)

uint32_t Small(const json::object& object, std::string_view member) {
  return static_cast<uint32_t>(std::min<uint64_t>(Number(object, member), UINT32_MAX));
}

// Empty when it is null or missing.
std::string WordAt(const json::object& object, std::string_view member) {
  const json::value* value = object.if_contains(member);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : "";
}

// What never ends, null or beyond what ipvsadm can say, is the longest time.
uint64_t Seconds(const json::object& object, std::string_view member, uint64_t units_a_second) {
  const json::value* value = object.if_contains(member);
  if (value != nullptr && value->is_null()) return kMostSeconds;
  return std::min<uint64_t>(Number(object, member) / units_a_second, kMostSeconds);
}

Endpoint EndpointOf(const std::string& text) { return Endpoint::Parse(text).value_or(Endpoint{}); }

Traffic TrafficOf(const json::object& traffic) {
  return {Number(traffic, "connections"), Number(traffic, "in_packets"),
          Number(traffic, "out_packets"), Number(traffic, "in_bytes"),
          Number(traffic, "out_bytes")};
}

uint32_t MaskOf(int length) { return length == 0 ? 0 : ~uint32_t{0} << (32 - length); }

// "netmask" is a length; a mask that is none comes as "mask", an address.
void SetMask(const json::object& from, ServiceRow* row) {
  const json::value* length = from.if_contains("netmask");
  if (length != nullptr && length->is_number()) {
    const auto prefix_length = static_cast<int>(Number(from, "netmask"));
    if (row->key.family == Family::kIpv6) {
      row->netmask6 = static_cast<uint8_t>(prefix_length);
    } else {
      row->netmask = MaskOf(prefix_length);
    }
  }
  const auto mask = IpAddress::Parse(WordAt(from, "mask"));
  if (mask && mask->is_v4()) row->netmask = mask->v4().value.host();
}

Tunnel TunnelOf(const json::object& from) {
  return {.type = TunnelTypeOf(WordAt(from, "type")).value_or(TunnelType::kIpip),
          .checksum = TunnelChecksumOf(WordAt(from, "checksum")).value_or(TunnelChecksum::kNone),
          .port = static_cast<uint16_t>(Number(from, "port"))};
}

ServerRow ServerRowOf(const json::object& real) {
  ServerRow row;
  row.endpoint = EndpointOf(WordAt(real, "name"));
  row.method = ForwardMethodOf(WordAt(real, "forward"));
  row.tunnel = TunnelOf(Object(real, "tunnel"));
  row.is_fallback = Flag(real, "fallback");
  row.weight = Small(real, "effective_weight");
  // What a health check says is not for the file: it will say it again.
  row.saved_weight = WordAt(real, "admin") == "up" ? Small(real, "weight") : row.weight;
  row.upper_threshold = Small(real, "upper_threshold");
  row.lower_threshold = Small(real, "lower_threshold");
  row.active = Number(real, "active_connections");
  row.inactive = Number(real, "inactive_connections");
  row.templates = Number(real, "templates");
  row.total = TrafficOf(Object(real, "since_zero"));
  row.rate = TrafficOf(Object(real, "rate"));
  return row;
}

std::string EngineOf(const json::object& object) { return WordAt(object, "engine"); }

}  // namespace

ServiceRow ServiceRowOf(const json::object& service) {
  ServiceRow row;
  row.key.mark = Small(service, "mark");
  row.key.family = WordAt(service, "family") == "ipv6" ? Family::kIpv6 : Family::kIpv4;
  row.key.protocol = ProtocolOf(WordAt(service, "protocol"));
  row.key.address = IpAddress::Parse(WordAt(service, "address")).value_or(IpAddress{});
  row.key.port = static_cast<uint16_t>(Number(service, "port"));
  row.scheduler = WordAt(service, "scheduler");
  for (const json::value& flag : Array(service, "scheduler_flags")) {
    if (flag.is_string()) row.flags.emplace_back(flag.as_string());
  }
  std::sort(row.flags.begin(), row.flags.end());  // fallback before port
  const json::object& persistence = Object(service, "persistence");
  if (!persistence.empty()) {
    row.persistence_seconds = Seconds(persistence, "timeout_seconds", 1);
  }
  SetMask(persistence.empty() ? service : persistence, &row);
  row.engine = EngineOf(service);
  row.is_one_packet = Flag(service, "one_packet");
  row.total = TrafficOf(Object(service, "since_zero"));
  row.rate = TrafficOf(Object(service, "rate"));
  for (const json::value& item : Array(service, "reals")) {
    if (!item.is_object() || Flag(item.as_object(), "removed")) continue;
    const ServerRow server = ServerRowOf(item.as_object());
    if (server.is_fallback && server.weight == 0) continue;  // standby
    row.servers.push_back(server);
  }
  return row;
}

EntryRow ConnectionRowOf(const json::object& connection) {
  EntryRow row;
  row.protocol = ProtocolOf(WordAt(connection, "protocol"));
  row.remaining_seconds = Number(connection, "remaining_ms") / 1000;
  row.state = WordAt(connection, "state");
  row.client = EndpointOf(WordAt(connection, "client"));
  row.virtual_endpoint = EndpointOf(WordAt(connection, "virtual"));
  row.destination = EndpointOf(WordAt(connection, "destination"));
  row.engine = EngineOf(connection);
  row.engine_data = WordAt(connection, "engine_data");
  return row;
}

EntryRow TemplateRowOf(const json::object& one) {
  EntryRow row;
  const bool is_invalid = !Flag(one, "valid");
  row.protocol = ProtocolOf(WordAt(one, "protocol"));
  row.remaining_seconds = Seconds(one, "remaining_ms", 1000);
  row.state = Flag(one, "assured") ? "ASSURED" : "NONE";
  const std::string client = WordAt(one, "client");
  row.client.address = IpAddress::Parse(client.substr(0, client.find('/'))).value_or(IpAddress{});
  row.destination = EndpointOf(WordAt(one, "destination"));
  row.virtual_endpoint = EndpointOf(WordAt(one, "virtual"));
  if (row.protocol == kAnyProtocol) {
    // The mark stands where an address does, as the kernel keeps it: in the first 32 bits.
    const auto mark = Ipv4Address::FromHost(Small(one, "mark"));
    row.virtual_endpoint.address = mark;
    if (!row.client.address.is_v4()) {
      Ipv6Address wide;
      mark.Store(wide.bytes.data());
      row.virtual_endpoint.address = wide;
    }
  }
  if (is_invalid) {
    row.virtual_endpoint.port = row.destination.port = Be16::FromHost(kInvalidPort);
  }
  row.engine = EngineOf(one);
  row.engine_data = WordAt(one, "engine_data");
  return row;
}

uint64_t DurationSeconds(const json::object& object, std::string_view member) {
  const auto duration = control::ParseDuration(WordAt(object, member));
  return duration ? static_cast<uint64_t>(duration->count()) / 1000 : 0;
}

std::string DaemonLines(const json::object& ipvs) {
  const std::string role = Text(ipvs, "role");
  std::string lines;
  for (const std::string half : {"master", "backup"}) {
    if (role != half && role != "both") continue;
    lines += half + " sync daemon (mcast=" + Text(ipvs, "interface") +
             ", syncid=" + Text(ipvs, "syncid") + ", maxlen=" + Text(ipvs, "maxlen") +
             ", group=" + Text(ipvs, "group") + ", port=" + Text(ipvs, "udp_port") +
             ", ttl=" + Text(ipvs, "ttl") + ")\n";
  }
  return lines;
}

}  // namespace fairlead::cli::ipvsadm
