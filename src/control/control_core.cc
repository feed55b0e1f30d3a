#include "control/control_core.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <random>
#include <utility>

#include "base/log.h"
#include "control/director.h"
#include "control/health/asio_prober.h"

namespace fairlead::control {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kTurn{5};
// While somebody waits for workers to adopt a change.
constexpr std::chrono::microseconds kTurnInHaste{500};

}  // namespace

class ControlCore::Impl {
 public:
  Impl(dataplane::Fabric& fabric, ConfigModel model, std::string config_path,
       std::vector<PortRuntime> ports)
      : prober_(MakeAsioProber(io_)),
        director_(fabric, std::move(model), std::move(config_path), std::move(ports), *prober_,
                  std::random_device{}()),
        signals_(io_, SIGHUP, SIGTERM, SIGINT),
        timer_(io_) {
    WaitForSignal();
  }

  Status PublishFirst() { return director_.PublishFirst(Clock::now()); }

  void Run() {
    Turn();
    io_.run();
  }

  void Stop() {
    asio::post(io_, [this] { io_.stop(); });
  }

  void SetReadyCallback(std::function<void()> ready) { ready_ = std::move(ready); }

  // Runs `what(director)` on the control core's thread.
  template <typename What>
  void Post(What what) {
    asio::post(io_, [this, what = std::move(what)]() mutable { what(director_); });
  }
  // The same for what is to be published: at once, not at the next turn.
  template <typename What>
  void PostChange(What what) {
    asio::post(io_, [this, what = std::move(what)]() mutable {
      what(director_);
      Turn();
    });
  }

  Director& director() { return director_; }

 private:
  void WaitForSignal() {
    signals_.async_wait([this](boost::system::error_code error, int signal) {
      if (error) return;
      if (signal == SIGHUP) {
        LogInfo("SIGHUP: reading the configuration again", {{"file", director_.config_path()}});
        director_.Reload("", [](const ReloadOutcome&) {});
        Turn();
      } else {
        LogInfo("stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
        io_.stop();
        return;
      }
      WaitForSignal();
    });
  }

  // Also when it is not time yet: the timer then starts over.
  void Turn() {
    director_.Turn(Clock::now());
    if (director_.is_ready() && ready_) std::exchange(ready_, nullptr)();
    timer_.expires_after(director_.is_ready() ? Clock::duration(kTurn) : kTurnInHaste);
    timer_.async_wait([this](boost::system::error_code error) {
      if (!error) Turn();
    });
  }

  asio::io_context io_{1};
  std::unique_ptr<Prober> prober_;
  Director director_;
  asio::signal_set signals_;
  asio::steady_timer timer_;
  std::function<void()> ready_;
};

ControlCore::ControlCore(dataplane::Fabric& fabric, ConfigModel model, std::string config_path,
                         std::vector<PortRuntime> ports)
    : impl_(std::make_unique<Impl>(fabric, std::move(model), std::move(config_path),
                                   std::move(ports))) {}
ControlCore::~ControlCore() = default;

Status ControlCore::PublishFirst() { return impl_->PublishFirst(); }
void ControlCore::SetMemory(std::vector<ControlView::MemoryUse> memory) {
  impl_->director().SetMemory(std::move(memory));
}
void ControlCore::SetLoader(ConfigLoader loader) { impl_->director().SetLoader(std::move(loader)); }
void ControlCore::SetReadyCallback(std::function<void()> ready) {
  impl_->SetReadyCallback(std::move(ready));
}
void ControlCore::Run() { impl_->Run(); }
void ControlCore::Stop() { impl_->Stop(); }

std::shared_ptr<const ControlView> ControlCore::view() const { return impl_->director().view(); }
void ControlCore::Reload(std::string path, std::function<void(ReloadOutcome)> done) {
  impl_->PostChange([path = std::move(path), done = std::move(done)](Director& director) mutable {
    director.Reload(path, std::move(done));
  });
}
void ControlCore::Change(Edit edit, std::function<void(EditOutcome)> done) {
  impl_->PostChange([edit = std::move(edit), done = std::move(done)](Director& director) mutable {
    director.Change(edit, std::move(done));
  });
}
void ControlCore::ChangeAt(uint64_t generation, Edit edit, std::function<void(EditOutcome)> done) {
  impl_->PostChange(
      [generation, edit = std::move(edit), done = std::move(done)](Director& director) mutable {
        director.ChangeAt(generation, edit, std::move(done));
      });
}
void ControlCore::Zero(std::string service, std::function<void(Status)> done) {
  impl_->Post([service = std::move(service), done = std::move(done)](Director& director) {
    done(director.Zero(service));
  });
}
dataplane::Fabric& ControlCore::fabric() { return impl_->director().fabric(); }

}  // namespace fairlead::control
