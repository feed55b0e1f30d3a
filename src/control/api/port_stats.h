// What the NICs counted, as the edge reads it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "base/ids.h"

namespace fairlead::api {

struct PortStats {
  uint64_t rx_packets = 0, rx_bytes = 0, rx_errors = 0;
  uint64_t rx_missed = 0;  // came faster than workers fetched them
  uint64_t tx_packets = 0, tx_bytes = 0, tx_errors = 0;
};

// Called on the API thread; nothing when the port has no figures. May be empty.
using PortStatsReader = std::function<std::optional<PortStats>(PortId)>;

}  // namespace fairlead::api
