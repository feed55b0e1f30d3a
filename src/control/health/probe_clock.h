// How much time servers have had to answer: time in which somebody was there to hear them.
//
//   clock.Advance(now);               // at every kStep
//   deadline = clock.elapsed() + timeout;
//
// While the thread is busy with something else, answers wait in the kernel and questions are not
// even sent; a turn that comes late counts as two steps, however late it is. So a server is never
// called silent because its director was. Threads: a value; now is the caller's clock.
#pragma once

#include <algorithm>
#include <chrono>

#include "control/time_point.h"

namespace fairlead::control {

class ProbeClock {
 public:
  static constexpr std::chrono::milliseconds kStep{10};

  // Nothing was under way until now.
  void Resume(TimePoint now) { last_ = now; }
  void Advance(TimePoint now) {
    elapsed_ += std::min<TimePoint::duration>(now - last_, 2 * kStep);
    last_ = now;
  }
  [[nodiscard]] TimePoint::duration elapsed() const { return elapsed_; }

 private:
  TimePoint last_{};
  TimePoint::duration elapsed_{};
};

}  // namespace fairlead::control
