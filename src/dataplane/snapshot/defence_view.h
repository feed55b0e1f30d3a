// What the operator has set of the defence against floods (shard/defence.h, docs/defence.md).
//
// A mode is 0 off, 1 automatic, 3 always; 2 means 1, as in Linux. Threads: values.
#pragma once

#include <cstdint>

namespace fairlead::dataplane {

inline constexpr uint8_t kDefenceOff = 0, kDefenceAuto = 1, kDefenceAlways = 3;

// What holds for the whole director.
struct DefenceView {
  uint8_t drop_entry = kDefenceOff;
  uint32_t am_droprate = 10;        // of drop_packet 3: one new connection in so many; 0: none
  uint8_t amemthresh_percent = 10;  // 1…100

  friend bool operator==(const DefenceView&, const DefenceView&) = default;
};

}  // namespace fairlead::dataplane
