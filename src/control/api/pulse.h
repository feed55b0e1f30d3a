// Who still turns: the control core and each worker count their turns, and a count that stands
// still tells of a thread that hangs, with nothing to do for the thread itself.
//
//   Pulse pulse(control, 5s);
//   pulse.Sample(Clock::now());                    // by a timer, some times in the patience
//   pulse.WhoStandsStill(Clock::now())             // "Worker 1 has made no turn for 7 s: …", or ""
//
// A gap between samples, as after the whole process was stopped, is this thread's own and is held
// against nobody. Threads: the API thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace fairlead::control {
class ControlApi;
}

namespace fairlead::api {

// Longer than any turn of a sound thread: a worker's is below milliseconds, and the control core's
// longest are the reading of large files (docs/reload.md).
inline constexpr std::chrono::milliseconds kPulsePatience{5000};

class Pulse {
 public:
  using Clock = std::chrono::steady_clock;

  Pulse(control::ControlApi& control, Clock::duration patience, Clock::time_point now);

  void Sample(Clock::time_point now);
  // A sentence with the effect and a remedy; the control core before the workers. Samples.
  [[nodiscard]] std::string WhoStandsStill(Clock::time_point now);

  // How often Sample is to be called.
  [[nodiscard]] Clock::duration interval() const { return patience_ / 5; }

 private:
  struct Beat {
    uint64_t turns = 0;
    Clock::time_point seen;  // when the count had risen
  };
  [[nodiscard]] uint64_t TurnsOf(size_t beat) const;

  control::ControlApi& control_;
  const Clock::duration patience_;
  std::vector<Beat> beats_;  // the control core, then the workers
  Clock::time_point sampled_;
};

}  // namespace fairlead::api
