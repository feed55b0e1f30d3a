// The state one worker owns: its connections of both families, its templates, their side records,
// its scheduler cursors.
//
//   Shard shard(fabric, WorkerId{0}, now);
//   shard.Connections<Ipv4Address>().Find(…)
//
// A connection lives in the shard of its owner (steering), a template in that of its own owner; a
// connection names its template by TemplateRef. A template's child count is exact because every
// grant ends in exactly one release: the release of a dying connection that the message ring would
// not take waits in `pending_releases_`, through the dead record itself, so nothing is allocated
// and nothing is lost. Threads: one worker. Nothing allocates after construction, Adopt excepted
// for services beyond kServicesAhead. Invariants:
//   1. loads row of this worker == its live connections, by real and by the kInactive flag;
//   2. a record with kHasTemplate holds one child of that template;
//   3. scheduler_states[i] belongs to the plan of service i in the snapshot adopted last;
//   4. after a change of the loads row of this worker, the real is touched in tournaments_.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "dataplane/shard/client_watch.h"
#include "dataplane/shard/datagram_ids.h"
#include "dataplane/shard/defence.h"
#include "dataplane/shard/drop_samples.h"
#include "dataplane/shard/fabric.h"
#include "dataplane/shard/neighbour_reports.h"
#include "dataplane/shard/snat_flows.h"
#include "dataplane/shard/stream_mail.h"
#include "dataplane/tables/connection_table.h"
#include "dataplane/tables/fragment_table.h"
#include "dataplane/tables/local_ports.h"
#include "dataplane/tables/rate_limit.h"
#include "dataplane/tables/side_table.h"
#include "dataplane/tables/template_table.h"
#include "sched/destination_table.h"
#include "sched/tournaments.h"

namespace fairlead::dataplane {

// Whom a worker tells of its records: bits of Shard::tells.
inline constexpr uint8_t kTellsKernel = 1;  // directors of the kernel (Snapshot::sync)
inline constexpr uint8_t kTellsStream = 2;  // directors of our own (stream_mail.h)

class Shard {
 public:
  // Throws std::runtime_error with the remedy when the tables do not fit into memory.
  Shard(Fabric& fabric, WorkerId me, Tick now);
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  template <typename Address>
  ConnectionTable<Address>& Connections() noexcept {
    if constexpr (std::is_same_v<Address, Ipv4Address>) {
      return connections4_;
    } else {
      return connections6_;
    }
  }
  TemplateTable& templates() noexcept { return templates_; }
  SideTable& side_records() noexcept { return side_records_; }
  [[nodiscard]] const SideTable& side_records() const noexcept { return side_records_; }

  // The worker's turn begins with a new snapshot: scheduler states follow their plans.
  void Adopt(const Snapshot* before, const Snapshot& now) noexcept;
  // The tables of source NAT, made when they are first asked for. Null: there is no memory.
  SnatFlows* OpenSnat() noexcept;
  // Where its flows lie, if that was said.
  [[nodiscard]] TableMemory SnatMemory() const noexcept;

  // ---- the life of a connection

  // Puts the draft into the table and counts it as an inactive connection of its real, since
  // its state is NONE (ipvs.md, connection timers).
  template <typename Address>
  InsertOutcome Insert(const Connection<Address>& draft, uint64_t hash,
                       const RealView& real) noexcept;
  // Whether a connection of this hash may have come since recent_inserts was reset.
  [[nodiscard]] bool MayHaveInserted(uint64_t hash) const noexcept {
    return recent_inserts[InsertMark(hash)];
  }
  // The next state of a record after a packet of this direction: counts, timeout, ASSURED (ipvs.md,
  // TCP states and the sections behind it).
  template <typename Address>
  void Track(uint32_t slot, Direction direction, uint8_t tcp_flags, const RealView& real) noexcept;
  // Uncounts it, gives its template child back, frees the slot (now, or when the release could be
  // queued). Peers are told, unless they said so.
  template <typename Address>
  void Destroy(uint32_t slot) noexcept;
  template <typename Address>
  void DestroyUntold(uint32_t slot) noexcept;
  // State and time as a peer tells of them. Precondition: the state is one of its transport.
  template <typename Address>
  void Follow(uint32_t slot, uint8_t state, bool is_inactive, TickCount timeout) noexcept;
  // To directors of the kernel, if somebody sends it: write(&news) writes every member. False:
  // there was no room.
  template <typename Write>
  bool TellKernel(const Write& write) noexcept {
    if (fabric.sync_news[me.index()]->PushFilled(write)) return true;
    counters.sync_news_lost.Add(1);
    return false;
  }
  // Of the template, if that protocol can say it: groups and spread clients are our own.
  void TellKernelOfTemplate(uint32_t slot) noexcept;

  // ---- the stream between directors (shard_stream.cc)

