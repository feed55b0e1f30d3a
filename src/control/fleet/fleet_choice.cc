#include "control/fleet/fleet_choice.h"

namespace fairlead::control {

void FleetChoice::Begin(Documents in_force, std::optional<Documents> tried, TimePoint now) {
  in_force_ = std::move(in_force);
  tried_ = std::move(tried);
  is_refused_ = tried_ && !HaveSameTexts(*tried_, in_force_);
  tried_at_ = now;
}

FleetChoice::Step FleetChoice::Next(TimePoint now, const Documents& heard, uint64_t connections) {
  if (is_applying_) return Step::kNone;
  const bool is_watched_anew = std::exchange(connections_, connections) != connections;
  const auto since = now - tried_at_;
  const bool is_retry =
      is_refused_ && (since >= kRetry || (is_watched_anew && since >= kSoonestRetry));
  if (tried_ == heard && !is_retry) return Step::kNone;
  tried_ = heard;
  tried_at_ = now;
  if (HaveSameTexts(heard, in_force_)) {
    in_force_ = heard;
    is_refused_ = false;
    return Step::kAdopt;
  }
  is_applying_ = true;
  is_told_ = false;
  return Step::kApply;
}

bool FleetChoice::OnReload(const Documents& documents, bool is_ok) {
  const bool is_tried = tried_ && HaveSameTexts(*tried_, documents);
  if (is_tried) is_told_ = true;
  const bool is_in_force = HaveSameTexts(documents, in_force_);
  if (is_ok) {
    in_force_ = documents;
    if (is_tried) is_refused_ = false;
    return !is_in_force;
  }
  if (is_tried && !is_in_force) is_refused_ = true;
  return false;
}

bool FleetChoice::OnAttemptEnd() {
  is_applying_ = false;
  if (!is_told_) is_refused_ = true;
  return is_told_;
}

}  // namespace fairlead::control
