// The control side of a director as one object that is driven by hand: what it should be doing, how
// that changes, and what it shows of itself.
//
//   Director director(fabric, model, "/etc/fairlead/fairlead.yaml", runtimes, prober, seed);
//   if (Status s = director.PublishFirst(now); !s) …
//   director.Change(PatchReal{"shop", "10.0.0.11:80", R"({"weight": 0})"}, done);
//   director.Turn(now);                    // every few milliseconds; answers `done` when in force
//   director.view()->services[0];
//
// Every change, whoever asks for it, goes one way: intent → validate → build → publish → every
// worker has adopted it → answer (docs/reload.md). No timers, sockets, signals or threads of its
// own: ControlCore adds those, tests turn it themselves. Threads: one, but for view() and turns(),
// which any may call.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/config/config_loader.h"
#include "control/config/model.h"
#include "control/control_api.h"
#include "control/drain.h"
#include "control/health/prober.h"
#include "control/port_runtime.h"
#include "control/publication.h"
#include "control/readiness.h"
#include "control/survival/keeper.h"
#include "control/survival/state_store.h"
#include "control/time_point.h"
#include "control/traffic_ledger.h"
#include "control/view.h"
#include "control/view_builder.h"
#include "dataplane/shard/fabric.h"

namespace fairlead::control {

class Director {
 public:
  // `fabric` and `prober` outlive it. One runtime per port of the model.
  Director(dataplane::Fabric& fabric, ConfigModel model, std::string config_path,
           std::vector<PortRuntime> ports, Prober& prober, uint32_t seed);

  // Goes on where the director before this one stopped: its names, its changes by hand over the
  // file as it is now, what its checks knew. Before PublishFirst, and after the records of the
  // tables are taken up: what refers to an id is counted then.
  void Restore(KeptState state, TimePoint now);
  // From PublishFirst on keeps there what the next director will need. The directory is there,
  // private and nobody else's.
  void KeepIn(const std::string& directory);
  // Builds and publishes generation 1.
  Status PublishFirst(TimePoint now);
  void Turn(TimePoint now);

  // `path` empty: the file in force, which is the one loaded last. Reads it here and now: for a
  // caller that has nothing else to do.
  void Reload(const std::string& path, std::function<void(ReloadOutcome)> done);
  // The same with what another thread has read there.
  void ReloadWith(const std::string& path, LoadResult loaded,
                  std::function<void(ReloadOutcome)> done);
  // What that would do. Changes nothing.
  ReloadOutcome PreviewReload(const std::string& path);
  [[nodiscard]] ReloadOutcome PreviewWith(const std::string& path, LoadResult loaded) const;
  void Change(const Edit& edit, std::function<void(EditOutcome)> done);
  // What that would do now. Changes nothing.
  [[nodiscard]] EditOutcome PreviewChange(const Edit& edit) const;
  // Only when `generation` was published last and nothing waits to follow it.
  void ChangeAt(uint64_t generation, const Edit& edit, std::function<void(EditOutcome)> done);
  // `service` empty: everything (ipvsadm -Z). At once.
  Status Zero(const std::string& service);
  // Before PublishFirst; called on this thread, and must not wait.
  void SetLinkReader(PortLinkReader reader) { publication_.SetLinkReader(std::move(reader)); }
  // Likewise: what is on the kernel twins. It outlives this object.
  void SetKernelWatch(KernelWatch* watch) { publication_.SetKernelWatch(watch); }
  // What the view shows as memory set aside at start.
  void SetMemory(std::vector<ControlView::MemoryUse> memory) { memory_ = std::move(memory); }
  // What it shows as taken up.
  void SetRestored(RestoredRecords records);
  // Asked at each turn; none: there are no peers. Before PublishFirst.
  void SetPeers(std::function<ReadyPeers()> peers) { peers_ = std::move(peers); }
  // The director before this one was ready, and has handed over all it knew.
  void InheritReadiness() { readiness_.Inherit(); }

  // Asked for each view; null: there are no peers. Before PublishFirst.
  void SetStreamInfo(std::function<std::shared_ptr<const StreamInfo>()> info) {
    stream_info_ = std::move(info);
  }

