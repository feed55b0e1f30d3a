// Replaces this process by a new program while traffic goes on (docs/upgrade.md): the side of the
// director that runs.
//
//   Upgrade upgrade({.binary = OwnPath(argv[0]), .arguments = {"-c", path}}, [&] { core.Stop(); });
//   core.SetUpgradeCallback([&] { upgrade.BeginBySignal(); });
//   …upgrade is also what POST /v1/upgrade begins…
//   core.Run();
//   if (upgrade.is_ready()) {
//     …stop everything…
//     return upgrade.HandOver(std::move(estate));
//   }
//
// Until the successor is ready nothing here has changed, so a successor that fails changes nothing:
// the reason is logged and stays in state(). Threads: Begin, BeginBySignal and state from any; a
// thread of its own waits for the successor; HandOver by main, which made it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "control/api/upgrade_api.h"
#include "main/successor.h"

namespace fairlead {

// What would be started now, were this program started again: the path of the start, made
// absolute. A symbolic link stays one, so that it may name another version by then.
std::string OwnPath(const char* argv0);

class Upgrade : public api::UpgradeApi {
 public:
  // `own`: `binary` is what is started when nobody names another. `on_ready` is called on another
  // thread; it must not wait.
  Upgrade(SuccessorPlan own, std::function<void()> on_ready,
          std::chrono::milliseconds patience = Successor::kPatience);
  ~Upgrade() override;  // a successor that has not taken over is ended
  Upgrade(const Upgrade&) = delete;
  Upgrade& operator=(const Upgrade&) = delete;

  Status Begin(const std::string& binary) override;
  [[nodiscard]] Result<std::string> Preview(const std::string& binary) const override;
  void BeginBySignal();
  [[nodiscard]] api::UpgradeState state() const override;

  // This process is to stop and to hand over.
  [[nodiscard]] bool is_ready() const { return is_ready_.load(std::memory_order_acquire); }
  // After everything has stopped. Tells the service manager who goes on, and waits until the
  // successor forwards. The exit code of this process.
  int HandOver(Estate estate);

 private:
  [[nodiscard]] Status RefuseSecond() const;  // under the mutex
  void Run(const SuccessorPlan& plan);
  void Fail(const std::string& binary, const std::string& reason);

  const SuccessorPlan own_;
  const std::function<void()> on_ready_;
  const std::chrono::milliseconds patience_;
  std::atomic<bool> stop_{false}, is_ready_{false};
  std::unique_ptr<Successor> successor_;  // the thread's until it is ready

  mutable std::mutex mutex_;
  api::UpgradeState state_;
  std::thread thread_;
};

}  // namespace fairlead
