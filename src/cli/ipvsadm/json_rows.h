// The director's JSON (docs/api.md) as rows of listings.
//
//   ServiceRow row = ServiceRowOf(document.at("services").at(0).as_object());
//
// Members that are missing count as their defaults: an older director lists less.
#pragma once

#include <boost/json/object.hpp>

#include "cli/ipvsadm/rows.h"

namespace fairlead::cli::ipvsadm {

ServiceRow ServiceRowOf(const boost::json::object& service);
EntryRow ConnectionRowOf(const boost::json::object& connection);
EntryRow TemplateRowOf(const boost::json::object& one);
// Of a duration such as "15m"; 0 when the member is none.
uint64_t DurationSeconds(const boost::json::object& object, std::string_view member);

// The lines of -L --daemon, from the member `ipvs` of /v1/sync; none when nothing runs.
std::string DaemonLines(const boost::json::object& ipvs);

}  // namespace fairlead::cli::ipvsadm
