// `GET /metrics`: the Prometheus text form of all counters. docs/counters.md describes each family;
// a test holds the names of the two together.
#pragma once

#include <string>

namespace fairlead::control {
struct ControlView;
}

namespace fairlead::api {

struct Context;

inline constexpr const char* kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

std::string RenderMetrics(const Context& context, const control::ControlView& view);

}  // namespace fairlead::api
