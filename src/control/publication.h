// The way of an intent into force: build, publish, wait until every worker has it.
//
//   Publication publication(fabric, model, runtimes, health_changed…);
//   publication.Want(intent, waiter);        // at any time
//   publication.Turn(now);                   // every few milliseconds
//
// Publishes only when the snapshot before has been adopted by every worker; what is wanted
// meanwhile waits, and becomes one change. An intent that cannot be built, be it for want of
// memory, is refused and the one in force stays. Threads: the control core; no timers and no
// sockets of its own, so that tests drive it by hand.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "control/announcer.h"
#include "control/answer_log.h"
#include "control/health/monitor.h"
#include "control/health/quorum.h"
#include "control/health/real_events.h"
#include "control/id_map.h"
#include "control/intent.h"
#include "control/kernel_follower.h"
#include "control/multicast_groups.h"
#include "control/neighbours.h"
#include "control/port_links.h"
#include "control/port_runtime.h"
#include "control/presence.h"
#include "control/snapshot_builder.h"
#include "control/snat_watch.h"
#include "control/sync/fabric_stream_tables.h"
#include "control/sync/ipvs_sync.h"
#include "control/sync/unknown_reals.h"
#include "control/time_point.h"
#include "control/worker_mail.h"
#include "dataplane/shard/fabric.h"

namespace fairlead::control {

// Services that one snapshot may change because of their checks: the workers adopt them all in one
// turn, half a microsecond each, and forward nothing meanwhile. What is more goes into the next
// snapshots, some milliseconds later.
inline constexpr size_t kFlippedAtOnce = 1000;

class Publication {
 public:
  // `ports` and what the references name outlive it.
  Publication(dataplane::Fabric& fabric, std::shared_ptr<const ConfigModel> model,
              const std::vector<PortRuntime>& ports, Prober& prober, uint32_t seed);

  // The names and what was known of a director that was here before. Precondition: before the first
  // Want and the first Turn.
  void Restore(const StoredNames& names, TimePoint now);
  void Recall(KnownHealth known) {
    health_.Recall(std::move(known.checks));
    quorums_.Recall(known.lost_quorums);
  }
  // Called for each command that an event names, and where mail is sent for each event, once the
  // snapshot that shows it is published.
  void SetNotify(std::function<void(Notification)> notify) { notify_ = std::move(notify); }
  // Called when a snapshot is built and the ids are given out, right before it is published. What
  // it throws refuses the intent.
  void SetBeforePublish(std::function<void()> what) { before_publish_ = std::move(what); }

  // Before the first Turn: ports whose line is down then have no routes from the start.
  void SetLinkReader(PortLinkReader reader) { links_.SetReader(std::move(reader)); }

  // Before the first Turn: who speaks for an address may depend on what the kernel twins have.
  void SetKernelWatch(KernelWatch* watch) { kernel_.SetWatch(watch); }

  // What will be in force when nothing fails: edit a copy of it and Want that.
  [[nodiscard]] const Intent& wanted() const { return wanted_; }
  // `waiter` may be empty.
  void Want(Intent intent, IntentWaiter waiter);
  // The same intent, but the world has changed (health).
  void Rebuild() { is_dirty_ = true; }
  // Addresses with announce: when-ready are answered for and announced while it is true.
  void SetReady(bool is_ready);

  // Whether an intent that somebody waits for is still to be published.
  [[nodiscard]] bool has_unpublished() const { return !unpublished_.empty(); }

  // Mail, worker events, neighbours, checks, retirement, and the next snapshot if one is due.
  // Returns true when what the view shows may have changed.
  bool Turn(TimePoint now);

  // True when every worker has adopted what was published last, and something was.
  [[nodiscard]] bool is_in_force() const;
  [[nodiscard]] const Intent& in_force() const { return in_force_; }
  [[nodiscard]] const IdMap& ids() const { return ids_; }
  [[nodiscard]] const SnapshotBuilder& builder() const { return builder_; }
  [[nodiscard]] const HealthMonitor& health() const { return health_; }
  [[nodiscard]] const QuorumBook& quorums() const { return quorums_; }
  [[nodiscard]] const MulticastGroups& groups() const { return groups_; }
  // Null: sync.ipvs is off.
  [[nodiscard]] std::shared_ptr<const SyncInfo> sync_info();
  // For who tells other Fairlead directors; turned here.
  [[nodiscard]] StreamTables& stream_tables() { return stream_tables_; }
  // Workers are at work for another director: the next turn should come soon.
  [[nodiscard]] bool is_busy() const { return stream_tables_.is_busy(); }
  [[nodiscard]] const PortLinks& links() const { return links_; }
  // Null: nothing is known of the twins.
  [[nodiscard]] const KernelNetwork* kernel() const { return kernel_.network(); }
  // By what is in force; null before the first snapshot.
  [[nodiscard]] const std::shared_ptr<const SilentAddresses>& silent() const { return silent_; }
  [[nodiscard]] const Neighbours& neighbours() const { return neighbours_; }
  // The snapshot published last; null before the first Turn.
  [[nodiscard]] const dataplane::Snapshot* snapshot() const { return fabric_.publisher.current(); }

