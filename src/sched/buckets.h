// The buckets that sh, dh, lblc and lblcr share.
//
//   BucketOf<8>(fold)      // one of 256
//   BucketOf<10>(fold)     // one of 1024
//
// Multiplicative hashing with 2^32 divided by the golden ratio (Knuth 6.4); the top bits decide.
// The numbers are those of an IPVS director (ipvs.md, schedulers), so they never change.
#pragma once

#include <cstdint>

namespace fairlead::sched {

template <int kBits>
constexpr uint32_t BucketOf(uint32_t value) noexcept {
  return value * 0x61C88647u >> (32 - kBits);
}

}  // namespace fairlead::sched