  // Is on from now on, or off.
  void TellStreamOf(const StreamClock& clock, bool is_on) noexcept;
  void SetStreamClock(const StreamClock& clock) noexcept;
  // Unix milliseconds, by the clock that was set.
  [[nodiscard]] uint64_t WallMs(Tick at) const noexcept;
  // A copy of the connection as peers are told of it.
  template <typename Address>
  StreamNews NewsOf(uint32_t slot) noexcept;
  // From now on the template says when it was made, and by whom.
  void StampTemplate(uint32_t slot) noexcept;
  // A copy of the template as peers are told of it, after stamping it. `*engine` are the engine's
  // data, which stand in `text`.
  StreamNews NewsOf(uint32_t slot, std::span<char> text, std::string_view* engine) noexcept;
  template <typename Address>
  void StreamConnection(uint32_t slot, sync::StreamEvent event) noexcept;
  void StreamTemplate(uint32_t slot, sync::StreamEvent event) noexcept;
  // A record as a peer of ours tells of it: it counts as inactive until a packet passes here.
  // Precondition: the state is one of its transport.
  template <typename Address>
  void FollowPeer(uint32_t slot, uint8_t state, TickCount timeout, TickCount left) noexcept;

  // To whoever is told of templates. `before`: its deadline before this connection renewed it; a
  // new one has no such.
  void TellOfTemplate(uint32_t slot, std::optional<Tick> before) noexcept;
  // Counts a connection that was taken up, as the record's kInactive has it.
  void CountTakenUp(RealId real, bool is_inactive) noexcept;
  // Gives back a child that no connection took.
  void ReleaseGrant(const TemplateRef& ref) noexcept;

  // What the templates here are told by other workers, and what they could not be told before.
  // Returns messages handled.
  size_t RunMessages() noexcept;
  // A grant that came in must never find the release queue blocked: no packets are taken from
  // others meanwhile.
  [[nodiscard]] bool HasPendingGrants() const noexcept { return !pending_grants_.empty(); }
  // Timers, a bounded number of steps. Returns records that went.
  size_t Expire() noexcept;
  // Where the scheduler of this service goes on from, as any snapshot may have the service: what
  // adopting that snapshot would make of the state.
  [[nodiscard]] sched::State StateFor(const ServiceView& service) const noexcept;
  // Whether clients of the service may still be found by their previous netmask (rekey).
  bool IsInGrace(const ServiceView& service) noexcept {
    if (service.persistence.rekey == 0) [[likely]]
      return false;
    Grace& grace = graces_[service.id.index()];
    // Forgotten when it is over, or it would come back with the wrap of the tick.
    if (grace.is_on && grace.end.HasPassed(now)) grace.is_on = false;
    return grace.is_on && service.persistence.previous != nullptr;
  }
  uint16_t TakeIpId() noexcept {
    const uint16_t id = next_ip_id;
    next_ip_id = static_cast<uint16_t>(next_ip_id + ip_id_step);
    return id;
  }
  // Copies table sizes to the counters.
  void UpdateGauges() noexcept;
  // drop_entry, a bounded number of steps, and once a second the modes.
  void RunDefence() noexcept;
  // Whether the packets of flows are looked at beside their forwarding, from now on.
  void UpdateIsObserved() noexcept { is_observed = tells != 0 || watch.counts_packets(); }

  Fabric& fabric;
  const WorkerId me;
  WorkerCounters& counters;
  const Snapshot* snapshot = nullptr;  // this turn's
  Tick now;                            // this turn's
  Defence defence;
  std::vector<sched::State> scheduler_states;  // by ServiceId
  uint32_t epoch = 0;  // rises when a record goes: slots found earlier in the turn are doubtful
  std::bitset<256> recent_inserts;  // since a burst was looked up
  bool asks_owner_first = false;    // the last burst from a port was largely other workers'
  bool is_observed = false;         // other directors are told of flows, or clients are watched
  bool has_two_way_ports = false;   // some port has clients and real servers
  uint8_t tells = 0;                // kTellsKernel, kTellsStream
  uint64_t handed_to = 0;           // bit w: worker w's ring has packets that it cannot see yet
  // Of outer IPv4 headers: each worker has numbers of its own, or two of them could give one to
  // datagrams to the same real server, which would put their fragments together.
  const uint16_t ip_id_step;  // a power of two, so that a wrap changes nothing
  uint16_t next_ip_id;
  DatagramIds datagram_ids;  // of packets of others
  AnswerLimits answer_limits;
  RateLimitTable<ErrorLimit, 256> query_limit;  // of multicast queries, by group
  NeighbourReports neighbour_reports;
  FragmentTable fragments;
  // Where the path of the packet in hand notes what becomes of it, if it is a first fragment.
  FragmentFate* fragment_fate = nullptr;
  ClientWatch watch;
  std::unique_ptr<SnatFlows> snat;  // null before the first rule comes, or flows are taken up
  LocalPorts local_ports;           // FULLNAT
  DropSamples drop_samples;

