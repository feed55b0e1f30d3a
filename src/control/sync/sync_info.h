// What the control core shows of synchronisation with a kernel director.
//
//   if (view->sync != nullptr) …view->sync->received.connections…
//
// Threads: immutable once shown. Counts only rise, from the start of the process on.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/forward_method.h"
#include "base/ids.h"
#include "control/config/model.h"
#include "control/identity.h"
#include "dataplane/shard/sync_fault.h"
#include "sync/ipvs/refusal.h"

namespace fairlead::control {

// Of what peers have sent.
struct IntakeCounts {
  uint64_t datagrams = 0, bytes = 0;
  uint64_t entries = 0;                     // that made sense
  uint64_t connections = 0, templates = 0;  // taken: made or followed
  std::array<uint64_t, sync::kSyncRefusalCount> refused{};
  std::array<uint64_t, dataplane::kSyncFaultCount> faults{};
};

// Of what was sent to peers.
struct OutgoingCounts {
  uint64_t datagrams = 0, bytes = 0, entries = 0;
  uint64_t unsaid = 0;  // entries that the version sent has no words for
  uint64_t failed = 0;  // datagrams that the kernel did not take
  uint64_t unsent = 0;  // entries of those, and those that came while no socket was open
};

// A real server that messages name and no configuration does (unknown_reals.h).
struct UnknownRealInfo {
  RealId id;
  ServiceIdentity service;  // of the configuration, or the message's virtual endpoint
  RealIdentity real;
  ForwardMethod method = ForwardMethod::kNat;
};

struct SyncInfo {
  IpvsSyncConfig config;
  bool is_open = false;  // its sockets are
  std::string problem;   // why they are not; or empty
  IntakeCounts received;
  OutgoingCounts sent;
  uint64_t foreign = 0;  // datagrams of senders that are not among the peers
  std::optional<std::chrono::system_clock::time_point> last_datagram{};
  IpAddress last_sender;
  std::shared_ptr<const std::vector<UnknownRealInfo>> unknown_reals{};  // null: none
};

}  // namespace fairlead::control
