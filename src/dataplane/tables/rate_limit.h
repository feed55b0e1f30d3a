// How many answers of our own (ICMP errors, resets) a client may draw, so that nobody can turn the
// director into a reflector (RFC 1812 section 4.3.2.8).
//
//   AnswerLimits limits;
//   if (!limits.AllowError(Hash(client), now)) …kIcmpRateLimited
//
// Each kind has a budget of its own: a flood that draws one must not starve the other, of all "too
// big", without which connections hang. Clients share a bucket when their hashes meet: they then
// share its rate, never lose their own packets. Threads: one worker's. 8 bytes a bucket.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace fairlead::dataplane {

// A token bucket that holds its credit as time: kBurst answers at once, then one in kCost ticks.
template <TickCount kCost, TickCount kBurst>
class RateLimit {
 public:
  static constexpr TickCount kCapacity = kBurst * kCost;
  static_assert(kCapacity <= UINT16_MAX);

  // True, and one answer is spent; or false.
  bool Allow(Tick now) noexcept {
    // A first use finds a full bucket. After 497 days of silence the tick has wrapped and the
    // difference may read as less: the client waits a little, no harm.
    const TickCount elapsed = is_used_ ? now.value - last_.value : kCapacity;
    credit_ = static_cast<uint16_t>(
        std::min<TickCount>(kCapacity, credit_ + std::min(elapsed, kCapacity)));
    is_used_ = true;
    last_ = now;
    if (credit_ < kCost) return false;
    credit_ = static_cast<uint16_t>(credit_ - kCost);
    return true;
  }

 private:
  Tick last_;
  uint16_t credit_ = 0;  // ticks
  bool is_used_ = false;
};

// Errors: six at once, then one a second, as Linux.
using ErrorLimit = RateLimit<kTicksPerSecond, 6>;
// Resets are no longer than what they answer, and a client whose many connections are unknown here,
// after a restart, must hear of each: 1,000 at once, then 100 a second.
using ResetLimit = RateLimit<1, 1000>;
static_assert(sizeof(ErrorLimit) == 8 && sizeof(ResetLimit) == 8);

template <typename Limit, size_t kBuckets>
class RateLimitTable {
 public:
  static_assert((kBuckets & (kBuckets - 1)) == 0, "a power of two");

  // `hash` of what is limited, well mixed and secret.
  bool Allow(uint64_t hash, Tick now) noexcept {
    return buckets_[hash & (kBuckets - 1)].Allow(now);
  }

 private:
  std::array<Limit, kBuckets> buckets_;
};

// Over all clients: kPerTick answers a tick, those of a second at once.
template <uint32_t kPerTick>
class TotalLimit {
 public:
  bool Allow(Tick now) noexcept {
    const TickCount elapsed = std::min<TickCount>(now.value - last_.value, kTicksPerSecond);
    credit_ = std::min(kPerTick * kTicksPerSecond, credit_ + elapsed * kPerTick);
    last_ = now;
    if (credit_ == 0) return false;
    --credit_;
    return true;
  }

 private:
  Tick last_;
  uint32_t credit_ = kPerTick * kTicksPerSecond;
};

// The budgets of one worker. `client`: a hash of who would get the answer, well mixed and secret.
class AnswerLimits {
 public:
  bool AllowError(uint64_t client, Tick now) noexcept { return errors_.Allow(client, now); }
  bool AllowReset(uint64_t client, Tick now) noexcept { return resets_.Allow(client, now); }
  // "Frag needed" and "packet too big".
  bool AllowTooBig(uint64_t client, Tick now) noexcept {
    return too_big_.Allow(client, now) && too_big_in_total_.Allow(now);
  }

 private:
  RateLimitTable<ErrorLimit, 1024> errors_;
  RateLimitTable<ResetLimit, 4096> resets_;
  RateLimitTable<ErrorLimit, 4096> too_big_;
  TotalLimit<20> too_big_in_total_;
};

}  // namespace fairlead::dataplane
