#include "control/control_core.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <mutex>
#include <optional>
#include <random>
#include <utility>

#include "base/log.h"
#include "control/config/yaml_loader.h"
#include "control/health/asio_prober.h"
#include "control/model_diff.h"
#include "control/publication.h"
#include "control/view_builder.h"

namespace fairlead::control {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kTurn{5};
// The view is made again for what health checks have seen: this often, but with many services not
// so often that it costs more than a fiftieth of the thread.
constexpr std::chrono::seconds kViewRefresh{1};
constexpr int kViewCostShare = 50;

}  // namespace

class ControlCore::Impl {
 public:
  Impl(dataplane::Fabric& fabric, ConfigModel model, std::string config_path,
       std::vector<PortRuntime> ports)
      : fabric_(fabric),
        config_path_(std::move(config_path)),
        ports_(std::move(ports)),
        prober_(MakeAsioProber(io_)),
        publication_(fabric, std::make_shared<const ConfigModel>(std::move(model)), ports_,
                     *prober_, std::random_device{}()),
        signals_(io_, SIGHUP, SIGTERM, SIGINT),
        timer_(io_),
        view_(std::make_shared<const ControlView>()) {
    WaitForSignal();
  }

  Status PublishFirst() {
    std::optional<Error> refused;
    publication_.Want(publication_.wanted(), [&refused](const Result<uint64_t>& result) {
      if (!result) refused = result.error();
    });
    publication_.Turn(Clock::now());
    if (refused) return *refused;
    SetLogLevel(publication_.in_force().model->log.level);
    RefreshView();
    LogInfo("configuration published",
            {{"file", config_path_},
             {"generation", publication_.snapshot()->generation},
             {"services", publication_.in_force().model->services.size()}});
    return Done{};
  }

  void Run() {
    StartTimer();
    io_.run();
  }

  void Stop() {
    asio::post(io_, [this] { io_.stop(); });
  }

  void SetMemory(std::vector<ControlView::MemoryUse> memory) { memory_ = std::move(memory); }
  void SetReadyCallback(std::function<void()> ready) { ready_ = std::move(ready); }

  [[nodiscard]] std::shared_ptr<const ControlView> view() const {
    const std::lock_guard lock(view_mutex_);
    return view_;
  }

  void Reload(std::string path, std::function<void(ReloadOutcome)> done) {
    asio::post(io_, [this, path = std::move(path), done = std::move(done)]() mutable {
      DoReload(path.empty() ? config_path_ : path, std::move(done));
    });
  }

  void ChangeReal(RealChange change, std::function<void(Status)> done) {
    asio::post(io_, [this, change = std::move(change), done = std::move(done)]() mutable {
      DoChangeReal(change, std::move(done));
    });
  }

  dataplane::Fabric& fabric() { return fabric_; }

