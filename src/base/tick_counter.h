// Ticks from a cycle counter, which may be set back: the machine was suspended, or the guest moved
// to another host. Time then stands still for a moment and goes on.
//
//   TickCounter ticks(base_cycles, cycles_per_tick);
//   if (ticks.Advance(ReadCycles())) …a new tick: ticks.now()…
//
// Threads: values. Counters that began with the same base agree until the cycles are set back, and
// then to within what passed between their two last calls.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace fairlead {

class TickCounter {
 public:
  // Precondition: cycles_per_tick > 0.
  TickCounter(uint64_t base_cycles, uint64_t cycles_per_tick) noexcept
      : base_(base_cycles), per_tick_(cycles_per_tick) {}

  [[nodiscard]] Tick now() const noexcept { return tick_; }

  // True when the tick is another than before. It never goes back.
  bool Advance(uint64_t cycles) noexcept {
    if (cycles - begin_ < per_tick_) [[likely]]
      return false;
    return Leave(cycles);
  }

 private:
  // The cycles are not in this tick.
  bool Leave(uint64_t cycles) noexcept {
    const uint64_t back = begin_ - cycles;
    if (static_cast<int64_t>(back) > 0) {
      // Cores differ by a little, and that passes. More is another count: this tick begins anew.
      if (back <= per_tick_) return false;
      base_ -= back;
      begin_ = cycles;
      return false;
    }
    const uint64_t ticks = (cycles - base_) / per_tick_;
    const Tick before = tick_;
    tick_ = Tick{static_cast<uint32_t>(ticks)};
    begin_ = base_ + ticks * per_tick_;
    return tick_ != before;
  }

  uint64_t base_;  // the cycles of tick 0; wraps
  uint64_t per_tick_;
  uint64_t begin_ = base_;  // of this tick
  Tick tick_;
};

}  // namespace fairlead