 private:
  struct Waiting {
    IntentWaiter waiter;
    uint64_t generation = 0;
  };
  struct ThresholdEdit {
    RealId real;
    uint32_t upper = 0, lower = 0;
    bool is_raised = false;
  };
  struct Speech {  // what is said to the networks once a snapshot is published
    std::shared_ptr<const SilentAddresses> silent;
    std::vector<AnsweredVip> virtual_ones;
    std::vector<Announcement> announcements;
    PortGroups groups;
    PortAddresses addresses;
  };
  struct PathNews {  // learnt, but not yet rebuilt for
    size_t count = 0;
    IpAddress last_real;
    uint16_t last_mtu_bytes = 0;
  };

  void SynchroniseWithKernel(TimePoint now);
  void ReadWorkerEvents(TimePoint now);
  void ApplyPathMtus(TimePoint now);
  bool ReadLinks(TimePoint now);
  void FollowKernel(TimePoint now);
  void NoteGap(TimePoint now);
  void StampKernelNews(TimePoint now);
  // Of what was read from the kernel twins after a gap, is anything still not in force?
  [[nodiscard]] bool is_catching_up() const { return catching_up_since_.has_value(); }
  [[nodiscard]] Speech SpeechOfWanted(const dataplane::Snapshot& next) const;
  void SpeakFor(Speech speech, TimePoint now);
  bool PublishNext(TimePoint now);
  // None when the ids run short.
  Result<IdPlan> PlanWanted();
  void Publish(const IdPlan& plan, TimePoint now);
  void GoBack(const Error& why);
  std::unique_ptr<dataplane::Snapshot> Build(const Intent& intent, const IdPlan& plan);
  std::set<ServiceIdentity> NextFlipped();
  void TellOfEvents();
  void RememberReals();
  void NoteExpiring(const dataplane::Snapshot* before, const dataplane::Snapshot& after,
                    TimePoint now);
  void RefreshOverload(const dataplane::Snapshot* before, const dataplane::Snapshot& after);
  void ApplyThresholdEdits();
  // Calls visit(id) for the reals that the snapshot may have made another of.
  template <typename Visit>
  void ForEachChanged(const dataplane::Snapshot& snapshot, Visit visit) const;
  bool AnswerWaiters();

  dataplane::Fabric& fabric_;
  const std::vector<PortRuntime>& ports_;
  IdMap ids_;
  SnapshotBuilder builder_;
  WorkerMail mail_;
  TimePoint now_;  // of the last turn
  UnknownReals unknown_reals_;
  TimePoint next_unknown_rebuild_;
  IpvsSync sync_;
  FabricStreamTables stream_tables_;
  Neighbours neighbours_;
  Announcer announcer_;
  Presence presence_;
  std::shared_ptr<const SilentAddresses> silent_;
  MulticastGroups groups_;
  PortLinks links_;
  bool has_other_links_ = false;  // than the snapshot
  TimePoint next_link_rebuild_;
  KernelFollower kernel_;
  bool has_other_kernel_ = false;  // than the snapshot
  AnswerLog answer_log_;
  SnatWatch snat_watch_;
  PathMtus path_mtus_;
  PathNews path_news_;
  TimePoint next_path_rebuild_;
  HealthMonitor health_;
  QuorumBook quorums_;
  RealEvents real_events_;
  std::function<void(Notification)> notify_;
  std::set<ServiceIdentity> flipped_;  // whose checks think otherwise than the snapshot
  Intent wanted_, in_force_;
  bool is_dirty_ = true;
  bool is_restored_ = false;
  std::function<void()> before_publish_;
  TimePoint next_try_;                 // after a fault
  std::optional<TimePoint> sweep_at_;  // and when every worker has the snapshot that asks for it
  std::vector<ThresholdEdit> threshold_edits_;  // of a snapshot that is not yet in force
  std::vector<IntentWaiter> unpublished_;
  std::vector<Waiting> published_;
  uint64_t oldest_generation_ = 0;  // that a worker may still hold
  TimePoint next_slow_turn_, next_health_turn_;
  // This thread got no time for a while: what the twins have may be something else by now.
  uint64_t turn_began_ms_ = 0;  // of the clock of kernel_news
  std::optional<TimePoint> catching_up_since_;
  std::optional<uint64_t> caught_up_with_;  // the generation that has all of it
  TimePoint next_collect_;
};

}  // namespace fairlead::control
