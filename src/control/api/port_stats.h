// What the NICs counted, as the edge reads it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"

namespace fairlead::api {

struct PortStats {
  uint64_t rx_packets = 0, rx_bytes = 0, rx_errors = 0;
  uint64_t rx_missed = 0;  // came faster than workers fetched them
  uint64_t tx_packets = 0, tx_bytes = 0, tx_errors = 0;
};

// By the driver's own name, such as "rx_good_packets".
struct DriverCounter {
  std::string name;
  uint64_t value = 0;
};

// Called on the API thread; nothing when the port has no figures. May be empty.
using PortStatsReader = std::function<std::optional<PortStats>(PortId)>;
using DriverCounterReader = std::function<std::vector<DriverCounter>(PortId)>;

struct PortReaders {
  PortStatsReader stats{};
  DriverCounterReader counters{};
};

}  // namespace fairlead::api
