#include "control/control_core.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <csignal>
#include <ctime>
#include <random>
#include <utility>

#include "base/faults.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/loopback.h"
#include "base/secret.h"
#include "control/commands/notifier.h"
#include "control/director.h"
#include "control/health/asio_prober.h"
#include "control/health/script_prober.h"
#include "control/mail/mailer.h"
#include "control/sync/stream/stream_sync.h"

namespace fairlead::control {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kTurn{5};
// While somebody waits for workers to adopt a change.
constexpr std::chrono::microseconds kTurnInHaste{500};
// What has failed will fail again, most likely.
constexpr std::chrono::milliseconds kTurnAfterFault{100};
// From a goodbye to peers to the end.
constexpr std::chrono::milliseconds kGoodbyeTime{50};

uint64_t Drawn() {
  std::array<uint8_t, sizeof(uint64_t)> bytes{};
  DrawSecret(bytes);
  return Be64::Load(bytes.data()).host();
}

// Stands for the identities of all services and real servers, in whatever order.
uint64_t HashOfServed(const ConfigModel& model) {
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15u;
  const auto mix = [](uint64_t seed, const IpAddress& address, uint64_t rest) {
    uint64_t hash = MixMultiply(seed ^ rest, kOdd);
    for (const uint8_t byte : address.bytes()) hash = MixMultiply(hash ^ byte, kOdd);
    return hash;
  };
  uint64_t sum = 0;
  for (const ServiceConfig& service : model.services) {
    const ServiceIdentity key = KeyOf(service);
    const uint64_t own = mix(
        key.mark, key.address,
        uint64_t{key.protocol} << 32 | uint64_t{key.port} << 8 | static_cast<uint64_t>(key.family));
    sum += own;
    for (const RealConfig& real : service.reals) sum += mix(own, real.address, real.port + 1u);
  }
  return sum;
}

uint64_t ThreadCpuNs() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(t.tv_nsec);
}

}  // namespace

class ControlCore::Impl {
 public:
  Impl(dataplane::Fabric& fabric, ConfigModel model, std::string config_path,
       std::vector<PortRuntime> ports)
      : sockets_(MakeAsioProber(io_)),
        scripts_(io_, model.director.script_user, kScriptsAtOnce),
        notifier_(io_, model.director.script_user),
        prober_(*sockets_, scripts_),
        director_(fabric, std::move(model), std::move(config_path), std::move(ports), prober_,
                  std::random_device{}()),
        stream_(io_, director_.stream_tables(), {.incarnation = Drawn(), .seed = Drawn()}),
        signals_(io_, SIGHUP, SIGTERM, SIGINT),
        timer_(io_) {
    signals_.add(SIGUSR2);
    director_.SetNotify([this](Notification notice) {
      const ConfigModel& now = *director_.publication().in_force().model;
      if (now.mail && !notice.title.empty()) {
        mailer_.Note(*now.mail, now.director.name,
                     {std::chrono::system_clock::now(), notice.title, notice.detail});
      }
      notifier_.Notify(std::move(notice));
    });
    director_.SetStreamInfo([this] { return stream_.info(); });
    director_.SetPeers([this] { return PeersNow(); });
    WaitForSignal();
  }

  Status PublishFirst() { return director_.PublishFirst(Clock::now()); }

  // Until it is stopped. What a fault has left unarmed is armed again.
  void Run() {
    Turn();
    uint64_t cpu = ThreadCpuNs();
    while (!io_.stopped()) {
      try {
        if (!is_timer_armed_) ArmTimer(kTurnAfterFault);
        if (!is_signal_armed_) WaitForSignal();
        io_.run_one();
      } catch (...) {
        NoteFault(Thread::kControl);
      }
      const uint64_t before = std::exchange(cpu, ThreadCpuNs());
      if (cpu - before > longest_work_ns_.load(std::memory_order_relaxed)) {
        longest_work_ns_.store(cpu - before, std::memory_order_relaxed);
      }
    }
  }

  void Stop() {
    asio::post(io_, [this] { io_.stop(); });
  }

  void SetReadyCallback(std::function<bool()> ready) { ready_ = std::move(ready); }
  void SetTurnCallback(std::function<void()> turned) { turned_ = std::move(turned); }
  void SetUpgradeCallback(std::function<void()> upgrade) { upgrade_ = std::move(upgrade); }

