// When a worker with nothing to do gives its core away, and for how long.
//
//   Idle idle;
//   for (;;) { size_t work = Turn(); if (idle.After(work)) …it has slept… }
//
// After 64 empty turns it sleeps 20 µs, then twice as long each time until 1 ms; work resets that.
// At most a millisecond, because the others wait for it: a snapshot is retired when every worker
// has moved on, and packets handed to it lie in its ring meanwhile. Threads: one worker's.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstddef>

namespace fairlead::edge {

class Idle {
 public:
  // True when it slept.
  bool After(size_t work) noexcept {
    if (work > 0) {
      empty_turns_ = 0;
      sleep_ns_ = kShortestNs;
      return false;
    }
    if (++empty_turns_ < kEmptyTurns) return false;
    const timespec length{0, sleep_ns_};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &length, nullptr);
    sleep_ns_ = std::min(2 * sleep_ns_, kLongestNs);
    return true;
  }

 private:
  static constexpr int kEmptyTurns = 64;
  static constexpr long kShortestNs = 20'000;
  static constexpr long kLongestNs = 1'000'000;

  int empty_turns_ = 0;
  long sleep_ns_ = kShortestNs;
};

}  // namespace fairlead::edge
