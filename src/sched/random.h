// The random source of twos: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), eight bytes of state.
//
//   uint64_t state = seed;               // any value, 0 too
//   NextRandom(&state);                  // 64 bits; seed 0 begins with e220a8397b1dcdaf
//   UniformUpTo(sum, &state);            // 0…sum, both ends included
//
// Not for secrets: it spreads load. Each worker seeds its services differently, or all workers
// would draw the same sequence. Threads: the state's owner.
#pragma once

#include <cstdint>

namespace fairlead::sched {

inline uint64_t NextRandom(uint64_t* state) noexcept {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

// Biased by less than highest ÷ 2^64: nothing at the weights there are.
inline uint64_t UniformUpTo(uint64_t highest, uint64_t* state) noexcept {
  return NextRandom(state) % (highest + 1);
}

}  // namespace fairlead::sched
