// The control core's clock, passed in as a value so that tests own the time.
#pragma once

#include <chrono>

namespace fairlead::control {

using TimePoint = std::chrono::steady_clock::time_point;

}  // namespace fairlead::control
