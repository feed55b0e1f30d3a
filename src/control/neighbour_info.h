// A neighbour as the control core knows it, for whoever asks.
//
//   control.ListNeighbours([](std::vector<NeighbourInfo> all) { … });      // control_api.h
//
// Threads: a value.
#pragma once

#include <chrono>
#include <optional>

#include "base/ids.h"
#include "base/ip_address.h"
#include "dataplane/tables/neighbour_table.h"

namespace fairlead::control {

struct NeighbourInfo {
  PortId port;
  IpAddress address;
  MacAddress mac;  // of one that has answered
  dataplane::NeighbourState state = dataplane::NeighbourState::kUnknown;
  bool is_pinned = false;           // a next hop of the configuration
  bool is_seen_by_workers = false;  // what workers read says the same
  // Since it answered last, or was wanted for the first time; none: never, since the start.
  std::optional<std::chrono::milliseconds> age;
};

}  // namespace fairlead::control
