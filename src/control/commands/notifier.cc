#include "control/commands/notifier.h"

#include <utility>

#include "base/log.h"

namespace fairlead::control {

void Notifier::Notify(Notification notification) {
  if (notification.command.empty()) return;
  const auto old = by_subject_.find(notification.subject);
  if (waiting_ == kMostNotices ||
      (old != by_subject_.end() && old->second.size() == kMostNoticesOfOne)) {
    const uint64_t times = refusals_.Note(std::chrono::steady_clock::now());
    if (times == 0) return;
    return LogError("too many commands wait: what comes is not run",
                    {{"times", times},
                     {"service", notification.subject},
                     {"command", notification.command[0]},
                     {"remedy", "make the commands of on_up and on_down quicker"}});
  }
  ++waiting_;
  const std::string subject = notification.subject;
  std::deque<Notification>& queue = by_subject_[subject];
  queue.push_back(std::move(notification));
  if (queue.size() == 1) RunFirst(subject);
}

void Notifier::RunFirst(const std::string& subject) {
  const Notification& next = by_subject_.at(subject).front();
  Command command{.arguments = next.command, .environment = next.environment};
  command.arguments.insert(command.arguments.end(), next.words.begin(), next.words.end());
  command.environment.emplace_back(
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  commands_.Run(std::move(command), kNotifyLimit,
                [this, subject](const CommandEnd& end) { OnEnd(subject, end); });
}

void Notifier::OnEnd(const std::string& subject, const CommandEnd& end) {
  const auto it = by_subject_.find(subject);
  const Notification done = std::move(it->second.front());
  it->second.pop_front();
  --waiting_;
  std::string words;
  for (const std::string& word : done.words) words += (words.empty() ? "" : " ") + word;
  if (!end.is_success()) {
    LogWarning("a command of on_up or on_down has failed", {{"service", subject},
                                                            {"command", done.command[0]},
                                                            {"event", words},
                                                            {"reason", end.ToString()}});
  }
  if (it->second.empty()) {
    by_subject_.erase(it);
  } else {
    RunFirst(subject);
  }
}

}  // namespace fairlead::control
