// The director's state as JSON, in the words of docs/api.md.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "control/health/health_state.h"

namespace fairlead::control {
struct ControlView;
struct RealInfo;
struct ServiceInfo;
}  // namespace fairlead::control
namespace fairlead::dataplane {
class Fabric;
struct TrafficSum;
}  // namespace fairlead::dataplane

namespace fairlead::api {

struct Context;

std::string_view WordOf(control::HealthState state);
std::string WordOfProtocol(uint8_t protocol);  // "tcp", "udp", or the number

// "2026-11-20T19:00:00Z"
std::string Timestamp(std::chrono::system_clock::time_point at);

template <typename T>
boost::json::value OrNull(bool is_there, const T& value) {
  return is_there ? boost::json::value(value) : boost::json::value(nullptr);
}

boost::json::object TrafficToJson(const dataplane::TrafficSum& traffic);
boost::json::object RealToJson(const dataplane::Fabric& fabric, const control::ServiceInfo& service,
                               const control::RealInfo& real);
// Since when its checks call it what they do; null: it has none.
boost::json::value HealthSince(const control::RealInfo& real);
boost::json::object ServiceToJson(const dataplane::Fabric& fabric, const control::ControlView& view,
                                  const control::ServiceInfo& service, bool with_reals);
boost::json::object StatusToJson(const Context& context, const control::ControlView& view);

}  // namespace fairlead::api
