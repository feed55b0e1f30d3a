#include "control/commands/command_runner.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <utility>

#include "base/file_descriptor.h"
#include "base/log.h"
#include "control/config/command_path.h"

namespace fairlead::control {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

constexpr size_t kMostText = 200;
constexpr size_t kMostOutput = size_t{1} << 20;
constexpr std::chrono::milliseconds kLooksAgain{20};  // at one that has ended and is held
constexpr std::chrono::milliseconds kPatienceAtEnd{
    100};  // of the runner's own end, for all of them

// Whether it could be reaped, or was not ours to reap. Never waits.
bool Reap(pid_t id, siginfo_t* info) {
  *info = {};
  return ::waitid(P_PID, static_cast<id_t>(id), info, WEXITED | WNOHANG) != 0 || info->si_pid != 0;
}

}  // namespace

std::string CommandEnd::ToString() const {
  const std::string more = text.empty() ? "" : ": " + text;
  switch (how) {
    case How::kExited:
      return "exit status " + std::to_string(number) + more;
    case How::kKilled:
      return "ended by signal " + std::to_string(number) + more;
    case How::kTimedOut:
      return "not done in " + std::to_string(number) + " ms" + more;
    case How::kNotRun:
    case How::kStuck:
      return "not run" + more;
  }
  return text;
}

// One that runs. Keeps itself alive by the runner's set until it is reaped.
class CommandRunner::Process : public std::enable_shared_from_this<Process> {
 public:
  Process(CommandRunner& runner, pid_t id, Command command, std::chrono::milliseconds limit)
      : runner_(runner),
        id_(id),
        command_(std::move(command)),
        limit_(limit),
        handle_(runner.io_),
        output_(runner.io_),
        timer_(runner.io_, limit),
        again_(runner.io_) {}

  [[nodiscard]] pid_t id() const { return id_; }
  [[nodiscard]] const Command& command() const { return command_; }

  // 0, or the errno of what this machine has no room for; then nothing is watched.
  int Take(FileDescriptor* handle, FileDescriptor* output, Done* done) noexcept {
    try {
      error_code error;
      handle_.assign(handle->get(), error);
      if (error) return error.value();
      static_cast<void>(handle->Release());
      output_.assign(output->get(), error);
      if (error) return error.value();
      static_cast<void>(output->Release());
      done_ = std::move(*done);
      return 0;
    } catch (const std::exception&) {  // the library has no error code for that
      return ENOMEM;
    }
  }