 private:
  Shard(Fabric& shared, WorkerId worker, Tick start, const TableMemory& memory);

  static constexpr size_t InsertMark(uint64_t hash) noexcept { return hash >> 56; }
  static constexpr size_t kServicesAhead = 1 << 16;
  static constexpr uint32_t kExpirySteps = 256;  // per table and turn
  static constexpr uint32_t kSweepSteps = 64;    // of drop_entry, per table and turn
  static constexpr uint32_t kRoomSteps = 256;    // of making room, per table and turn

  // Tells the template's owner, which may be this worker. False: the ring is full.
  bool Tell(const TemplateMessage& message) noexcept;
  void Handle(const TemplateMessage& message) noexcept;
  void SetAssured(const TemplateRef& ref) noexcept;
  template <typename Address>
  uint32_t& PendingReleases() noexcept {
    return std::is_same_v<Address, Ipv4Address> ? pending_releases4_ : pending_releases6_;
  }
  template <typename Address>
  void RetryReleases() noexcept;
  template <typename Address>
  void PayTemplate(Connection<Address>& record) noexcept;
  // Takes the record out of its real's counts and tells its template; false: the template must be
  // told later.
  template <typename Address>
  bool Forget(Connection<Address>& record) noexcept;
  template <typename Address>
  size_t ExpireConnections() noexcept;
  // Where drop_entry looks next, and how many slots it still has to look at in this second.
  struct Sweep {
    uint32_t next = 0, left = 0;
    uint32_t reclaimed = 0;  // since the last evaluation
    Tick futile;             // a look at many in this tick found nobody so old
    TickCount futile_patience = 0;
    Tick futile_ports;  // the same of a look for who has a port
  };
  template <typename Visit>
  void SweepSome(Sweep* sweep, uint32_t high_water, Visit visit) noexcept;
  template <typename Address>
  void SweepConnections(Sweep* sweep) noexcept;
  template <typename Table>
  static Defence::Room RoomOf(const Table& table, uint32_t reclaimed = 0) noexcept;
  // Takes what `take(slot, patience)` accepts until the table is no longer low, a bounded number of
  // looks. True: it was low.
  template <typename Table, typename Take>
  bool MakeRoom(const Table& table, Sweep* sweep, Take take) noexcept;
  template <typename Address>
  bool MakeConnectionRoom(Sweep* sweep) noexcept;
  template <typename Address>
  void FreePorts(Sweep* sweep) noexcept;
  void MakeRooms() noexcept;
  template <typename Address>
  void Force(uint32_t slot, Sweep* sweep) noexcept;
  // How long a half-open record lives from now on, where what the server says must not prolong it.
  template <typename Address>
  void BoundHalfOpen(uint32_t slot, bool was_half_open, bool is_reply,
                     const Timeouts& timeouts) noexcept;
  void EvaluateDefence(const DefenceView& settings) noexcept;
  // Nobody has got a connection through it, and no hand has made it.
  [[nodiscard]] bool IsUnproven(const TemplateRecord& record) const noexcept;
  [[nodiscard]] bool MayDropTemplate(const TemplateRecord& record) const noexcept {
    return IsUnproven(record) && record.children == 0;
  }
  void DropTemplate(uint32_t slot) noexcept;
  void AttachDestinations(const ServiceView& service) noexcept;
  void SetInactive(uint16_t* flags, RealId real, bool inactive) noexcept;

  void AdoptService(const Snapshot* before, const ServiceView& service) noexcept;
  [[nodiscard]] sched::State StateAfter(const ServiceView* before,
                                        const ServiceView& service) const noexcept;
  void NoteKeying(const ServiceView* before, const ServiceView& service) noexcept;

  // Where the wall clock was when it was set.
  struct WallClock {
    uint64_t ms = 0;
    Tick at;
    uint32_t creator = 0;
  };
  struct Grace {
    Tick end;
    bool is_on = false;
  };

  SideTable side_records_;  // the tables below have pointers to it
  ConnectionTable<Ipv4Address> connections4_;
  ConnectionTable<Ipv6Address> connections6_;
  TemplateTable templates_;
  // Of the services scheduled by lblc and lblcr; scheduler_states point into them.
  struct ServiceDestinations {
    ServiceId service;
    std::unique_ptr<sched::DestinationTable> table;
  };
  std::vector<ServiceDestinations> destinations_;
  sched::Tournaments tournaments_;  // scheduler_states point into them
  Sweep sweep4_, sweep6_, sweep_templates_;
  // drop_entry, and the table of connections was low this turn, or ports are short.
  bool is_making_room_ = false;
  uint32_t pending_releases4_ = kNoSlot;  // dead records, linked by wheel_next
  uint32_t pending_releases6_ = kNoSlot;
  std::vector<Grace> graces_;  // by ServiceId
  WallClock wall_;
  std::vector<TemplateRef> pending_grants_;  // reserved for a burst of every worker
};

}  // namespace fairlead::dataplane
