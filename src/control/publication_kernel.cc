// What kernel twins have, on its way into the snapshot, and what workers are told of its age.
#include "control/publication.h"

namespace fairlead::control {
namespace {

// After a gap: whatever goes wrong, no longer than so long without an answer.
constexpr std::chrono::seconds kLongestCatchUp{5};

}  // namespace

// Addresses of kernel twins are addresses of their ports.
void Publication::FollowKernel(TimePoint now) {
  kernel_.FollowRoutes(wanted_.model->policy.kernel_routes);
  if (!kernel_.Tick(now)) return;
  has_other_kernel_ = true;
  Rebuild();
}

// Half of the bound: a worker that finds the news old finds them so until this thread has caught
// up.
void Publication::NoteGap(TimePoint now) {
  if (!kernel_.has_watch()) return;
  turn_began_ms_ = fabric_.kernel_news.Now();
  if (is_catching_up()) return;
  if (fabric_.kernel_news.IsYoungerThan(dataplane::KernelNews::kBoundMs / 2)) return;
  catching_up_since_ = now;
  caught_up_with_.reset();
}

// The stamp says that what the kernel had said when it was read is in force. In service that is not
// asked: who changes a route without an end would silence the director.
void Publication::StampKernelNews(TimePoint now) {
  if (!kernel_.has_watch()) return;
  if (is_catching_up()) {
    const uint64_t published = snapshot() == nullptr ? 0 : snapshot()->generation;
    if (!caught_up_with_ && kernel_.has_all()) caught_up_with_ = published + (is_dirty_ ? 1 : 0);
    const bool is_done = caught_up_with_ && published >= *caught_up_with_ && is_in_force();
    if (!is_done && now - *catching_up_since_ < kLongestCatchUp) return;
    catching_up_since_.reset();
  }
  fabric_.kernel_news.Stamp(turn_began_ms_);
}

}  // namespace fairlead::control