  void Watch() {
    AwaitExit();
    timer_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->OnLimit();
    });
    Read();
  }

  // Without a word to anybody: the runner goes, or could not watch it.
  void Kill() {
    done_ = nullptr;
    ::kill(-id_, SIGKILL);
  }
  void WaitForEnd(Clock::time_point until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    pollfd exit{handle_.native_handle(), POLLIN, 0};
    ::poll(&exit, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
    Close();
  }
  void Close() {
    error_code ignored;
    handle_.close(ignored);
    output_.close(ignored);
    timer_.cancel();
    again_.cancel();
  }

 private:
  void AwaitExit() {
    handle_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [self = shared_from_this()](error_code error) {
                         if (!error) self->OnExit();
                       });
  }

  void Read() {
    output_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [self = shared_from_this()](error_code error) {
                         if (!error) self->OnReadable();
                       });
  }

  // By hand: the buffer is one for all.
  void OnReadable() {
    const ssize_t size =
        ::read(output_.native_handle(), runner_.buffer_.data(), runner_.buffer_.size());
    if (size == 0) return;  // nobody can print any more
    if (size < 0 && errno != EAGAIN && errno != EINTR) return;
    if (size > 0) Keep(static_cast<size_t>(size));
    if (output_.is_open()) Read();
  }

  void Keep(size_t size) {
    output_size_ += size;
    for (size_t i = 0; i < size && !is_line_over_; ++i) {
      const char c = runner_.buffer_[i];
      is_line_over_ = (c == '\n' && !text_.empty()) || text_.size() == kMostText;
      const bool is_plain = static_cast<unsigned char>(c) >= ' ' && c != 0x7f;
      if (!is_line_over_ && is_plain) text_ += c;
    }
    error_code ignored;
    if (output_size_ >= kMostOutput) output_.close(ignored);  // it meets SIGPIPE
  }

  void OnLimit() {
    if (!handle_.is_open()) return;    // reaped: its number may be another's
    if (has_ended() && End()) return;  // while this thread was busy
    ::kill(-id_, SIGKILL);
    timer_.expires_after(kStuckAfter);
    timer_.async_wait([self = shared_from_this()](error_code error) {
      if (!error && self->handle_.is_open()) self->runner_.NoteStuck(self);
    });
    Tell({.how = CommandEnd::How::kTimedOut,
          .number = static_cast<int>(limit_.count()),
          .text = text_});
  }

  [[nodiscard]] bool has_ended() {
    pollfd exit{handle_.native_handle(), POLLIN, 0};
    return ::poll(&exit, 1, 0) != 0;
  }

  void OnExit() {
    // The library may wake it with what was meant for a descriptor that had its place before: one
    // that ends may close its own in the handler in which the next one opens.
    if (!handle_.is_open()) return;
    if (!has_ended()) return AwaitExit();
    if (!End()) LookAgain();
  }

  // Of one that has ended. False: somebody who traces it has not let it go.
  bool End() {
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(id_), &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
      const int error = errno;  // reaped by somebody else, so its number may be another's: no kill
      Finish({.how = CommandEnd::How::kNotRun,
              .number = error,
              .text = std::string("how it ended is not known, since somebody else has taken its "
                                  "exit status: ") +
                      std::strerror(error)});
      return true;
    }
    if (info.si_pid == 0) return false;
    // What is still in the pipe; who else holds it is of no interest.
    if (output_.is_open()) {
      const ssize_t size =
          ::read(output_.native_handle(), runner_.buffer_.data(), runner_.buffer_.size());
      if (size > 0) Keep(static_cast<size_t>(size));
    }
    // Before it is reaped, while its number is nobody else's.
    ::kill(-id_, SIGKILL);
    Reap(id_, &info);
    const bool is_exit = info.si_code == CLD_EXITED;
    Finish({.how = is_exit ? CommandEnd::How::kExited : CommandEnd::How::kKilled,
            .number = info.si_status,
            .text = text_});
    return true;
  }

  void Finish(const CommandEnd& end) {
    const std::shared_ptr<Process> self = shared_from_this();
    Close();
    runner_.OnEnded(self);  // first: whoever is told may fail, and the place must be free
    Tell(end);
  }

  void LookAgain() {
    again_.expires_after(kLooksAgain);
    again_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->OnExit();
    });
  }

  void Tell(CommandEnd end) {
    if (!done_) return;
    end.took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun_);
    std::exchange(done_, nullptr)(end);
  }

  CommandRunner& runner_;
  const pid_t id_;
  const Command command_;
  const std::chrono::milliseconds limit_;
  const Clock::time_point begun_ = Clock::now();
  asio::posix::stream_descriptor handle_;  // a pidfd: readable when it has ended
  asio::posix::stream_descriptor output_;
  asio::steady_timer timer_, again_;
  Done done_;
  std::string text_;
  bool is_line_over_ = false;
  size_t output_size_ = 0;
};

CommandRunner::CommandRunner(asio::io_context& io, const std::string& user, size_t most_at_once)
    : io_(io), user_(FindCommandUser(user)), most_at_once_(most_at_once) {}

// What cannot be killed now is the kernel's to end, and the init process's to reap.
CommandRunner::~CommandRunner() {
  for (const std::shared_ptr<Process>& process : running_) process->Kill();
  const Clock::time_point until = Clock::now() + kPatienceAtEnd;
  siginfo_t info{};
  for (const std::shared_ptr<Process>& process : running_) {
    process->WaitForEnd(until);
    Reap(process->id(), &info);
  }
}

bool CommandRunner::has_room() const {
  return running_.size() - stuck_.size() + dying_.size() < most_at_once_ &&
         stuck_.size() < kMostStuck;
}

pid_t CommandRunner::StuckIn(const Command& command) const {
  const auto it = std::ranges::find_if(
      stuck_, [&](const auto& process) { return process->command() == command; });
  return it == stuck_.end() ? 0 : (*it)->id();
}

void CommandRunner::Run(Command command, std::chrono::milliseconds limit, Done done) {
  if (!std::exchange(has_said_user_, true) && geteuid() != 0) {
    LogWarning("commands run with the director's own rights: only root can take others",
               {{"script_user", user_.name},
                {"remedy", "name only commands that may do all that the director may"}});
  }
  waiting_.push_back({std::move(command), limit, std::move(done)});
  StartWaiting();
}

