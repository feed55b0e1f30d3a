// One line a minute of what may happen many times a second.
//
//   LogPace pace_;
//   if (const uint64_t times = pace_.Note(Clock::now())) LogWarning("…", {{"times", times}});
//
// The first time is told at once; what happens in the minute after it is counted and told with the
// next one after that. Threads: one.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

namespace fairlead {

class LogPace {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kPause{60};

  // How often it happened since the last line, this time included; 0: there is no line to write.
  uint64_t Note(TimePoint now) {
    ++untold_;
    if (is_begun_ && now < next_line_) return 0;
    is_begun_ = true;
    next_line_ = now + kPause;
    return std::exchange(untold_, 0);
  }

 private:
  uint64_t untold_ = 0;
  TimePoint next_line_{};
  bool is_begun_ = false;
};

}  // namespace fairlead
