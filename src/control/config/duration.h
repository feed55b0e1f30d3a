// Times of the configuration. Threads: constants.
#pragma once

#include <chrono>

namespace fairlead::control {

using Duration = std::chrono::milliseconds;
using namespace std::chrono_literals;

}  // namespace fairlead::control
