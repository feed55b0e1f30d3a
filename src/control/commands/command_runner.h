// Runs commands that the configuration names: scripts of health checks, and what is run when a real
// or a service goes up or down.
//
//   CommandRunner runner(io, "nobody", 64);
//   runner.Run({{"/usr/lib/checks/web", "10.0.0.11"}, {"FAIRLEAD_REAL=10.0.0.11:80"}}, 5s,
//              [](const CommandEnd& end) { if (end.is_success()) … });
//
// Only programs that root alone may write (command_path.h), with the rights of
// director.script_user, without a shell and with an environment of its own (spawn.h). So many at
// once; the others wait in turn. A command that takes longer than its limit is killed with all of
// its process group, and so is what one leaves behind; the limit begins when it begins. Of its
// output the first line is kept; after a mebibyte nobody listens any more. One that has been killed
// and has not ended kStuckAfter later waits in the kernel for something that does not come: it
// gives its place to others, up to kMostStuck of them, and stays known until it ends; meanwhile the
// same command is not run again: it is answered kStuck. Nothing here blocks. Threads: the one
// that runs `io`; the callback always runs from `io`, never inside Run.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/log_pace.h"
#include "control/commands/spawn.h"

namespace boost::asio {
class io_context;
}

namespace fairlead::control {

struct CommandEnd {
  enum class How : uint8_t { kExited, kKilled, kTimedOut, kNotRun, kStuck };
  How how = How::kNotRun;
  // The exit status, the signal, the limit in milliseconds, the errno of what could not be run or
  // whose end is not known, or the process that is stuck.
  int number = 0;
  std::string text{};  // the first line it printed; of what was not run: why
  std::chrono::microseconds took{0};
  [[nodiscard]] bool is_success() const { return how == How::kExited && number == 0; }
  // "exit status 2: no answer from the database", "not done in 1000 ms"
  [[nodiscard]] std::string ToString() const;
};

class CommandRunner {
 public:
  using Done = std::function<void(const CommandEnd&)>;

  // `io` outlives it, and runs no more handlers once it is gone.
  CommandRunner(boost::asio::io_context& io, const std::string& user, size_t most_at_once);
  ~CommandRunner();  // kills what runs, and waits for that a tenth of a second at the most
  CommandRunner(const CommandRunner&) = delete;
  CommandRunner& operator=(const CommandRunner&) = delete;

  static constexpr std::chrono::milliseconds kStuckAfter{1000};
  static constexpr size_t kMostStuck = 64;

  void Run(Command command, std::chrono::milliseconds limit, Done done);
  // Whether one more would begin at once.
  [[nodiscard]] bool has_room() const;
  [[nodiscard]] size_t most_at_once() const { return most_at_once_; }
  [[nodiscard]] size_t stuck() const { return stuck_.size(); }
  [[nodiscard]] size_t running() const { return running_.size(); }
  [[nodiscard]] size_t waiting() const { return waiting_.size(); }

 private:
  class Process;
  struct Waiting {
    Command command;
    std::chrono::milliseconds limit;
    Done done;
  };

  void StartWaiting();
  void Start(Waiting next);
  std::shared_ptr<Process> MakeProcess(pid_t id, const Command& command,
                                       std::chrono::milliseconds limit) noexcept;
  void Abandon(pid_t id);
  void NoteStuck(const std::shared_ptr<Process>& process);
  void Refuse(Done done, int error, std::string why);
  void Answer(Done done, CommandEnd end);
  // The process of a stuck command that was the same; 0: there is none.
  [[nodiscard]] pid_t StuckIn(const Command& command) const;
  void OnEnded(const std::shared_ptr<Process>& process);

  boost::asio::io_context& io_;
  const CommandUser user_;
  const size_t most_at_once_;
  bool has_said_user_ = false;
  std::deque<Waiting> waiting_;
  std::set<std::shared_ptr<Process>> running_, stuck_;  // those that are stuck are in both
  std::vector<pid_t> dying_;                            // killed before they were watched
  LogPace stuck_pace_;
  std::array<char, 16384> buffer_;  // what is read and, but for a line, forgotten
};

}  // namespace fairlead::control
