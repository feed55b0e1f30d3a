// The sync peers that a fleet's store names (`sync.peers: fleet`): what the thread of the fleet
// gives the control core.
//
//   std::shared_ptr<const FleetPeerList> list = fleet.peers();
//   if (!list->is_known) …nobody has said yet which there are…
//
// Threads: an immutable value, replaced whole.
#pragma once

#include <vector>

#include "control/config/sync_config.h"

namespace fairlead::control {

struct FleetPeerList {
  bool is_known = false;          // the store was heard, or what it said was kept over a restart
  std::vector<SyncPeer> peers{};  // by name, kMostStreamPeers at the most, never this director
  friend bool operator==(const FleetPeerList&, const FleetPeerList&) = default;
};

}  // namespace fairlead::control
