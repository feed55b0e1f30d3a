// Synchronisation with other directors as JSON, in the words of docs/api.md.
#pragma once

#include <boost/json/object.hpp>

namespace fairlead::control {
struct ControlView;
}  // namespace fairlead::control

namespace fairlead::api {

boost::json::object SyncToJson(const control::ControlView& view);

}  // namespace fairlead::api
