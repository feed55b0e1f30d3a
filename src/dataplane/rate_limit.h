// How many answers of our own (ICMP errors, resets) one client may draw: six at once, then one a
// second, so that nobody can turn the director into a reflector (RFC 1812 section 4.3.2.8).
//
//   RateLimitTable<1024> limits;
//   if (!limits.Allow(Hash(client), now)) …kIcmpRateLimited
//
// Clients share a bucket when their hashes meet: they then share its rate, never lose their own
// packets. Threads: one worker's. 8 bytes a bucket.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace fairlead::dataplane {

// A token bucket that holds its credit as time.
class RateLimit {
 public:
  static constexpr TickCount kCost = kTicksPerSecond;  // of one answer
  static constexpr TickCount kCapacity = 6 * kCost;

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
static_assert(sizeof(RateLimit) == 8);

template <size_t kBuckets>
class RateLimitTable {
 public:
  static_assert((kBuckets & (kBuckets - 1)) == 0, "a power of two");

  // `hash` of what is limited, well mixed and secret.
  bool Allow(uint64_t hash, Tick now) noexcept {
    return buckets_[hash & (kBuckets - 1)].Allow(now);
  }

 private:
  std::array<RateLimit, kBuckets> buckets_;
};

}  // namespace fairlead::dataplane
