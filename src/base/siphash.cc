#include "base/siphash.h"

#include <bit>
#include <cstring>

namespace fairlead {
namespace {

struct State {
  uint64_t v0, v1, v2, v3;

  void Round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void Absorb(uint64_t word) {
    v3 ^= word;
    Round();
    v0 ^= word;
  }
};

}  // namespace

uint64_t SipHash13(SipKey key, const void* data, size_t length) noexcept {
  // The constants spell "somepseudorandomlygeneratedbytes" (paper, section 2.2).
  State s{key.k0 ^ 0x736f6d6570736575u, key.k1 ^ 0x646f72616e646f6du, key.k0 ^ 0x6c7967656e657261u,
          key.k1 ^ 0x7465646279746573u};
  const auto* p = static_cast<const uint8_t*>(data);
  const size_t tail = length % 8;
  for (const uint8_t* end = p + (length - tail); p != end; p += 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    s.Absorb(word);
  }
  uint64_t last = static_cast<uint64_t>(length) << 56;
  for (size_t i = 0; i < tail; ++i) last |= static_cast<uint64_t>(p[i]) << (8 * i);
  s.Absorb(last);
  s.v2 ^= 0xff;
  s.Round();
  s.Round();
  s.Round();
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

}  // namespace fairlead
