#include "main/successor.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include "base/log_writer.h"

extern char** environ;  // NOLINT: that is its name

namespace fairlead {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kHandoverDescriptor = 3;  // in the successor
constexpr size_t kLinesKept = 5;
constexpr size_t kMostLineBytes = 2048;
constexpr int kMostReadsAfterEnd = 64;  // a child of its own may go on writing
constexpr milliseconds kLook{100};      // at `stop`, at least so often
constexpr milliseconds kFarewell{500};  // for a program that has said why to end by itself

// All of ours but what names this process: the watchdog of the service manager is for whichever
// process is the main one.
std::vector<char*> EnvironmentOfSuccessor() {
  std::vector<char*> variables;
  for (char** each = environ; *each != nullptr; ++each) {
    if (!std::string_view(*each).starts_with("WATCHDOG_PID=")) variables.push_back(*each);
  }
  variables.push_back(nullptr);
  return variables;
}

std::string HowItEnded(int status) {
  if (WIFEXITED(status)) return "it ended with status " + std::to_string(WEXITSTATUS(status));
  const int signal = WTERMSIG(status);
  return "it was ended by signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
}

// Everything that a spawn needs, and is destroyed with.
struct SpawnSetting {
  SpawnSetting(int channel, int words) {
    posix_spawn_file_actions_init(&actions);
    // The highest first: none of them stands where another goes.
    posix_spawn_file_actions_adddup2(&actions, words, STDERR_FILENO);
    posix_spawn_file_actions_adddup2(&actions, channel, kHandoverDescriptor);
    // Sockets of libraries are not all closed on exec.
    posix_spawn_file_actions_addclosefrom_np(&actions, kHandoverDescriptor + 1);
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  }
  ~SpawnSetting() {
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
  }
  SpawnSetting(const SpawnSetting&) = delete;
  SpawnSetting& operator=(const SpawnSetting&) = delete;

  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

Error CannotStart(const std::string& binary, int error) {
  return {ErrorCode::kUnavailable, binary + " cannot be started: " + std::strerror(error), ""};
}

}  // namespace

Result<std::unique_ptr<Successor>> Successor::Start(const SuccessorPlan& plan) {
  auto channels = HandoverChannel::MakePair();
  if (!channels) return channels.error();
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return CannotStart(plan.binary, errno);
  FileDescriptor words(pipe[0]);
  const FileDescriptor its_words(pipe[1]);
  ::fcntl(words.get(), F_SETFL, O_NONBLOCK);

  std::vector<std::string> arguments = {plan.binary};
  arguments.insert(arguments.end(), plan.arguments.begin(), plan.arguments.end());
  arguments.insert(arguments.end(), {"--hand-over", std::to_string(kHandoverDescriptor)});
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const SpawnSetting setting(channels->second.fd(), its_words.get());
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, plan.binary.c_str(), &setting.actions, &setting.attributes,
                                  argv.data(), EnvironmentOfSuccessor().data());
  if (error != 0) return CannotStart(plan.binary, error);
  std::unique_ptr<Successor> successor(
      new Successor(std::move(channels->first), std::move(words), pid));
  // When it has ended already, AwaitReady says how.
  (void)successor->channel_.Send(HandoverWord::kOffer,
                                 plan.packets_on_hugepages ? "hugepages" : "ordinary");
  return successor;
}

Successor::~Successor() {
  if (pid_ > 0 && !is_handed_over_) End();
}

