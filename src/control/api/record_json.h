// Rows of connections and templates as JSON.
#pragma once

#include <boost/json/object.hpp>

#include "control/api/name_index.h"
#include "dataplane/mailbox.h"

namespace fairlead::api {

boost::json::object RowToJson(const NameIndex& names, WorkerId worker,
                              const dataplane::ConnectionRow& row);
boost::json::object RowToJson(const NameIndex& names, WorkerId worker,
                              const dataplane::TemplateRow& row);

// Milliseconds of a dataplane time.
constexpr uint64_t Milliseconds(TickCount ticks) {
  return uint64_t{ticks} * 1000 / kTicksPerSecond;
}

}  // namespace fairlead::api
