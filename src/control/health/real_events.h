// Which real servers with commands of their own have gone up or down since the last snapshot.
//
//   events.Note(service, real, HealthState::kDown, "connection refused");   // while building
//   for (const Notification& each : events.Commit()) notify(each);          // once published
//
// Each change is told once. What is so when a real is first seen is no change: a restart and a
// reload run nothing. Only reals that have on_up or on_down are remembered, or, where mail is sent,
// all that are checked. Threads: the control core.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "control/commands/notifier.h"
#include "control/config/model.h"
#include "control/health/health_state.h"
#include "control/health/quorum.h"
#include "control/identity.h"

namespace fairlead::control {

class RealEvents {
 public:
  // `is_first_up`: it comes up for the first time. Commands hear of that, and no mail does: a start
  // is no news.
  void Note(const ServiceConfig& service, const RealConfig& real, HealthState state,
            const std::string& detail, bool is_first_up = false);
  // How one was until now of which nothing is known yet: what it changes to is news.
  void Remember(const ServiceConfig& service, const RealConfig& real, bool is_down);
  std::vector<Notification> Commit();
  // Whether all changes are told, and not those alone that a command is for.
  void set_tells_all(bool tells_all) { tells_all_ = tells_all; }
  [[nodiscard]] bool tells_all() const { return tells_all_; }
  // The snapshot was not published.
  void Discard() { noted_.clear(); }
  // Forgets reals that are gone.
  void Follow(const ConfigModel& model);

 private:
  [[nodiscard]] bool IsRemembered(const ServiceConfig& service, const RealConfig& real) const;

  using Key = std::pair<ServiceIdentity, RealIdentity>;
  struct Noted {
    Key key;
    bool is_down = false;
    Notification told{};  // where it is a change
  };

  std::map<Key, bool> is_down_;
  std::vector<Noted> noted_;
  bool tells_all_ = false;
};

// What is run when a quorum changes; nothing is when it has no command.
Notification NotificationOf(const QuorumChange& change);

}  // namespace fairlead::control
