// Which members of a fleet are this director's sync peers (`sync.peers: fleet`, docs/fleet.md).
//
//   FleetPeers peers("edge-1");
//   peers.Begin(kept);                            // those of the last run, if any were kept
//   if (peers.Turn(now, {.members = source.members(), .is_heard = true, …})) …peers.list()…
//
// The rule. A member that says where it listens for sync is a peer. One whose entry is gone is none
// any more, once two things hold: no session with it stands, and the store has been watched for
// kSettle, so that who was cut off from the store as well has had time to come back. While the
// store is not heard nothing changes. Of more than kMostStreamPeers + 1 directors the first by name
// are each other's peers, and the others have none: all of them must choose alike.
//
// Invariants: what is remembered of members that are gone are peers, so it is bounded. Threads:
// one; no clock of its own.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/fleet/fleet_member.h"
#include "control/sync/stream/fleet_peer_list.h"
#include "control/time_point.h"

namespace fairlead::control {

class FleetPeers {
 public:
  static constexpr std::chrono::seconds kSettle{30};
  using Members = std::map<std::string, std::optional<FleetMember>>;
  struct Facts {
    const Members& members;
    bool is_heard = false;    // all members were read, and are watched
    bool is_secured = false;  // else peers on loopback addresses alone count
    // Whether a session with it stands.
    std::function<bool(const std::string&)> is_connected{};
  };

  explicit FleetPeers(std::string own_name) : own_name_(std::move(own_name)) {}
  void Begin(const std::vector<SyncPeer>& kept);
  // True: the list is another one than before.
  bool Turn(TimePoint now, const Facts& facts);

  [[nodiscard]] const FleetPeerList& list() const { return list_; }
  // Members that synchronise and are no peers of this one, since there are too many of them.
  [[nodiscard]] size_t left_out() const { return left_out_; }
  // What somebody should do something about; empty: nothing.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  void TakeMembers(const Facts& facts);
  void ForgetGone(TimePoint now, const Facts& facts);
  [[nodiscard]] FleetPeerList Choose();

  const std::string own_name_;
  std::map<std::string, Endpoint> known_;
  std::optional<TimePoint> heard_since_;
  bool is_known_ = false;
  std::string in_the_clear_;  // the first that is left out since nothing encrypts
  FleetPeerList list_;
  size_t left_out_ = 0;
  std::string problem_;
};

// Where a director says that it listens for its peers.
struct SyncPlace {
  std::optional<Endpoint> endpoint{};
  std::string problem{};  // why there is none, with a remedy
};
// `stated`: by "address" of the local file, which `file` names. `seen`: by which the store is
// reached.
SyncPlace PlaceForPeers(const Endpoint& listen, const std::optional<IpAddress>& stated,
                        const std::optional<IpAddress>& seen, const std::string& file);

}  // namespace fairlead::control
