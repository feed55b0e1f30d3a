// How many looks may begin now: as many as the thread that makes them has time for.
//
//   StartRate rate({.least = 5000, .most = 12000, .fewest_at_once = 25, .most_at_once = 200});
//   const size_t most = rate.AtOnce(since);      // `since` the call before
//   …
//   rate.NoteStarted(started);
//
// The thread calls every few milliseconds. When it comes late twice in a row it has more to do than
// it can: what servers answer waits, and so does whoever asks for a change. Then the rate falls by
// an eighth each time, and else grows by a fiftieth each time that all of it was used. So a fast
// machine makes more looks than a slow one, and a crowd of them keeps nothing waiting for long.
// Threads: a value.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>

#include "control/time_point.h"

namespace fairlead::control {

class StartRate {
 public:
  struct Bounds {
    double least, most;  // a second
    // In one call, which keeps the thread that long from everything else.
    size_t fewest_at_once, most_at_once;
  };
  // Twice of what it is called in (kHealthTurn of publication.cc).
  static constexpr std::chrono::milliseconds kLate{10};

  explicit StartRate(const Bounds& bounds) : bounds_(bounds), rate_(bounds.least) {}

  size_t AtOnce(TimePoint::duration since) {
    const bool was_late = std::exchange(is_late_, since > kLate);
    if (was_late && is_late_) rate_ = std::max(bounds_.least, rate_ * 7 / 8);
    const double due = std::chrono::duration<double>(since).count() * rate_;
    at_once_ = static_cast<size_t>(std::clamp(due, static_cast<double>(bounds_.fewest_at_once),
                                              static_cast<double>(bounds_.most_at_once)));
    return at_once_;
  }
  void NoteStarted(size_t started) {
    if (started == at_once_ && !is_late_) rate_ = std::min(bounds_.most, rate_ * 51 / 50);
  }
  [[nodiscard]] double a_second() const { return rate_; }

 private:
  Bounds bounds_;
  double rate_;
  size_t at_once_ = 0;
  bool is_late_ = false;
};

}  // namespace fairlead::control
