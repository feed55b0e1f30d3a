// Rows of connections and templates as JSON.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "control/api/name_index.h"
#include "dataplane/shard/mailbox.h"

namespace fairlead::api {

boost::json::object RowToJson(const NameIndex& names, WorkerId worker,
                              const dataplane::ConnectionRow& row);
boost::json::object RowToJson(const NameIndex& names, WorkerId worker,
                              const dataplane::TemplateRow& row);

// Milliseconds of a dataplane time.
constexpr uint64_t Milliseconds(TickCount ticks) {
  return uint64_t{ticks} * 1000 / kTicksPerSecond;
}

// The same, or null for what never ends.
boost::json::value MillisecondsOrNever(TickCount ticks);

// An address under a netmask: "198.51.100.0/24", "198.51.0.7/255.255.0.255", or the address alone
// when all of it counts. `mask`: host order, IPv4; `prefix_length`: IPv6.
std::string ClientText(const IpAddress& client, int prefix_length, uint32_t mask);

// "linux", "full": the word of `persistence.renew`.
std::string_view WordOf(dataplane::RenewMode mode);

}  // namespace fairlead::api