Status Successor::AwaitReady(milliseconds patience, const std::atomic<bool>& stop) {
  const auto refuse = [this](const std::string& why) {
    return Error{ErrorCode::kUnavailable, why + LastWords(), ""};
  };
  const auto deadline = Clock::now() + patience;
  bool has_words = true;
  while (!stop) {
    if (Clock::now() >= deadline) {
      End();
      return refuse(
          "it was not ready within " +
          std::to_string(std::chrono::duration_cast<std::chrono::seconds>(patience).count()) +
          " s and was ended");
    }
    std::array<pollfd, 2> wanted{
        {{.fd = channel_.fd(), .events = POLLIN, .revents = 0},
         {.fd = has_words ? words_.get() : -1, .events = POLLIN, .revents = 0}}};
    ::poll(wanted.data(), wanted.size(), static_cast<int>(kLook.count()));
    if (wanted[1].revents != 0) has_words = ReadWords();
    if (wanted[0].revents == 0) continue;
    const Result<HandoverMessage> message = channel_.Receive(kLook);
    if (message && message->word == HandoverWord::kReady) {
      version_ = message->text;
      return Done{};
    }
    const std::string end = End();
    if (message && message->word == HandoverWord::kRefused) {
      return Error{ErrorCode::kUnavailable, message->text, ""};
    }
    if (message) return refuse("it sent a message of the hand-over out of turn");
    if (message.error().code == ErrorCode::kNotFound) return refuse(end + " before it was ready");
    return refuse(message.error().message);
  }
  End();
  return refuse("this director is stopping");
}

void Successor::RelayWords(const std::atomic<bool>& stop) {
  while (!stop) {
    pollfd wanted{.fd = words_.get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&wanted, 1, static_cast<int>(kLook.count()));
    if (ready > 0 && !ReadWords()) return;
  }
}

Status Successor::HandOver(Estate estate) {
  is_handed_over_ = true;  // from the first descriptor on there is no way back
  return SendEstate(channel_, std::move(estate));
}

Status Successor::AwaitForwarding(milliseconds patience) {
  const Result<HandoverMessage> message = channel_.Receive(patience);
  if (!message) return message.error();
  if (message->word == HandoverWord::kForwarding) return Done{};
  if (message->word == HandoverWord::kRefused) {
    return Error{ErrorCode::kUnavailable, message->text, ""};
  }
  return Error{ErrorCode::kInvalid, "a message of the hand-over came out of turn", ""};
}

bool Successor::ReadWords() {
  std::array<char, 4096> bytes;
  const ssize_t got = ::read(words_.get(), bytes.data(), bytes.size());
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) {
    if (!begun_line_.empty()) TakeLine(std::move(begun_line_));
    begun_line_.clear();
    return false;
  }
  for (const char c : std::string_view(bytes.data(), static_cast<size_t>(got))) {
    if (c != '\n') begun_line_ += c;
    if (c != '\n' && begun_line_.size() < kMostLineBytes) continue;
    TakeLine(std::move(begun_line_));
    begun_line_.clear();
  }
  return true;
}

void Successor::TakeLine(std::string line) {
  WriteLogLine(line + "\n");
  last_lines_.push_back(std::move(line));
  if (last_lines_.size() > kLinesKept) last_lines_.pop_front();
}

std::string Successor::End() {
  if (pid_ <= 0) return "";
  // It may be about to end by itself, and how it does is the reason.
  int status = 0;
  pid_t ended = 0;
  const auto farewell = Clock::now() + kFarewell;
  while ((ended = ::waitpid(pid_, &status, WNOHANG)) == 0 && Clock::now() < farewell) {
    ReadWords();
    ::usleep(1000);
  }
  if (ended == 0) {
    ::kill(pid_, SIGKILL);
    ended = ::waitpid(pid_, &status, 0);
  }
  pid_ = -1;
  pollfd wanted{.fd = words_.get(), .events = POLLIN, .revents = 0};
  for (int reads = 0; reads < kMostReadsAfterEnd; ++reads) {
    if (::poll(&wanted, 1, 0) <= 0 || !ReadWords()) break;
  }
  return ended > 0 ? HowItEnded(status) : "it ended";
}

std::string Successor::LastWords() const {
  std::string words;
  for (const std::string& line : last_lines_) words += (words.empty() ? "" : " | ") + line;
  return words.empty() ? "; it said nothing" : "; it said: " + words;
}

}  // namespace fairlead
