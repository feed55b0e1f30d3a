// Configuration in JSON by the names and in the forms that the file has, so that what is read can
// be sent back (PATCH, POST).
//
//   ConfigToJson(control::DumpOf(service));
//   // {"name": "shop", "timeouts": {"tcp": "15m", …}, …}
//
// Threads: pure.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>

namespace fairlead::control {
struct ControlView;
struct RealInfo;
struct ServiceInfo;
}  // namespace fairlead::control

namespace fairlead::api {

// Precondition: a map that control::DumpOf wrote.
boost::json::object ConfigToJson(const std::string& dump);

// What is configured of a service, and of one of its reals; null for what no configuration has: a
// removed real, a fallback.
boost::json::value ConfigOf(const control::ControlView& view, const control::ServiceInfo& service);
boost::json::value ConfigOf(const control::ControlView& view, const control::ServiceInfo& service,
                            const control::RealInfo& real);

}  // namespace fairlead::api
