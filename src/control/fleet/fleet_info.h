// What is shown of a fleet: GET /v1/fleet, `fairlead fleet status`, fairlead_fleet_*.
//
//   std::shared_ptr<const FleetInfo> info = fleet.info();     // any thread
//
// Threads: an immutable value, replaced whole.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "control/fleet/fleet_member.h"

namespace fairlead::control {

struct FleetInfo {
  std::string url{}, name{};  // as at the start
  std::string server{};       // that is asked
  bool is_connected = false;  // all was read, and is watched
  std::string problem{};      // why not
  bool is_member = false;     // the others are told of this director
  std::string member_problem{};
  uint64_t heard_revision = 0;         // of the documents that were heard last
  uint64_t revision = 0;               // of those in force
  bool is_from_disk = false;           // what is in force was kept, since the store was away
  uint64_t refused_revision = 0;       // 0: what was heard last is in force
  std::vector<std::string> refused{};  // every problem of it
  std::string keep_problem{};          // why a start without the store would not find them
  std::vector<FleetMember> members{};  // by name
  uint64_t unreadable_members = 0;
  bool finds_peers = false;    // sync.peers is `fleet`
  std::string sync_problem{};  // what keeps directors from being each other's peers
  uint64_t sync_left_out = 0;  // that are no peers, since there are too many
  std::vector<std::pair<std::string, std::string>> sync_states{};  // peers, with a word for each
  uint64_t connections = 0, failures = 0, applied = 0, refusals = 0;
};

class FleetApi {
 public:
  virtual ~FleetApi() = default;
  [[nodiscard]] virtual std::shared_ptr<const FleetInfo> info() const = 0;
};

}  // namespace fairlead::control
