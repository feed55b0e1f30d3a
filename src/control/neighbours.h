// Finds and keeps the link addresses of next hops: ARP for IPv4, neighbour discovery for IPv6.
//
//   NeighbourId id = neighbours.Intern(port, address, generation);  // a next hop of a snapshot
//   neighbours.OnEvent(event, now);                                 // what workers saw or want
//   neighbours.Announce(vips);                                      // gratuitous ARP, unsolicited
//   neighbours.Tick(now, oldest_generation);        // probes, refreshes, forgets
//
// Theory of operation. A wanted neighbour is asked for kProbes times, a second apart; when nobody
// answers it has failed, what waits for it is dropped, and it is asked for again after a pause that
// doubles up to kMaxPause. A reachable one is asked again every kRefresh, first by unicast, and
// stays in use meanwhile; kProbes silent probes make it failed. Whatever a host says of itself is
// taken at once. Next hops of a snapshot are pinned: always resolved, never forgotten. The others
// are at most kMaxDynamic; a failed one that nobody wants is forgotten after kForgetFailed, and
// when all places are taken the one confirmed longest ago goes.
// Threads: the control core; workers read the NeighbourTable.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "control/config/model.h"
#include "control/port_runtime.h"
#include "control/time_point.h"
#include "control/worker_mail.h"
#include "dataplane/mailbox.h"
#include "dataplane/neighbour_table.h"
#include "dataplane/snapshot.h"

namespace fairlead::control {

// An address to announce on a port.
struct Announcement {
  PortId port;
  IpAddress address;
  friend auto operator<=>(const Announcement&, const Announcement&) = default;
};

class Neighbours {
 public:
  static constexpr int kProbes = 3;
  static constexpr std::chrono::seconds kProbeInterval{1};
  static constexpr std::chrono::seconds kRefresh{30};
  static constexpr std::chrono::seconds kMaxPause{30};
  static constexpr std::chrono::seconds kForgetFailed{60};
  static constexpr size_t kMaxDynamic = 4096;

  Neighbours(dataplane::NeighbourTable& table, WorkerMail& mail, std::span<const PortConfig> ports,
             std::span<const PortRuntime> runtimes);

  // The neighbour's id, pinned for the snapshot of this generation. None when its table is full.
  NeighbourId Intern(PortId port, const IpAddress& address, uint64_t generation);
  // The same for next hops of reals that an earlier snapshot has interned.
  void Pin(std::span<const dataplane::RealView> reals, uint64_t generation);
  void OnEvent(const dataplane::Event& event, TimePoint now);
  // `oldest_generation`: of the oldest snapshot that a worker may still hold.
  void Tick(TimePoint now, uint64_t oldest_generation);
  // Announces what was not announced before, at once and again twice: a link that has just come up
  // loses the first frames.
  void Announce(std::vector<Announcement> all, TimePoint now);

  [[nodiscard]] size_t size() const { return entries_.size(); }

 private:
  using State = dataplane::NeighbourState;
  using Key = std::pair<PortId, IpAddress>;
  struct Entry {
    NeighbourId id{};
    State state = State::kIncomplete;
    MacAddress mac{};
    int probes = 0;  // without an answer, in this round
    TimePoint next_probe{};
    TimePoint confirmed{};  // or wanted for the first time
    TimePoint wanted{};
    std::chrono::seconds pause{1};
  };
  struct PendingAnnouncement {
    Announcement what;
    TimePoint when;
    int left;
  };

  Entry* Add(const Key& key, TimePoint now);
  void MakeRoom();
  void Probe(const Key& key, Entry& entry, TimePoint now);
  void Fail(const Key& key, Entry& entry, TimePoint now);
  void Forget(std::map<Key, Entry>::iterator at);
  void Confirm(const Key& key, Entry& entry, const MacAddress& mac, TimePoint now);
  void SendProbe(const Key& key, const MacAddress* unicast_to);
  void SendAnnouncement(const Announcement& what);
  [[nodiscard]] bool IsOnLink(const Key& key) const;
  [[nodiscard]] IpAddress SourceFor(const Key& key) const;
  [[nodiscard]] bool IsPinned(const Entry& entry) const {
    const uint64_t generation = pinned_[entry.id.index()];
    return generation != 0 && generation >= oldest_generation_;
  }

  dataplane::NeighbourTable& table_;
  WorkerMail& mail_;
  const std::vector<PortConfig> ports_;
  const std::vector<PortRuntime> runtimes_;
  std::map<Key, Entry> entries_;
  std::vector<uint64_t> pinned_;  // [NeighbourId] newest snapshot that names it; 0: none does
  size_t dynamic_count_ = 0;      // as of the last Tick, plus what was added since
  uint64_t oldest_generation_ = 0;
  std::vector<Announcement> announced_;  // sorted
  std::vector<PendingAnnouncement> pending_;
};

}  // namespace fairlead::control