 private:
  void WaitForSignal() {
    signals_.async_wait([this](boost::system::error_code error, int signal) {
      if (error) return;
      if (signal == SIGHUP) {
        LogInfo("SIGHUP: reading the configuration again", {{"file", config_path_}});
        DoReload(config_path_, [](const ReloadOutcome&) {});
      } else {
        LogInfo("stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
        io_.stop();
        return;
      }
      WaitForSignal();
    });
  }

  void StartTimer() {
    timer_.expires_after(kTurn);
    timer_.async_wait([this](boost::system::error_code error) {
      if (error) return;
      Turn();
      StartTimer();
    });
  }

  void Turn() {
    const TimePoint now = Clock::now();
    const bool is_news = publication_.Turn(now);
    const bool is_ready = publication_.is_in_force();
    if (is_news || is_ready != view_->is_ready || now - view_made_ >= view_refresh_) {
      RefreshView();
    }
    if (is_ready && ready_) std::exchange(ready_, nullptr)();
  }

  void DoReload(const std::string& path, std::function<void(ReloadOutcome)> done) {
    last_reload_ = std::chrono::system_clock::now();
    LoadResult loaded = LoadConfig(path);
    if (!loaded) return RefuseReload(path, std::move(loaded.errors), done);
    for (const Error& warning : loaded.warnings) {
      LogWarning("configuration warning", {{"what", warning.ToString()}});
    }
    ReloadOutcome outcome;
    outcome.ok = true;
    const ConfigModel& running = *publication_.wanted().model;
    const std::vector<std::string> waiting = KeepStartupKeys(running, &*loaded.model);
    if (std::vector<Error> unknown = UnknownPorts(*loaded.model); !unknown.empty()) {
      return RefuseReload(path, std::move(unknown), done);
    }
    outcome.changes = DescribeChanges(running, *loaded.model);
    if (const size_t by_hand = publication_.wanted().overlay.size(); by_hand > 0) {
      outcome.changes.push_back(
          by_hand == 1 ? "a real that was changed by hand is as the file says again"
                       : std::to_string(by_hand) +
                             " reals that were changed by hand are as the file says again");
    }
    for (const std::string& sentence : waiting) {
      LogWarning("needs a restart", {{"what", sentence}});
      outcome.changes.push_back(sentence);
    }
    if (*loaded.model == running && publication_.wanted().overlay.empty()) {
      path_in_force_ = path;
      NoteReload(true, "");
      outcome.generation = publication_.snapshot()->generation;
      LogInfo("configuration unchanged", {{"file", path}});
      return done(std::move(outcome));
    }
    Apply(path, std::make_shared<const ConfigModel>(*std::move(loaded.model)), std::move(outcome),
          std::move(done));
  }

  void Apply(const std::string& path, std::shared_ptr<const ConfigModel> model,
             ReloadOutcome outcome, std::function<void(ReloadOutcome)> done) {
    const auto level = model->log.level;
    publication_.Want({std::move(model), {}},
                      [this, path, level, outcome = std::move(outcome),
                       done = std::move(done)](const Result<uint64_t>& result) mutable {
                        if (!result) return RefuseReload(path, {result.error()}, done);
                        SetLogLevel(level);
                        path_in_force_ = path;
                        outcome.generation = *result;
                        NoteReload(true, "");
                        LogInfo("configuration applied", {{"file", path},
                                                          {"generation", outcome.generation},
                                                          {"changes", outcome.changes.size()}});
                        for (const std::string& change : outcome.changes) {
                          LogInfo("configuration change", {{"what", change}});
                        }
                        done(std::move(outcome));
                      });
  }

  void RefuseReload(const std::string& path, std::vector<Error> errors,
                    const std::function<void(ReloadOutcome)>& done) {
    ReloadOutcome outcome;
    outcome.generation = publication_.snapshot()->generation;
    outcome.errors = std::move(errors);
    NoteReload(false, outcome.errors.empty() ? "" : outcome.errors.front().ToString());
    LogError("configuration refused: nothing has changed; mend the file and reload again",
             {{"file", path}, {"problems", outcome.errors.size()}});
    for (const Error& error : outcome.errors) {
      LogError("configuration problem", {{"what", error.ToString()}});
    }
    done(std::move(outcome));
  }

  // Rules are checked against the ports of their file; ours may still be the ones before.
  static std::vector<Error> UnknownPorts(const ConfigModel& model) {
    std::vector<Error> errors;
    for (const ClassifierRule& rule : model.classifier) {
      const bool is_known =
          rule.input_port.empty() ||
          std::ranges::find(model.ports, rule.input_port, &PortConfig::name) != model.ports.end();
      if (is_known) continue;
      errors.push_back({ErrorCode::kUnavailable,
                        "port \"" + rule.input_port +
                            "\" is new in this file and needs a restart; a rule cannot use it yet",
                        "classifier rule " + rule.name});
    }
    return errors;
  }

  void DoChangeReal(const RealChange& change, std::function<void(Status)> done) {
    Intent intent = publication_.wanted();
    Status status = ApplyByHand(change.service, change.real, change.weight, change.admin, &intent);
    if (!status) return done(std::move(status));
    LogInfo("real server changed by hand", {{"service", change.service}, {"real", change.real}});
    publication_.Want(std::move(intent), [done = std::move(done)](const Result<uint64_t>& result) {
      done(result ? Status(Done{}) : Status(result.error()));
    });
  }

  void NoteReload(bool ok, std::string error) {
    last_reload_ok_ = ok;
    last_reload_error_ = std::move(error);
    RefreshView();
  }

  void RefreshView() {
    if (publication_.snapshot() == nullptr) return;
    const TimePoint begun = Clock::now();
    const Intent& intent = publication_.in_force();
    auto next = std::make_shared<ControlView>(BuildView({.model = *intent.model,
                                                         .ports = ports_,
                                                         .overlay = intent.overlay,
                                                         .ids = publication_.ids(),
                                                         .health = publication_.health(),
                                                         .snapshot = *publication_.snapshot()}));
    next->config_path = path_in_force_;
    next->started = started_;
    next->last_reload = last_reload_;
    next->last_reload_ok = last_reload_ok_;
    next->last_reload_error = last_reload_error_;
    next->memory = memory_;
    next->is_ready = publication_.is_in_force();
    view_made_ = Clock::now();
    view_refresh_ = std::max<Clock::duration>(kViewRefresh, kViewCostShare * (view_made_ - begun));
    const std::lock_guard lock(view_mutex_);
    view_ = std::move(next);
  }

  dataplane::Fabric& fabric_;
  const std::string config_path_;  // of the start; a plain reload reads it again
  std::string path_in_force_ = config_path_;
  const std::vector<PortRuntime> ports_;
  asio::io_context io_{1};
  std::unique_ptr<Prober> prober_;
  Publication publication_;
  asio::signal_set signals_;
  asio::steady_timer timer_;
  std::function<void()> ready_;
  std::vector<ControlView::MemoryUse> memory_;

  const std::chrono::system_clock::time_point started_ = std::chrono::system_clock::now();
  std::chrono::system_clock::time_point last_reload_ = started_;
  bool last_reload_ok_ = true;
  std::string last_reload_error_;

  mutable std::mutex view_mutex_;
  std::shared_ptr<const ControlView> view_;  // written by the control core under the mutex
  TimePoint view_made_;
  Clock::duration view_refresh_ = kViewRefresh;
};

ControlCore::ControlCore(dataplane::Fabric& fabric, ConfigModel model, std::string config_path,
                         std::vector<PortRuntime> ports)
    : impl_(std::make_unique<Impl>(fabric, std::move(model), std::move(config_path),
                                   std::move(ports))) {}
ControlCore::~ControlCore() = default;

Status ControlCore::PublishFirst() { return impl_->PublishFirst(); }
void ControlCore::SetMemory(std::vector<ControlView::MemoryUse> memory) {
  impl_->SetMemory(std::move(memory));
}
void ControlCore::SetReadyCallback(std::function<void()> ready) {
  impl_->SetReadyCallback(std::move(ready));
}
void ControlCore::Run() { impl_->Run(); }
void ControlCore::Stop() { impl_->Stop(); }
std::shared_ptr<const ControlView> ControlCore::view() const { return impl_->view(); }
void ControlCore::Reload(std::string path, std::function<void(ReloadOutcome)> done) {
  impl_->Reload(std::move(path), std::move(done));
}
void ControlCore::ChangeReal(RealChange change, std::function<void(Status)> done) {
  impl_->ChangeReal(std::move(change), std::move(done));
}
dataplane::Fabric& ControlCore::fabric() { return impl_->fabric(); }

}  // namespace fairlead::control
