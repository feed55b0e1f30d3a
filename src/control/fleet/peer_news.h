// What is still to be done with a list of sync peers that has changed: the control core has to have
// it, and the disk. Whatever fails is tried again, so nothing is lost with an exception or a full
// disk.
//
//   if (peers.Turn(now, facts)) news.Note();
//   news.Tell([&] { …give the list to the control core… });            // may throw
//   const std::string problem = news.Keep(now, [&] { return KeepPeers(…); });  // to be said once
//
// Threads: one; no clock of its own.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/result.h"
#include "control/time_point.h"

namespace fairlead::control {

class PeerNews {
 public:
  static constexpr std::chrono::seconds kRetry{10};

  void Note() {
    is_to_tell_ = is_to_keep_ = true;
    next_keep_ = {};
  }
  // Calls `tell` when there is something new. It counts as done when `tell` returns.
  void Tell(const std::function<void()>& tell);
  // Calls `keep` when something new has not been kept yet, after a failure once in kRetry. Gives a
  // problem when it is another one than the last time.
  std::string Keep(TimePoint now, const std::function<Status()>& keep);

 private:
  bool is_to_tell_ = false, is_to_keep_ = false;
  TimePoint next_keep_{};
  std::string problem_;
};

}  // namespace fairlead::control
