// SipHash-1-3 (Aumasson and Bernstein, 2012; one compression round, three finalisation rounds): the
// keyed hash of Maglev tables (ipvs.md, mh) and of whatever an attacker must not be able to
// aim at.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fairlead {

struct SipKey {
  uint64_t k0 = 0;
  uint64_t k1 = 0;
};

uint64_t SipHash13(SipKey key, const void* data, size_t length) noexcept;

}  // namespace fairlead
