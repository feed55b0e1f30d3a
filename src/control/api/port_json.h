// A port as JSON, in the words of docs/api.md. Threads: the API thread.
#pragma once

#include <boost/json/object.hpp>

#include "control/api/context.h"
#include "control/view.h"

namespace fairlead::api {

boost::json::object PortToJson(const Context& context, const control::PortInfo& port);

}  // namespace fairlead::api
