// The clock of the schedule of checks: as fast as the real one, unless more looks are due than may
// be taken.
//
//   const TimePoint goal = pace.Goal(now);        // start what is due until then …
//   pace.Advance(reached, now);                   // … `reached` < goal: what is due after it waits
//   pace.stretch();                               // 2.5: every interval takes 2.5 times as long
//
// While the schedule's clock waits nothing becomes due, so all intervals grow by the same factor,
// long and short ones, and nothing is made up for afterwards. A turn that comes over kLongestStep
// late is not made up for either, and a single one is no stretch. Threads: a value; now is the
// caller's clock.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>

#include "control/time_point.h"

namespace fairlead::control {

class SchedulePace {
 public:
  static constexpr std::chrono::seconds kLongestStep{1};
  static constexpr double kMemorySeconds = 10;  // over which stretch() is taken
  static constexpr double kMostStretch = 1000;

  // The schedule's time now; the first call starts it.
  TimePoint at(TimePoint now) {
    if (!is_begun_) at_ = last_ = now;
    is_begun_ = true;
    return at_;
  }
  TimePoint Goal(TimePoint now) {
    return at(now) + std::min<TimePoint::duration>(now - last_, kLongestStep);
  }
  void Advance(TimePoint reached, TimePoint now) {
    const double real = Seconds(std::min<TimePoint::duration>(now - last_, kLongestStep));
    const double keep = std::exp(-real / kMemorySeconds);
    real_ = real_ * keep + real;
    planned_ = planned_ * keep + Seconds(std::max(reached, at_) - at_);
    at_ = std::max(reached, at_);
    last_ = now;
  }
  [[nodiscard]] double stretch() const {
    return std::clamp(real_ / std::max(planned_, 1e-6), 1.0, kMostStretch);
  }

 private:
  static double Seconds(TimePoint::duration d) { return std::chrono::duration<double>(d).count(); }

  bool is_begun_ = false;
  TimePoint at_{}, last_{};
  double real_ = kMemorySeconds, planned_ = kMemorySeconds;  // seconds, older ones fading
};

}  // namespace fairlead::control