  [[nodiscard]] ControlVitals vitals() const {
    return {.turns = director_.turns(),
            .longest_work_ns = longest_work_ns_.load(std::memory_order_relaxed),
            .mail = mailer_.counts()};
  }

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
  void SetLoader(ConfigLoader loader) { loader_ = std::move(loader); }
  void SetFleetPeers(std::function<std::shared_ptr<const FleetPeerList>()> peers) {
    fleet_peers_ = std::move(peers);
  }
  void SetSource(std::string path, std::function<SourceLoad()> load) {
    source_path_ = std::move(path);
    source_ = std::move(load);
  }

  void Reload(std::string path, std::function<void(ReloadOutcome)> done) {
    LoadThen(std::move(path),
             [this, done = std::move(done)](const std::string& read, SourceLoad load) mutable {
               director_.ReloadWith(
                   read, std::move(load.loaded),
                   [told = std::move(load.told), done = std::move(done)](ReloadOutcome outcome) {
                     if (told) told(outcome);
                     done(std::move(outcome));
                   });
               Turn();
             });
  }
  void PreviewReload(std::string path, std::function<void(ReloadOutcome)> done) {
    LoadThen(std::move(path),
             [this, done = std::move(done)](const std::string& read, SourceLoad load) {
               done(director_.PreviewWith(read, std::move(load.loaded)));
             });
  }

 private:
  // On this thread: reads the file on the other, and goes on here with what it has found.
  template <typename Then>
  void LoadThen(std::string path, Then then) {
    if (path.empty()) path = director_.config_path();
    asio::post(loading_, [this, path = std::move(path), then = std::move(then)]() mutable {
      try {
        auto loaded = std::make_shared<SourceLoad>(Load(path));
        asio::post(io_, [path = std::move(path), loaded, then = std::move(then)]() mutable {
          then(path, std::move(*loaded));
        });
      } catch (...) {
        // `then` goes with this handler, and with it the callback of whoever waits, who takes that
        // for a failure (api/context.h, ReturnTicket).
        NoteFault(Thread::kControl);
      }
    });
  }

  // On the loading thread.
  SourceLoad Load(const std::string& path) {
    try {
      if (source_ && path == source_path_) return source_();
      return {.loaded = loader_.Load(path)};
    } catch (const std::exception& e) {  // no memory for it, most likely
      return {.loaded = {.model = {},
                         .errors = {CannotRead(path, {ErrorCode::kSystem, e.what(), ""})},
                         .warnings = {}}};
    }
  }

  // However many signals come while a file is read, it is read once more. A reload is over when
  // its callback is gone, on whichever thread: called, or ended by a fault.
  void ReloadIfAsked() {
    if (!is_reload_asked_ || is_reloading_.exchange(true)) return;
    const std::shared_ptr<void> is_over(nullptr, [this](void*) { is_reloading_ = false; });
    LogInfo("SIGHUP: reading the configuration again", {{"file", director_.config_path()}});
    Reload("", [is_over](const ReloadOutcome&) {});
    is_reload_asked_ = false;
  }

