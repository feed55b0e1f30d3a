// The control core: one thread that owns the operator's intent and keeps the workers told of it.
//
//   ControlCore core(fabric, model, "/etc/fairlead/fairlead.yaml", runtimes);
//   if (Status s = core.PublishFirst(); !s) …      // before the workers start
//   core.Run();                                    // until SIGTERM, SIGINT or Stop()
//
// What wants the snapshot to change (a reload, a health check, an operator's hand) only marks the
// intent as changed; the next snapshot is built and published when every worker has adopted the one
// before, so workers see every generation and a burst of changes becomes one (docs/reload.md).
// Threads: the constructor, PublishFirst and Run on one thread; view(), vitals(), Reload(),
// Change(), Zero(), fabric() and Stop() from any. Everything else happens on the thread in Run, but
// for reading and parsing configurations, which a thread of its own does, since a large one takes
// seconds. What happens in Run is in Director; here are the clock, the signals and the way onto the
// threads.
// Invariants: nothing on this thread waits (docs/threads_and_ownership.md says why of each write
// and read); an exception that a piece of work lets out ends that piece, is said and counted
// (base/faults.h), and the next one runs.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/config/config_loader.h"
#include "control/config/model.h"
#include "control/control_api.h"
#include "control/kernel_network.h"
#include "control/port_links.h"
#include "control/port_runtime.h"
#include "control/survival/state_store.h"
#include "control/sync/stream/fleet_peer_list.h"
#include "control/view.h"
#include "dataplane/shard/fabric.h"

namespace fairlead::control {

class ControlCore : public ControlApi {
 public:
  // `fabric` outlives it. One runtime per port of the model. SIGHUP, SIGTERM, SIGINT and SIGUSR2
  // are this object's from here on.
  ControlCore(dataplane::Fabric& fabric, ConfigModel model, std::string config_path,
              std::vector<PortRuntime> ports);
  ~ControlCore() override;

  // As Director has them: Restore, KeepIn, then PublishFirst, which publishes generation 1.
  void Restore(KeptState state);
  void KeepIn(const std::string& directory);
  Status PublishFirst();
  // One that has loaded the file of the start makes the first reload quick. Before Run.
  void SetLoader(ConfigLoader loader);
  // What a load of `path` gives in place of a file's text; asked on the loading thread. Before Run.
  // `told` of what `load` gives is called with the outcome of a reload, whoever has asked for it;
  // it is dropped when there is none, for instance of a preview.
  struct SourceLoad {
    LoadResult loaded;
    std::function<void(const ReloadOutcome&)> told{};
  };
  void SetSource(std::string path, std::function<SourceLoad()> load);
  // Who `sync.peers: fleet` means; asked at each turn on the control core's thread, and must not
  // wait. Before Run.
  void SetFleetPeers(std::function<std::shared_ptr<const FleetPeerList>()> peers);
  // Says whether each port has a link; called on the control core's thread, several times a second.
  // It must not wait. Before PublishFirst.
  void SetLinkReader(PortLinkReader reader);
  // What is on the kernel twins; asked on the control core's thread, and must not wait. It outlives
  // this object. Before PublishFirst.
  void SetKernelWatch(KernelWatch* watch);
  // What the view shows as memory set aside at start. Before Run.
  void SetMemory(std::vector<ControlView::MemoryUse> memory);
  // The director before was ready, and this one takes over from it. Before PublishFirst.
  void InheritReadiness();
  // What it shows as taken up from the director before. Before PublishFirst.
  void SetRestored(RestoredRecords records);
  // Called on the control core's thread when every worker has adopted the first snapshot; when it
  // returns false, again after the next turn. It must not wait.
  void SetReadyCallback(std::function<bool()> ready);
  // Called on the control core's thread after each turn that has come to its end without a fault.
  // It must not wait. Before Run.
  void SetTurnCallback(std::function<void()> turned);
  // Called on the control core's thread for SIGUSR2. It must not wait. Before Run.
  void SetUpgradeCallback(std::function<void()> upgrade);
  void Run();
  void Stop();

  [[nodiscard]] std::shared_ptr<const ControlView> view() const override;
  void Reload(std::string path, std::function<void(ReloadOutcome)> done) override;
  void PreviewReload(std::string path, std::function<void(ReloadOutcome)> done) override;
  void Change(Edit edit, std::function<void(EditOutcome)> done) override;
  void ChangeAt(uint64_t generation, Edit edit, std::function<void(EditOutcome)> done) override;
  void PreviewChange(Edit edit, std::function<void(EditOutcome)> done) override;
  void ListNeighbours(std::function<void(std::vector<NeighbourInfo>)> done) override;
  void Zero(std::string service, std::function<void(Status)> done) override;
  [[nodiscard]] ControlVitals vitals() const override;
  dataplane::Fabric& fabric() override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fairlead::control
