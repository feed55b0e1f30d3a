#include "control/fleet/peer_news.h"

#include <utility>

namespace fairlead::control {

void PeerNews::Tell(const std::function<void()>& tell) {
  if (!is_to_tell_) return;
  tell();
  is_to_tell_ = false;
}

std::string PeerNews::Keep(TimePoint now, const std::function<Status()>& keep) {
  if (!is_to_keep_ || now < next_keep_) return "";
  next_keep_ = now + kRetry;
  const Status kept = keep();
  is_to_keep_ = !kept;
  std::string problem = kept ? std::string() : kept.error().ToString();
  if (problem == problem_) return "";
  problem_ = problem;
  return problem;
}

}  // namespace fairlead::control
