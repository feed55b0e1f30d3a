// The publication's part in synchronisation with directors of the kernel: real servers that only
// their messages name get ids, and snapshots have them.
#include "control/publication.h"

namespace fairlead::control {
namespace {

// A rebuild costs as much as a reload, and a message may be anybody's: new ones are collected.
constexpr std::chrono::seconds kUnknownRebuildInterval{1};

}  // namespace

void Publication::SynchroniseWithKernel(TimePoint now) {
  if (is_in_force()) sync_.Turn(now, in_force_.model->sync.ipvs, !unknown_reals_.has_fresh());
  if (!sync_.holds_ids()) ids_.ReleaseHeld();
  if (!unknown_reals_.has_fresh() || now < next_unknown_rebuild_) return;
  next_unknown_rebuild_ = now + kUnknownRebuildInterval;
  Rebuild();
}

std::shared_ptr<const SyncInfo> Publication::sync_info() {
  std::shared_ptr<SyncInfo> info = sync_.info();
  if (info != nullptr) info->unknown_reals = unknown_reals_.List();
  return info;
}

}  // namespace fairlead::control