void CommandRunner::StartWaiting() {
  siginfo_t info{};
  std::erase_if(dying_, [&](pid_t id) { return Reap(id, &info); });
  while (!waiting_.empty() && has_room()) {
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    Done done = next.done;
    try {
      Start(std::move(next));
    } catch (const std::exception& error) {  // without it nobody would hear of this one again
      Refuse(std::move(done), ENOMEM, error.what());
    }
  }
}

void CommandRunner::Refuse(Done done, int error, std::string why) {
  Answer(std::move(done),
         {.how = CommandEnd::How::kNotRun, .number = error, .text = std::move(why)});
}

void CommandRunner::Answer(Done done, CommandEnd end) {
  asio::post(io_, [done = std::move(done), end = std::move(end)] { done(end); });
}

void CommandRunner::Start(Waiting next) {
  if (!user_.is_known) {
    return Refuse(std::move(next.done), EPERM, "there is no user " + user_.name);
  }
  if (const pid_t stuck = StuckIn(next.command); stuck != 0) {  // or it would take all places
    return Answer(std::move(next.done), {.how = CommandEnd::How::kStuck,
                                         .number = stuck,
                                         .text = "its previous process " + std::to_string(stuck) +
                                                 " was killed and has not ended"});
  }
  std::string fault = FaultOfCommand(next.command.arguments.at(0));
  if (!fault.empty()) return Refuse(std::move(next.done), EPERM, std::move(fault));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    const int error = errno;
    return Refuse(std::move(next.done), error, std::strerror(error));
  }
  FileDescriptor output(ends[0]);
  FileDescriptor input(ends[1]);
  ::fcntl(output.get(), F_SETFL, O_NONBLOCK);
  const Spawned child = Spawn(next.command, user_, input.get());
  int error = child.error;
  FileDescriptor handle;
  if (error == 0) {
    handle = FileDescriptor(static_cast<int>(::syscall(SYS_pidfd_open, child.process, 0)));
    if (!handle) error = errno;
  }
  std::shared_ptr<Process> process;
  if (error == 0) {
    process = MakeProcess(child.process, next.command, next.limit);
    error = process == nullptr ? ENOMEM : process->Take(&handle, &output, &next.done);
  }
  if (error != 0) {
    if (process != nullptr) running_.erase(process);
    if (child.process > 0) Abandon(child.process);
    return Refuse(std::move(next.done), error,
                  next.command.arguments[0] + ": " + std::strerror(error));
  }
  try {
    process->Watch();
  } catch (const std::exception&) {
    process->Kill();
    process->Close();  // or it would look again and again at one that is reaped
    running_.erase(process);
    Abandon(child.process);
    throw;
  }
}

// A child that nobody watches. It is reaped when it has ended, whenever that is.
void CommandRunner::Abandon(pid_t id) {
  ::kill(-id, SIGKILL);
  siginfo_t info{};
  if (!Reap(id, &info)) dying_.push_back(id);
}

// Among those that run; null without memory.
std::shared_ptr<CommandRunner::Process> CommandRunner::MakeProcess(
    pid_t id, const Command& command, std::chrono::milliseconds limit) noexcept {
  try {
    auto process = std::make_shared<Process>(*this, id, command, limit);
    running_.insert(process);
    return process;
  } catch (const std::exception&) {
    return nullptr;
  }
}

void CommandRunner::NoteStuck(const std::shared_ptr<Process>& process) {
  stuck_.insert(process);
  const uint64_t times = stuck_pace_.Note(Clock::now());
  if (times != 0) {
    LogWarning("a command was killed and has not ended: it waits in the kernel",
               {{"process", process->id()},
                {"command", process->command().arguments[0]},
                {"stuck", stuck_.size()},
                {"at_most", kMostStuck},
                {"remedy",
                 "look what it waits for, in /proc/PROCESS/stack: most often a file "
                 "system of a server that does not answer"}});
  }
  StartWaiting();  // others have its place
}

void CommandRunner::OnEnded(const std::shared_ptr<Process>& process) {
  running_.erase(process);
  stuck_.erase(process);
  StartWaiting();
}

}  // namespace fairlead::control
