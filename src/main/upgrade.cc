#include "main/upgrade.h"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <exception>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "main/notify.h"

namespace fairlead {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using Phase = api::UpgradeState::Phase;

// From the hand-over on the successor attaches devices, of which some take seconds.
constexpr std::chrono::milliseconds kForwarding = 30s;

// Signals are for the control core's thread.
void BlockSignals() {
  sigset_t all;
  sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

std::string OwnPath(const char* argv0) {
  std::error_code ec;
  const std::string started = argv0 == nullptr ? "" : argv0;
  if (started.find('/') != started.npos) {
    const fs::path path = fs::absolute(started, ec).lexically_normal();
    if (!ec) return path.string();
  }
  return fs::read_symlink("/proc/self/exe", ec).string();
}

Upgrade::Upgrade(SuccessorPlan own, std::function<void()> on_ready,
                 std::chrono::milliseconds patience)
    : own_(std::move(own)), on_ready_(std::move(on_ready)), patience_(patience) {}

Upgrade::~Upgrade() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

Status Upgrade::RefuseSecond() const {
  if (state_.phase != Phase::kStarting && state_.phase != Phase::kHandingOver) return Done{};
  return Error{ErrorCode::kExists,
               "an upgrade to " + state_.binary + " is on its way; wait for its end", ""};
}

Result<std::string> Upgrade::Preview(const std::string& binary) const {
  const std::lock_guard lock(mutex_);
  if (const Status first = RefuseSecond(); !first) return first.error();
  const std::string& program = binary.empty() ? own_.binary : binary;
  if (::access(program.c_str(), X_OK) == 0) return program;
  return Error{ErrorCode::kInvalid,
               program + " cannot be started: " + std::generic_category().message(errno), ""};
}

Status Upgrade::Begin(const std::string& binary) {
  const std::lock_guard lock(mutex_);
  if (const Status first = RefuseSecond(); !first) return first.error();
  SuccessorPlan plan = own_;
  if (!binary.empty()) plan.binary = binary;
  state_ = {.phase = Phase::kStarting, .binary = plan.binary};
  LogInfo("upgrade: starting the new program", {{"binary", plan.binary}});
  if (thread_.joinable()) thread_.join();  // of one that has failed, so it is at its end
  thread_ = std::thread([this, plan = std::move(plan)] {
    try {
      Run(plan);
    } catch (const std::exception& error) {
      if (!is_ready()) Fail(plan.binary, error.what());
    }
  });
  return Done{};
}

void Upgrade::BeginBySignal() {
  LogInfo("SIGUSR2: upgrade");
  if (const Status begun = Begin(""); !begun) {
    LogWarning("no other upgrade is begun", {{"reason", begun.error().message}});
  }
}

api::UpgradeState Upgrade::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void Upgrade::Run(const SuccessorPlan& plan) {
  BlockSignals();
  ::pthread_setname_np(::pthread_self(), "fl-upgrade");
  auto started = Successor::Start(plan);
  if (!started) return Fail(plan.binary, started.error().message);
  successor_ = *std::move(started);
  if (Status ready = successor_->AwaitReady(patience_, stop_); !ready) {
    successor_.reset();
    return Fail(plan.binary, ready.error().message);
  }
  {
    const std::lock_guard lock(mutex_);
    state_.phase = Phase::kHandingOver;
  }
  LogInfo(
      "upgrade: the new program is ready, handing over to it",
      {{"binary", plan.binary}, {"version", successor_->version()}, {"pid", successor_->pid()}});
  is_ready_.store(true, std::memory_order_release);
  on_ready_();
  successor_->RelayWords(stop_);
}

void Upgrade::Fail(const std::string& binary, const std::string& reason) {
  LogError("upgrade failed: this director goes on as before",
           {{"binary", binary}, {"reason", reason}});
  const std::lock_guard lock(mutex_);
  state_.phase = Phase::kFailed;
  state_.reason = reason;
}

int Upgrade::HandOver(Estate estate) {
  const std::string pid = std::to_string(successor_->pid());
  // Before the end of this process, which would else be that of the service.
  for (int tries = 0; !NotifyServiceManager("MAINPID=" + pid) && tries < 100; ++tries) {
    std::this_thread::sleep_for(1ms);
  }
  Status done = successor_->HandOver(std::move(estate));
  if (done) done = successor_->AwaitForwarding(kForwarding);
  if (!done) {
    LogError("the new program has not taken over; what is kept is there for the next start",
             {{"pid", pid}, {"reason", done.error().message}});
    return 1;
  }
  LogInfo("upgrade: the new program forwards, this one ends", {{"pid", pid}});
  return 0;
}

}  // namespace fairlead
