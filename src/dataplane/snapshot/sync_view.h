// When workers tell of connections by the kernel's sync protocol: its sysctls.
//
//   if (snapshot.sync.is_on) [[unlikely]] …
//
// Threads: immutable once published.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace fairlead::dataplane {

struct SyncView {
  bool is_on = false;  // somebody sends what workers tell of
  bool templates_only =
      false;               // sync_persist_mode: of connections that have one, the template alone
  uint8_t retries = 0;     // sync_retries
  uint32_t threshold = 3;  // sync_threshold: which packet of each `period`, 0: of all
  uint32_t period = 50;
  TickCount refresh = 0;  // sync_refresh_period; 0: none

  // Whether the packet with this number may be one that a connection is told of.
  [[nodiscard]] bool IsCounted(uint32_t packet) const noexcept {
    if (period != 0) return packet % period == threshold;
    return refresh != 0 || packet == threshold;
  }
  friend bool operator==(const SyncView&, const SyncView&) = default;
};

}  // namespace fairlead::dataplane
