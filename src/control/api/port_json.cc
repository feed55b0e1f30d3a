#include "control/api/port_json.h"

#include <boost/json/array.hpp>
#include <utility>

#include "control/api/json_views.h"
#include "control/control_api.h"
#include "dataplane/shard/fabric.h"

namespace fairlead::api {

namespace json = boost::json;

namespace {

json::object LinkToJson(const control::PortLinks::State& state) {
  const control::PortLink& link = state.link;
  const char* const duplex = link.is_full_duplex ? "full" : "half";
  return {{"up", link.is_up},
          {"since", Timestamp(state.since)},
          {"downs", state.downs},
          {"speed_mbps", OrNull(link.speed_mbps != 0, link.speed_mbps)},
          {"duplex", OrNull(link.speed_mbps != 0, duplex)}};
}

}  // namespace

json::object PortToJson(const Context& context, const control::PortInfo& port) {
  json::array addresses, of_others;
  for (const Prefix& prefix : port.addresses) addresses.emplace_back(prefix.ToString());
  for (const Prefix& prefix : port.kernel_addresses) of_others.emplace_back(prefix.ToString());
  json::object object{{"name", port.name},
                      {"device", port.device},
                      {"vlan", OrNull(port.vlan != 0, port.vlan)},
                      {"link", LinkToJson(port.link)},
                      {"mac", port.mac.ToString()},
                      {"mtu_bytes", port.mtu_bytes},
                      {"role", port.role},
                      {"host_interface", OrNull(!port.host_interface.empty(), port.host_interface)},
                      {"kernel_ingress", OrNull(!port.kernel_ingress.empty(), port.kernel_ingress)},
                      {"multicast_groups", port.multicast_groups},
                      {"steering", port.steering},
                      {"addresses", std::move(addresses)},
                      {"kernel_addresses", std::move(of_others)}};
  const uint64_t missed =
      context.control.fabric().stats.SumPort(port.id, &dataplane::PortCounters::tx_missed);
  if (const auto s = context.ports.stats ? context.ports.stats(port.id) : std::nullopt) {
    object["traffic"] = {{"rx_packets", s->rx_packets}, {"rx_bytes", s->rx_bytes},
                         {"rx_errors", s->rx_errors},   {"rx_missed", s->rx_missed},
                         {"tx_packets", s->tx_packets}, {"tx_bytes", s->tx_bytes},
                         {"tx_errors", s->tx_errors},   {"tx_missed", missed}};
  }
  return object;
}

}  // namespace fairlead::api
