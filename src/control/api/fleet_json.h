// A fleet as JSON, in the words of docs/api.md.
#pragma once

#include <boost/json/object.hpp>

#include "control/fleet/fleet_info.h"

namespace fairlead::api {

boost::json::object FleetToJson(const control::FleetInfo& info);

}  // namespace fairlead::api
