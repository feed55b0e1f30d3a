// The number that stands for a director's name where records say who made them.
//
//   entry.creator = CreatorNumber("edge-1");     // 1…2³²−1
//
// Every director computes the same number of the same name: it breaks ties between two that chose
// at once, so it never changes. Two names with the same number would only decide a tie by the real
// servers' addresses. Entries have room for 64 bits. Threads: pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace fairlead::sync {

// FNV-1a, folded to 32 bits; never 0, which says nothing.
constexpr uint32_t CreatorNumber(std::string_view name) noexcept {
  uint64_t hash = 0xcbf2'9ce4'8422'2325;
  for (const char c : name) {
    hash = (hash ^ static_cast<uint8_t>(c)) * 0x0000'0100'0000'01b3;
  }
  const auto folded = static_cast<uint32_t>(hash ^ hash >> 32);
  return folded == 0 ? 1 : folded;
}

}  // namespace fairlead::sync
