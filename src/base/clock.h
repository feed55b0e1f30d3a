// Dataplane time: one 32-bit tick of 10 ms that wraps after 497 days.
//
//   Tick deadline = now + TicksFromSeconds(900);
//   if (deadline.HasPassed(now)) …
//
// Comparisons look at the signed difference (as TCP compares sequence numbers, RFC 9293
// section 3.4), so two ticks compare rightly while they are less than 248 days apart; the longest
// timeout allowed is 31 days. Threads: values. Who reads a clock passes the tick on: one read a
// burst.
#pragma once

#include <cstdint>

namespace fairlead {

inline constexpr uint32_t kTicksPerSecond = 100;

// A length of time in ticks.
using TickCount = uint32_t;

constexpr TickCount TicksFromSeconds(uint32_t seconds) { return seconds * kTicksPerSecond; }
constexpr TickCount TicksFromMilliseconds(uint64_t ms) {
  return static_cast<TickCount>(ms * kTicksPerSecond / 1000);
}

struct Tick {
  uint32_t value = 0;

  // At or after this tick.
  [[nodiscard]] constexpr bool HasPassed(Tick now) const {
    return static_cast<int32_t>(now.value - value) >= 0;
  }
  // Ticks from `now` until this one; 0 when it has passed.
  [[nodiscard]] constexpr TickCount Remaining(Tick now) const {
    return HasPassed(now) ? 0 : value - now.value;
  }
  friend constexpr Tick operator+(Tick t, TickCount n) { return {t.value + n}; }
  friend constexpr Tick operator-(Tick t, TickCount n) { return {t.value - n}; }
  friend constexpr bool operator==(Tick, Tick) = default;
};

}  // namespace fairlead
