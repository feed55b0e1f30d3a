// The steps of a start that come before traffic, for a plain start and for one that takes over from
// a director that runs. What goes wrong is logged, and said to that director.
//
//   Start start(options);
//   std::optional<control::ConfigModel> model = start.Load(&loader, fleet);
//   StartPlan plan = PlanOf(*model);
//   std::optional<Foundation> ground = start.LayFoundation(*model, &plan);
//   if (!ground) return 1;                               // all is said
//   …
//   start.SayForwarding();
//
// Order. A plain start opens the arena first, since that is refused when another director has it
// and takes its hugepages before packets do. One that takes over does all that takes a while first,
// and holds nothing of the other director's until that has stopped. Threads: main's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/api/listen_spec.h"
#include "control/config/config_loader.h"
#include "control/config/model.h"
#include "control/fleet/fleet.h"
#include "dataplane/dpdk/edge.h"
#include "dataplane/shard/fabric.h"
#include "main/handover.h"
#include "main/kept_memory.h"
#include "main/options.h"
#include "main/predecessor.h"

namespace fairlead {

struct StartPlan {
  edge::EdgeConfig edge;
  dataplane::FabricConfig fabric;
  std::vector<api::ListenSpec> listeners;
  api::ListenSpec ipvs_socket{""};
  std::vector<std::string> api_faults{};  // of listeners that are not opened as configured
};
StartPlan PlanOf(const control::ConfigModel& model);

struct Foundation {
  KeptMemory kept;
  edge::Prepared prepared;
  Estate estate;  // of the director before; its locks are in `kept`
};

class Start {
 public:
  explicit Start(const Options& options) : options_(options) {}

  // Meets the director before, if there is to be one. False: it cannot be met.
  bool Begin();
  // Nothing when the file has errors. `fleet`: where the configuration comes from in place of a
  // file; null: a file.
  std::optional<control::ConfigModel> Load(control::ConfigLoader* loader, control::Fleet* fleet);
  // Null when the configuration is a file. Nothing: the fleet cannot be had, and all is said.
  std::optional<std::unique_ptr<control::Fleet>> OpenFleet();
  // Says in the plan where the records lie.
  std::optional<Foundation> LayFoundation(const control::ConfigModel& model, StartPlan* plan);

  // What could not be done. The exit code.
  int Fail(const std::string& what, const Error& error) const;
  void SayForwarding() const {
    if (predecessor_) predecessor_->SayForwarding();
  }

 private:
  // Nothing after a failure, which is said.
  template <typename T>
  std::optional<T> OrFail(const char* what, Result<T> result) const {
    if (result) return *std::move(result);
    Fail(what, result.error());
    return std::nullopt;
  }
  // Before anything is opened. False: the director before goes on, which is better than a listener
  // less.
  [[nodiscard]] bool SettleListeners(StartPlan* plan) const;
  std::optional<edge::Prepared> Prepare(const StartPlan& plan) const;
  std::optional<Foundation> TakeOver(const control::ConfigModel& model, StartPlan* plan);

  const Options& options_;
  std::optional<Predecessor> predecessor_;
};

}  // namespace fairlead
