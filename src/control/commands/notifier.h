// Runs what the configuration names for events, each once and in order.
//
//   Notifier notifier(io, director.script_user);
//   notifier.Notify({.subject = "web", .command = {"/usr/lib/notify"},
//                    .words = {"VS", "[192.0.2.80]:tcp:80", "DOWN"}, .environment = {…}});
//
// The words stand behind the arguments of the command. Events of one subject run one after another;
// those of different subjects may run at once. One takes kNotifyLimit at the most. When
// kMostNoticesOfOne of a subject or kMostNotices of all wait already, what comes is not run, and
// the log says so. Threads: the control core.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "base/log_pace.h"
#include "control/commands/command_runner.h"

namespace fairlead::control {

struct Notification {
  std::string subject{};  // a service
  std::vector<std::string> command{};
  std::vector<std::string> words{};
  std::vector<std::string> environment{};
  std::string title{};   // for people: "real server 10.0.0.11:80 of web is down"
  std::string detail{};  // why
  friend bool operator==(const Notification&, const Notification&) = default;
};

inline constexpr std::chrono::seconds kNotifyLimit{60};
inline constexpr size_t kNoticesAtOnce = 16;
inline constexpr size_t kMostNotices = 4096;     // of all subjects together
inline constexpr size_t kMostNoticesOfOne = 64;  // so that none takes the room of the others

class Notifier {
 public:
  Notifier(boost::asio::io_context& io, const std::string& user)
      : commands_(io, user, kNoticesAtOnce) {}

  void Notify(Notification notification);
  [[nodiscard]] size_t waiting() const { return waiting_; }

 private:
  void RunFirst(const std::string& subject);
  void OnEnd(const std::string& subject, const CommandEnd& end);

  std::map<std::string, std::deque<Notification>> by_subject_;  // the first of each runs
  size_t waiting_ = 0;
  LogPace refusals_;
  CommandRunner commands_;  // last: its end calls nobody
};

}  // namespace fairlead::control
