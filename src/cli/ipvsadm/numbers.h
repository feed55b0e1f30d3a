// Counters in nine columns, as ipvsadm shortens them (ipvs.md, ipvsadm listings).
//
//   Counter(99'999'999, false)      // " 99999999"
//   Counter(100'000'000, false)     // "  100000K"
//   Counter(12'345'678'901, true)   // " 12345678901"
#pragma once

#include <cstdint>
#include <string>

namespace fairlead::cli::ipvsadm {

// Right-aligned in 9; cut, not rounded. `is_exact`: never shortened, but wider when need be.
std::string Counter(uint64_t value, bool is_exact);

}  // namespace fairlead::cli::ipvsadm
