// How often something happened lately: in the last five to ten minutes.
//
//   lately.Note(now);
//   lately.At(now);      // 1; ten minutes later 0
//
// Threads: a value; now is the caller's clock, which does not go back.
#pragma once

#include <chrono>
#include <cstdint>

#include "control/time_point.h"

namespace fairlead::control {

class LatelyCount {
 public:
  static constexpr std::chrono::minutes kSlot{5};

  void Note(TimePoint now) {
    MoveTo(now);
    ++current_;
  }
  [[nodiscard]] uint64_t At(TimePoint now) const {
    LatelyCount moved = *this;
    moved.MoveTo(now);
    return moved.current_ + moved.before_;
  }

 private:
  void MoveTo(TimePoint now) {
    const auto slot = now.time_since_epoch() / kSlot;
    if (slot == slot_) return;
    before_ = slot == slot_ + 1 ? current_ : 0;
    current_ = 0;
    slot_ = slot;
  }

  int64_t slot_ = 0;
  uint64_t current_ = 0, before_ = 0;
};

}  // namespace fairlead::control