  void WaitForSignal() {
    signals_.async_wait([this](boost::system::error_code error, int signal) {
      is_signal_armed_ = false;
      if (error) return;
      if (signal == SIGTERM || signal == SIGINT) {
        LogInfo("stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
        return StopInOrder();
      }
      is_reload_asked_ |= signal == SIGHUP;
      WaitForSignal();
      if (signal == SIGUSR2 && upgrade_) return upgrade_();
      ReloadIfAsked();
    });
    is_signal_armed_ = true;
  }

  // Peers hear of it first.
  void StopInOrder() {
    if (!stream_.Leave(Clock::now())) return io_.stop();
    stop_timer_.expires_after(kGoodbyeTime);
    stop_timer_.async_wait([this](boost::system::error_code) { io_.stop(); });
  }

  // Also when it is not time yet: the timer then starts over.
  void Turn() {
    Clock::duration pause = kTurnAfterFault;
    try {
      director_.Turn(Clock::now());
      TurnStream();
      FollowMail();
      ReloadIfAsked();
      if (director_.is_ready() && ready_ && ready_()) ready_ = nullptr;
      if (turned_) turned_();
      const bool is_calm = director_.is_ready() && !director_.publication().is_busy();
      pause = is_calm ? Clock::duration(kTurn) : kTurnInHaste;
    } catch (...) {
      NoteFault(Thread::kControl);
    }
    ArmTimer(pause);
  }

  // From when on workers answer.
  void TurnStream() {
    is_stream_begun_ |= director_.is_ready();
    if (!is_stream_begun_) return;
    const std::shared_ptr<const ConfigModel>& model = director_.publication().in_force().model;
    stream_.Turn(Clock::now(), WantedStream(model), model->director.name);
    if (!model->sync.stream.has_peers() || served_ == model) return;
    served_ = model;
    stream_.NoteServed(HashOfServed(*model));
  }

  // The configured stream; with `peers: fleet`, the directors of the fleet are its peers. Until the
  // thread of the fleet has heard of them, the previous peers are kept, so that a change from a
  // list to `fleet` ends no session. Without TLS only peers on loopback addresses are called,
  // whatever that thread has checked.
  const StreamConfig& WantedStream(const std::shared_ptr<const ConfigModel>& model) {
    const StreamConfig& stream = model->sync.stream;
    auto peers = stream.has_fleet_peers && fleet_peers_ ? fleet_peers_() : nullptr;
    if (model == stream_model_ && peers == stream_peers_) return wanted_stream_;
    std::vector<SyncPeer> previous = std::exchange(wanted_stream_, stream).peers;
    stream_model_ = model;
    stream_peers_ = std::move(peers);
    if (!stream.has_fleet_peers) return wanted_stream_;
    const bool is_known = stream_peers_ != nullptr && stream_peers_->is_known;
    wanted_stream_.peers = is_known ? stream_peers_->peers : std::move(previous);
    if (!stream.is_secured()) {
      std::erase_if(wanted_stream_.peers,
                    [](const SyncPeer& peer) { return !IsLoopback(peer.address.address); });
    }
    return wanted_stream_;
  }

  // Peers that nobody has called yet count as well: a director that has just started is not ready
  // before it has tried.
  [[nodiscard]] ReadyPeers PeersNow() {
    const StreamConfig& config = WantedStream(director_.publication().in_force().model);
    ReadyPeers now{.rule = {.ready_lag = config.ready_lag, .ready_timeout = config.ready_timeout}};
    const bool is_unheard =
        config.has_fleet_peers && (stream_peers_ == nullptr || !stream_peers_->is_known);
    if (is_unheard) now.fleet_unheard_since = begun_;
    if (is_stream_begun_) now.peers = stream_.readiness();
    for (const SyncPeer& peer : config.peers) {  // the stream hears of new ones at its next turn
      if (std::ranges::find(now.peers, peer.name, &PeerReadiness::name) != now.peers.end())
        continue;
      now.peers.push_back({.name = peer.name, .unreachable_since = Clock::now()});
    }
    return now;
  }

  // A corrected section holds for what waits, too.
  void FollowMail() {
    const std::shared_ptr<const ConfigModel>& model = director_.publication().in_force().model;
    if (model == mailed_by_) return;
    mailer_.Follow(model->mail);
    mailed_by_ = model;
  }

  void ArmTimer(Clock::duration pause) {
    is_timer_armed_ = false;
    timer_.expires_after(pause);
    timer_.async_wait([this](boost::system::error_code error) {
      if (error) return;  // it has been armed anew
      is_timer_armed_ = false;
      Turn();
    });
    is_timer_armed_ = true;
  }

  // For a signal. First, so that they outlive whoever may hold a callback.
  std::atomic<bool> is_reloading_{false};
  bool is_reload_asked_ = false;

  asio::io_context io_{1};
  std::unique_ptr<Prober> sockets_;
  CommandRunner scripts_;
  Notifier notifier_;
  Mailer mailer_{io_};
  std::shared_ptr<const ConfigModel> mailed_by_;  // what the mailer was told last
  ScriptProber prober_;
  Director director_;
  StreamSync stream_;
  bool is_stream_begun_ = false;
  const TimePoint begun_ = Clock::now();
  std::function<std::shared_ptr<const FleetPeerList>()> fleet_peers_;
  // Of what WantedStream was made last, and what.
  std::shared_ptr<const ConfigModel> stream_model_;
  std::shared_ptr<const FleetPeerList> stream_peers_;
  StreamConfig wanted_stream_;
  std::shared_ptr<const ConfigModel> served_;  // that the stream has been told of
  asio::signal_set signals_;
  asio::steady_timer timer_;
  asio::steady_timer stop_timer_{io_};
  bool is_timer_armed_ = false;
  bool is_signal_armed_ = false;
  std::function<bool()> ready_;
  std::function<void()> turned_, upgrade_;
  std::atomic<uint64_t> longest_work_ns_{0};

  ConfigLoader loader_;  // the loading thread's, once Run has begun, and so are the next two
  std::string source_path_;
  std::function<SourceLoad()> source_;
  // One thread, so that what was asked for first is loaded first. The last member: it ends first.
  asio::thread_pool loading_{1};
};

ControlCore::ControlCore(dataplane::Fabric& fabric, ConfigModel model, std::string config_path,
                         std::vector<PortRuntime> ports)
    : impl_(std::make_unique<Impl>(fabric, std::move(model), std::move(config_path),
                                   std::move(ports))) {}
ControlCore::~ControlCore() = default;

void ControlCore::Restore(KeptState state) {
  impl_->director().Restore(std::move(state), Clock::now());
}
void ControlCore::KeepIn(const std::string& directory) { impl_->director().KeepIn(directory); }
void ControlCore::SetRestored(RestoredRecords records) {
  impl_->director().SetRestored(std::move(records));
}
void ControlCore::InheritReadiness() { impl_->director().InheritReadiness(); }
Status ControlCore::PublishFirst() { return impl_->PublishFirst(); }
void ControlCore::SetMemory(std::vector<ControlView::MemoryUse> memory) {
  impl_->director().SetMemory(std::move(memory));
}
void ControlCore::SetLinkReader(PortLinkReader reader) {
  impl_->director().SetLinkReader(std::move(reader));
}
void ControlCore::SetKernelWatch(KernelWatch* watch) { impl_->director().SetKernelWatch(watch); }
void ControlCore::SetLoader(ConfigLoader loader) { impl_->SetLoader(std::move(loader)); }
void ControlCore::SetReadyCallback(std::function<bool()> ready) {
  impl_->SetReadyCallback(std::move(ready));
}
void ControlCore::SetTurnCallback(std::function<void()> turned) {
  impl_->SetTurnCallback(std::move(turned));
}
void ControlCore::SetSource(std::string path, std::function<SourceLoad()> load) {
  impl_->SetSource(std::move(path), std::move(load));
}
void ControlCore::SetFleetPeers(std::function<std::shared_ptr<const FleetPeerList>()> peers) {
  impl_->SetFleetPeers(std::move(peers));
}
void ControlCore::SetUpgradeCallback(std::function<void()> upgrade) {
  impl_->SetUpgradeCallback(std::move(upgrade));
}
void ControlCore::Run() { impl_->Run(); }
void ControlCore::Stop() { impl_->Stop(); }

std::shared_ptr<const ControlView> ControlCore::view() const { return impl_->director().view(); }
void ControlCore::Reload(std::string path, std::function<void(ReloadOutcome)> done) {
  impl_->Post([impl = impl_.get(), path = std::move(path), done = std::move(done)](
                  Director&) mutable { impl->Reload(std::move(path), std::move(done)); });
}
void ControlCore::PreviewReload(std::string path, std::function<void(ReloadOutcome)> done) {
  impl_->Post([impl = impl_.get(), path = std::move(path), done = std::move(done)](
                  Director&) mutable { impl->PreviewReload(std::move(path), std::move(done)); });
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
void ControlCore::PreviewChange(Edit edit, std::function<void(EditOutcome)> done) {
  impl_->Post([edit = std::move(edit), done = std::move(done)](Director& director) {
    done(director.PreviewChange(edit));
  });
}
void ControlCore::ListNeighbours(std::function<void(std::vector<NeighbourInfo>)> done) {
  impl_->Post([done = std::move(done)](Director& director) {
    done(director.publication().neighbours().List(Clock::now()));
  });
}
void ControlCore::Zero(std::string service, std::function<void(Status)> done) {
  impl_->Post([service = std::move(service), done = std::move(done)](Director& director) {
    done(director.Zero(service));
  });
}
ControlVitals ControlCore::vitals() const { return impl_->vitals(); }
dataplane::Fabric& ControlCore::fabric() { return impl_->director().fabric(); }

}  // namespace fairlead::control
