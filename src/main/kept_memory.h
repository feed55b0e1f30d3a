// The arena as the director uses it: where the records of the tables lie, and what is taken up from
// the process before.
//
//   auto memory = KeptMemory::Open(model, is_fresh, &fabric_config, &edge_config);
//   if (!memory) return memory.error();
//   …fabric, edge, core…
//   memory->BeginTakeUp();
//   control::KeptState state = memory->ReadState(fabric);
//   auto records = memory->TakeUp(state, *edge, fabric);
//   if (!records) return memory->EndTrial(), records.error();
//   core.Restore(std::move(state));
//   memory->OnTurn(now);                  // each turn of the control core: signs of life
//   memory->MarkStopped();                // when all workers have ended
//   memory->ReleaseLocks();               // for a successor, which passes them to Open
//
// With `director.arena: none` the tables map memory of their own, and nothing of this does
// anything. docs/arena.md has the files, docs/take_up.md what becomes of records. Threads: main's.
// Invariant: it outlives the fabric and the edge, whose records are in it.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "control/config/model.h"
#include "control/survival/state_store.h"
#include "control/view.h"
#include "dataplane/dpdk/edge.h"
#include "dataplane/shard/fabric.h"
#include "dataplane/tables/arena.h"

namespace fairlead {

class KeptMemory {
 public:
  using Clock = std::chrono::steady_clock;
  // A take-up has succeeded when the process has lived for so long.
  static constexpr std::chrono::seconds kTrial{60};

  // Says in `fabric` where the records lie and what the secrets are, in `edge` when ticks began.
  // `locks`: of the director before, in an upgrade.
  static Result<KeptMemory> Open(const control::ConfigModel& model, bool is_fresh,
                                 dataplane::FabricConfig* fabric, edge::EdgeConfig* edge,
                                 std::vector<FileDescriptor> locks = {});
  // Whether Open and TakeUp would find everything that a director has which still runs. Changes
  // nothing. Error: what would be lost, and why.
  static Status CheckTakeUp(const control::ConfigModel& model,
                            const dataplane::FabricConfig& fabric);

  [[nodiscard]] bool is_on() const { return arena_.has_value(); }
  // Precondition of these four: is_on(). Calls are in this order.
  [[nodiscard]] const std::string& directory() const { return arena_->directory(); }
  // A process that crashes within kTrial from here on has perhaps crashed because of what it found:
  // after three of them the next start sets that aside (docs/arena.md).
  void BeginTakeUp();
  [[nodiscard]] control::KeptState ReadState(const dataplane::Fabric& fabric) const;
  // Before anything else uses the shards. Error: what was moved cannot be kept.
  Result<control::RestoredRecords> TakeUp(const control::KeptState& state, edge::Edge& edge,
                                          dataplane::Fabric& fabric);

  // Nothing has crashed: it has lived for kTrial, or the start is refused with a reason, as for an
  // address of the API that is taken.
  void EndTrial();
  void OnTurn(Clock::time_point now);
  void MarkStopped();
  // The start is refused, and nothing runs any more: to the next one it is as if it had not been.
  void Withdraw();
  // After MarkStopped.
  [[nodiscard]] std::vector<FileDescriptor> ReleaseLocks();

 private:
  std::optional<dataplane::Arena> arena_;
  Clock::time_point begin_{}, next_beat_{};
  bool is_on_trial_ = false;
};

}  // namespace fairlead
