#include "control/api/pulse.h"

#include "control/control_api.h"
#include "dataplane/shard/fabric.h"

namespace fairlead::api {

Pulse::Pulse(control::ControlApi& control, Clock::duration patience, Clock::time_point now)
    : control_(control),
      patience_(patience),
      beats_(1 + control.fabric().stats.worker_count()),
      sampled_(now) {
  for (size_t i = 0; i < beats_.size(); ++i) beats_[i] = {TurnsOf(i), now};
}

uint64_t Pulse::TurnsOf(size_t beat) const {
  if (beat == 0) return control_.vitals().turns;
  const WorkerId worker{static_cast<uint8_t>(beat - 1)};
  return control_.fabric().stats.worker(worker).polls.value();
}

void Pulse::Sample(Clock::time_point now) {
  const bool has_slept = now - sampled_ > patience_ / 2;
  sampled_ = now;
  for (size_t i = 0; i < beats_.size(); ++i) {
    const uint64_t turns = TurnsOf(i);
    if (turns != beats_[i].turns || has_slept) beats_[i] = {turns, now};
  }
}

std::string Pulse::WhoStandsStill(Clock::time_point now) {
  Sample(now);
  for (size_t i = 0; i < beats_.size(); ++i) {
    const auto still = now - beats_[i].seen;
    if (still <= patience_) continue;
    const std::string since =
        std::to_string(std::chrono::duration_cast<std::chrono::seconds>(still).count()) + " s";
    if (i == 0) {
      return "The control core has made no turn for " + since +
             ": real servers are not checked and changes are not carried out. After a large reload "
             "it catches up; otherwise restart fairleadd";
    }
    return "Worker " + std::to_string(i - 1) + " has made no turn for " + since +
           ": its packets are not forwarded. Look for another program on its core; otherwise "
           "restart fairleadd";
  }
  return "";
}

}  // namespace fairlead::api
