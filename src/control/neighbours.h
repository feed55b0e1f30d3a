// Finds and keeps the link addresses of next hops: ARP for IPv4, neighbour discovery for IPv6.
//
//   NeighbourId id = neighbours.Intern(port, address, generation);  // a next hop of a snapshot
//   neighbours.OnEvent(event, now);                                 // what workers saw or want
//   neighbours.Tick(now, oldest_generation);        // probes, refreshes, forgets
//
// Theory of operation. A wanted neighbour is asked for kProbes times, a second apart; when nobody
// answers it has failed, what waits for it is dropped, and it is asked for again after a pause that
// doubles up to kMaxPause. A reachable one is asked again every kRefresh, first by unicast, and
// stays in use meanwhile; kProbes silent probes make it failed. Whatever a host says of itself is
// taken at once. Next hops of a snapshot are pinned: always resolved, never forgotten. The others
// are at most kMaxLearned; a failed one that nobody wants is forgotten after kForgetFailed, and
// when all places are taken the one confirmed longest ago goes, those that never answered first.
//
// What strangers can do is bounded: on each port a few hundred neighbours are learned at once, then
// a hundred a second, for each kind of need. Pinned ones have a schedule of their own, which is
// served first, and their probes find frames free when those of strangers find none
// (worker_mail.h). A probe for which no frame is free is sent a little later. A tick visits at most
// kVisits of each schedule, whatever is due.
//
// Threads: the control core; workers read the NeighbourTable.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "base/token_bucket.h"
#include "control/config/model.h"
#include "control/neighbour_info.h"
#include "control/port_addresses.h"
#include "control/port_runtime.h"
#include "control/time_point.h"
#include "control/worker_mail.h"
#include "dataplane/shard/fabric.h"

namespace fairlead::control {

class Neighbours {
 public:
  static constexpr int kProbes = 3;
  static constexpr std::chrono::seconds kProbeInterval{1};
  static constexpr std::chrono::seconds kRefresh{30};
  static constexpr std::chrono::seconds kMaxPause{30};
  static constexpr std::chrono::seconds kForgetFailed{60};
  static constexpr size_t kMaxLearned = 4096;
  static constexpr size_t kVisits = 1024;

  Neighbours(dataplane::Fabric& fabric, WorkerMail& mail, std::span<const PortConfig> ports,
             std::span<const PortRuntime> runtimes);

  // What the ports have from now on: who is on link, and who asks. Precondition: an entry for each.
  void SetAddresses(PortAddresses addresses) { addresses_ = std::move(addresses); }
  // The neighbour's id, pinned for the snapshot of this generation. None when its table is full.
  NeighbourId Intern(PortId port, const IpAddress& address, uint64_t generation);
  // The same for next hops of reals that an earlier snapshot has interned.
  void Pin(std::span<const dataplane::RealView> reals, uint64_t generation);
  void OnEvent(const dataplane::Event& event, TimePoint now);
  // `oldest_generation`: of the oldest snapshot that a worker may still hold.
  void Tick(TimePoint now, uint64_t oldest_generation);

  [[nodiscard]] size_t size() const { return entries_.size(); }
  // All of them, in order of port and address.
  [[nodiscard]] std::vector<NeighbourInfo> List(TimePoint now) const;

 private:
  using State = dataplane::NeighbourState;
  using Key = std::pair<PortId, IpAddress>;
  // By time; what it points to lies in entries_.
  using Schedule = std::multimap<TimePoint, const Key*>;
  struct Entry {
    NeighbourId id{};
    State state = State::kIncomplete;
    MacAddress mac{};
    bool is_pinned = false;  // as of the last visit
    int probes = 0;          // without an answer, in this round
    Schedule::iterator next{};
    TimePoint confirmed{};  // or wanted for the first time
    TimePoint wanted{};
    std::chrono::seconds pause{1};
    TokenBucket<1, 5> lines{};  // in the log
    uint32_t unsaid = 0;        // for want of these
  };
  using Entries = std::map<Key, Entry>;
  struct OfPort {
    std::array<TokenBucket<100, 200>, dataplane::kNeighbourNeeds> learned;  // by NeighbourNeed
  };

  Schedule& ScheduleOf(const Entry& entry) {
    return entry.is_pinned ? pinned_schedule_ : learned_schedule_;
  }
  Entry* Add(const Key& key, bool is_pinned, TimePoint now);
  void MakeRoom();
  void VisitDue(Schedule& schedule, TimePoint now);
  void Visit(Entries::iterator at, TimePoint now);
  // To another time in its schedule, or to the other schedule.
  void Move(Entry& entry, TimePoint when);
  void SetPinned(Entry& entry, bool is_pinned);
  void Probe(const Key& key, Entry& entry, TimePoint now);
  void Fail(const Key& key, Entry& entry, TimePoint now);
  void Forget(Entries::iterator at);
  void Confirm(const Key& key, Entry& entry, const MacAddress& mac, TimePoint now);
  bool SendProbe(const Key& key, const Entry& entry);
  // One line about a pinned one, unless there were too many: `unsaid` counts those.
  void Say(const char* what, const Key& key, Entry& entry, TimePoint now);
  [[nodiscard]] bool IsOnLink(const Key& key) const;
  [[nodiscard]] IpAddress SourceFor(const Key& key) const;
  [[nodiscard]] bool IsNamed(const Entry& entry) const {
    const uint64_t generation = pinned_[entry.id.index()];
    return generation != 0 && generation >= oldest_generation_;
  }

  dataplane::NeighbourTable& table_;
  dataplane::NeighbourCounters& counters_;
  WorkerMail& mail_;
  const std::vector<PortConfig> ports_;
  PortAddresses addresses_;
  const std::vector<PortRuntime> runtimes_;
  Entries entries_;
  Schedule pinned_schedule_, learned_schedule_;
  std::vector<uint64_t> pinned_;  // [NeighbourId] newest snapshot that names it; 0: none does
  std::vector<OfPort> limits_;    // [PortId]
  TokenBucket<10, 100> lines_;    // of all in the log
  uint64_t oldest_generation_ = 0;
  uint64_t full_said_ = 0;  // the generation for which the log says that the table is full
};

}  // namespace fairlead::control