  // The workers' tables, for who tells other directors.
  StreamTables& stream_tables() { return publication_.stream_tables(); }

  // True when every worker has adopted what was published last.
  [[nodiscard]] bool is_ready() const { return publication_.is_in_force(); }
  [[nodiscard]] std::shared_ptr<const ControlView> view() const;
  [[nodiscard]] const Publication& publication() const { return publication_; }
  void SetNotify(std::function<void(Notification)> notify) {
    publication_.SetNotify(std::move(notify));
  }
  // Of the file in force.
  [[nodiscard]] const std::string& config_path() const { return path_in_force_; }
  dataplane::Fabric& fabric() { return fabric_; }
  // Turns so far. Any thread.
  [[nodiscard]] uint64_t turns() const { return turns_.load(std::memory_order_relaxed); }

 private:
  // The model of the file that was in force when `intent` was written, if that still holds; else
  // that of the start.
  std::shared_ptr<const ConfigModel> FileInForce(const StoredIntent& intent, Restored* restored);
  [[nodiscard]] Keeper::State StateToKeep(const Intent& intent);
  // What a file that was read would do, and what would be wanted then; puts running values back
  // into it where only a restart can change them.
  ReloadOutcome Weigh(const std::string& path, LoadResult* loaded, Intent* next) const;
  // The file with the changes by hand, but for those that are dropped since the file wins.
  [[nodiscard]] Intent OverFile(std::shared_ptr<const ConfigModel> file,
                                std::vector<std::string>* dropped) const;
  // Nothing would be another: neither what is in force, nor what of it is by hand.
  [[nodiscard]] bool IsWanted(const Intent& next) const;
  void Apply(const std::string& path, Intent next, ReloadOutcome outcome,
             std::function<void(ReloadOutcome)> done);
  void RefuseReload(ReloadOutcome outcome, const std::function<void(ReloadOutcome)>& done);
  // What an edit would make of what is wanted; false: it is refused.
  bool WeighEdit(const Edit& edit, EditOutcome* outcome, Intent* next) const;
  void TickRates();
  void NoteReload(bool ok, std::string error);
  // Whose the change of a service was last; of an operator nothing is remembered.
  void NoteAuthor(const std::string& service, const std::string& author);
  // With an author behind each sentence about a service that has one.
  [[nodiscard]] std::vector<std::string> WithAuthors(std::vector<std::string> sentences) const;
  // Resets what drains have left at their deadlines and removes drained reals that are to go. True
  // when another has ended, which changes nothing but the view.
  bool CarryOutDrains();
  void NoteDrainStep(const DrainStep& step, const std::string& refusal);
  bool LookAtReadiness();
  // `is_time`: also for what has changed without a word.
  void RefreshView(bool is_time = false);

  dataplane::Fabric& fabric_;
  const std::string start_path_;
  std::string path_in_force_;  // the start's, then that of the last reload
  ConfigLoader loader_;
  const std::vector<PortRuntime> ports_;
  Publication publication_;
  std::vector<ControlView::MemoryUse> memory_;
  std::unique_ptr<Keeper> keeper_;  // null: nothing is kept
  std::shared_ptr<const Restored> restored_;
  std::function<std::shared_ptr<const StreamInfo>()> stream_info_;
  std::function<ReadyPeers()> peers_;
  Readiness readiness_;
  TimePoint now_;  // of the last turn
  std::atomic<uint64_t> turns_{0};
  TrafficLedger ledger_;
  TimePoint next_rates_;
  TimePoint next_drain_look_;
  DrainBook drains_;
  std::vector<DrainOutcome> ended_drains_;
  std::map<std::string, std::string> authors_;  // by the names of services, since the last reload

  const std::chrono::system_clock::time_point started_ = std::chrono::system_clock::now();
  std::chrono::system_clock::time_point last_reload_ = started_;
  bool last_reload_ok_ = true;
  std::string last_reload_error_;

  mutable std::mutex view_mutex_;
  std::shared_ptr<const ControlView> view_;  // written by the one thread, under the mutex
  ViewBuilder view_builder_;
  TimePoint view_made_;
  TimePoint::duration view_refresh_{};
};

}  // namespace fairlead::control
