// Secrets, drawn from the kernel at start: keys of hashes, so that no stranger can choose what
// meets in one place.
//
//   std::array<uint8_t, 40> key;
//   DrawSecret(key);
//
// Threads: any.
#pragma once

#include <cstdint>
#include <span>

namespace fairlead {

// Fills it with random bytes. Throws std::system_error when the kernel has none.
void DrawSecret(std::span<uint8_t> secret);

}  // namespace fairlead
