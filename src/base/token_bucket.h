// So many at once, then so many a second; credit is kept in hundredths, and time in ticks.
//
//   TokenBucket<100, 200> learnt;          // 200 at once, then 100 a second
//   if (!learnt.Take(now)) …over the limit…
//
// Full at its first use. After 497 days of silence the tick has wrapped and less time may seem to
// have passed: then it fills up anew, no harm. Threads: its owner's.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace fairlead {

template <uint32_t kPerSecond, uint32_t kAtOnce>
class TokenBucket {
  static constexpr uint32_t kToken = kTicksPerSecond;  // a tick brings kPerSecond hundredths
  static constexpr uint64_t kFull = uint64_t{kAtOnce} * kToken;
  static_assert(kFull <= UINT32_MAX && kPerSecond > 0 && kAtOnce > 0);

 public:
  // True, and one token is spent; or false.
  bool Take(Tick now) noexcept {
    const uint64_t brought = uint64_t{now.value - last_.value} * kPerSecond;
    credit_ = static_cast<uint32_t>(std::min(kFull, credit_ + brought));
    if (!is_used_) credit_ = static_cast<uint32_t>(kFull);
    is_used_ = true;
    last_ = now;
    if (credit_ < kToken) return false;
    credit_ -= kToken;
    return true;
  }

 private:
  Tick last_;
  uint32_t credit_ = 0;
  bool is_used_ = false;
};

}  // namespace fairlead
