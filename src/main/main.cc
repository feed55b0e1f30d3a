// fairleadd: the director. Starts everything in order, runs the control core, stops in reverse.
//
//   configuration → arena, EAL → fabric → edge (ports, tables) → control core publishes generation
//   1 → workers → API → … → API, workers, control core
//
// At an upgrade (docs/upgrade.md) the new program takes over from this one instead of the stop.
// docs/threads_and_ownership.md names the threads.
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <utility>

#include "base/log.h"
#include "base/log_writer.h"
#include "control/api/api_server.h"
#include "control/config/config_loader.h"
#include "control/control_core.h"
#include "control/fleet/etcd_place.h"
#include "control/fleet/fleet.h"
#include "dataplane/dpdk/edge.h"
#include "main/check.h"
#include "main/kept_memory.h"
#include "main/kernel_watch.h"
#include "main/notify.h"
#include "main/open_files.h"
#include "main/options.h"
#include "main/prepare.h"
#include "main/start.h"
#include "main/upgrade.h"
#include "main/watchdog.h"

namespace fairlead {
namespace {

int Prepare(const Options& options) {
  if (control::IsEtcdPlace(options.config_path)) {
    std::cerr << "fairleadd --prepare: cannot ask etcd; name a file with the same \"director\" by "
                 "-c FILE (docs/fleet.md)\n";
    return 1;
  }
  const control::LoadResult loaded = control::LoadConfig(options.config_path);
  for (const Error& error : loaded.errors) std::cerr << error.ToString() << '\n';
  if (!loaded) return 1;
  std::ifstream mounts("/proc/self/mountinfo");
  const std::string mountinfo{std::istreambuf_iterator<char>(mounts), {}};
  const Status done = PrepareFor(options.prepare_for, *loaded.model, mountinfo);
  if (!done) std::cerr << "fairleadd --prepare: " << done.error().ToString() << '\n';
  return done ? 0 : 1;
}

// Signals are for the control core: no worker, no DPDK thread may be interrupted by one.
sigset_t ControlSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGHUP, SIGTERM, SIGINT, SIGUSR2}) sigaddset(&signals, signal);
  return signals;
}

std::vector<control::PortRuntime> RuntimesOf(const edge::Edge& edge) {
  std::vector<control::PortRuntime> runtimes;
  for (const edge::PortInfo& port : edge.ports()) {
    runtimes.push_back({port.mac, port.mtu_bytes, port.host_interface, port.sums_ip_headers,
                        port.has_vlans, port.steering, port.kernel_ingress});
  }
  return runtimes;
}

api::PortStatsReader StatsReader(const edge::Edge& edge) {
  return [&edge](PortId port) -> std::optional<api::PortStats> {
    const dataplane::PortStats stats = edge.ReadPortStats(port);
    return api::PortStats{.rx_packets = stats.rx_packets,
                          .rx_bytes = stats.rx_bytes,
                          .rx_errors = stats.rx_errors,
                          .rx_missed = stats.rx_missed,
                          .tx_packets = stats.tx_packets,
                          .tx_bytes = stats.tx_bytes,
                          .tx_errors = stats.tx_errors};
  };
}

control::PortLinkReader LinksOf(edge::Edge& edge) {
  return [&edge] {
    std::vector<control::PortLink> links;
    for (const edge::PortLine& port : edge.ReadLinks()) {
      control::PortLink& link = links.emplace_back();
      link.is_up = port.line.is_up;
      link.speed_mbps = port.line.speed_mbps;
      link.is_full_duplex = port.line.is_full_duplex;
      for (const edge::MemberLine& member : port.members) {
        link.members.push_back({member.device, member.is_up, member.is_active});
      }
    }
    return links;
  };
}

api::DriverCounterReader CountersOf(const edge::Edge& edge) {
  return [&edge](PortId port) {
    std::vector<api::DriverCounter> counters;
    for (edge::DriverCounter& counter : edge.ReadDriverCounters(port)) {
      counters.push_back({std::move(counter.name), counter.value});
    }
    return counters;
  };
}

// For what no thread can survive, as an exception in a worker: the reason in the log, then SIGABRT,
// which a service manager takes for a failure and restarts.
[[noreturn]] void EndLoudly() {
  std::string reason = "std::terminate was called";
  if (const std::exception_ptr fault = std::current_exception()) {
    try {
      std::rethrow_exception(fault);
    } catch (const std::exception& error) {
      reason = error.what();
    } catch (...) {
      reason = "an exception without a text";
    }
  }
  LogError("fatal internal error; fairleadd ends", {{"reason", reason}});
  FlushLog(kLastWords);
  std::abort();
}

std::vector<control::ControlView::MemoryUse> MemoryOf(const edge::Edge& edge) {
  const edge::MemoryUse memory = edge.memory();
  return {{"connections", memory.connections.bytes, memory.connections.records},
          {"connections6", memory.connections6.bytes, memory.connections6.records},
          {"templates", memory.templates.bytes, memory.templates.records},
          {"side", memory.side.bytes, memory.side.records},
          {"packets", memory.packet_bytes, memory.packets}};
}

// Records first: what refers to an id is counted when the core takes the ids over.
Status TakeOver(KeptMemory& kept, edge::Edge& edge, dataplane::Fabric& fabric,
                control::ControlCore& core) {
  if (!kept.is_on()) return Done{};
  kept.BeginTakeUp();
  control::KeptState state = kept.ReadState(fabric);
  auto records = kept.TakeUp(state, edge, fabric);
  if (!records) return records.error();
  core.Restore(std::move(state));
  core.SetRestored(*std::move(records));
  core.KeepIn(kept.directory());
  return Done{};
}

// All stops, and what must not stop goes to the new program: nothing of it is taken by anybody else
// meanwhile, and nobody who connects is refused.
Estate StopForSuccessor(bool is_ready, api::ApiServer& api, edge::Edge& edge, KeptMemory& kept) {
  Estate estate;
  estate.was_ready = is_ready;
  estate.listeners = api.StopAndRelease();
  estate.twins = edge.StopForSuccessor();
  kept.MarkStopped();
  estate.locks = kept.ReleaseLocks();
  estate.standard_error = FileDescriptor(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
  return estate;
}

void StopForGood(api::ApiServer& api, edge::Edge& edge, KeptMemory& kept) {
  NotifyServiceManager("STOPPING=1");
  api.Stop();
  edge.Stop();
  kept.MarkStopped();
  LogInfo("stopped");
}

std::vector<std::string> ArgumentsOfSuccessor(const Options& options) {
  std::vector<std::string> arguments{"-c", options.config_path};
  if (!options.name.empty()) arguments.insert(arguments.end(), {"--name", options.name});
  if (!options.local_file.empty()) {
    arguments.insert(arguments.end(), {"--fleet", options.local_file});
  }
  return arguments;
}

// The first time that every worker has the configuration, all is said that waits for it.
void SayWhenReady(control::ControlCore& core, const dataplane::Fabric& fabric, edge::Edge& edge,
                  Start& start) {
  core.SetReadyCallback([&fabric, &edge, &start, is_said = false]() mutable {
    if (!std::exchange(is_said, true)) {
      LogInfo("forwarding", {{"workers", fabric.config.workers}, {"ports", fabric.config.ports}});
      edge.Own();
      start.SayForwarding();
    }
    return NotifyServiceManager("READY=1");
  });
}

void FollowTurns(control::ControlCore& core, Watchdog* watchdog, KeptMemory* kept) {
  core.SetTurnCallback([watchdog, kept] {
    watchdog->OnTurn(Watchdog::Clock::now());
    kept->OnTurn(KeptMemory::Clock::now());
  });
}

void FollowFleet(control::ControlCore& core, const std::string& path, control::Fleet& fleet) {
  core.SetFleetPeers([&fleet] { return fleet.peers(); });
  core.SetSource(path, [&fleet] {
    auto loaded = fleet.Load();
    return control::ControlCore::SourceLoad{std::move(loaded.loaded), std::move(loaded.told)};
  });
}

// After an upgrade the successor goes on under this name.
void LeaveFleet(control::Fleet& fleet, bool has_successor) {
  using Parting = control::Fleet::Parting;
  fleet.Stop(has_successor ? Parting::kStaysMember : Parting::kLeaves);
}

// Signals of the control core stay blocked until it runs. Returns them.
sigset_t PrepareProcess() {
  const sigset_t signals = ControlSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a log reader or an API client that has gone
  std::signal(SIGCHLD, SIG_DFL);  // children reap themselves where whoever starts us ignores it
  std::signal(SIGUSR2, SIG_IGN);  // too early for an upgrade, and must not kill
  RaiseDescriptorLimit();
  return signals;
}

int RunDirector(const Options& options, const char* argv0) {
  const std::string& path = options.config_path;
  const sigset_t signals = PrepareProcess();
  Start start(options);
  if (!start.Begin()) return 1;
  auto fleet = start.OpenFleet();
  if (!fleet) return 1;
  control::ConfigLoader loader;
  std::optional<control::ConfigModel> model = start.Load(&loader, fleet->get());
  if (!model) return 1;
  SetLogLevel(model->log.level);
  StartPlan plan = PlanOf(*model);
  std::optional<Foundation> ground = start.LayFoundation(*model, &plan);
  if (!ground) return 1;
  KeptMemory& kept = ground->kept;
  dataplane::Fabric fabric(plan.fabric);
  auto edge = edge::Edge::Start(std::move(ground->prepared), plan.edge, fabric,
                                std::move(ground->estate.twins));
  if (!edge) {
    kept.Withdraw();
    return start.Fail("cannot start the ports", edge.error());
  }

  const auto give_up = [&](const std::string& what, const Error& error) {
    (*edge)->Stop();
    kept.Withdraw();
    return start.Fail(what, error);
  };
  const std::vector<control::PortRuntime> runtimes = RuntimesOf(**edge);
  const std::unique_ptr<TwinWatch> twins = TwinWatch::Open(runtimes, model->policy.kernel_routes);
  control::ControlCore core(fabric, *std::move(model), path, runtimes);
  core.SetLoader(std::move(loader));
  if (*fleet) FollowFleet(core, path, **fleet);
  core.SetMemory(MemoryOf(**edge));
  core.SetLinkReader(LinksOf(**edge));
  core.SetKernelWatch(twins.get());
  if (ground->estate.was_ready) core.InheritReadiness();
  if (Status s = TakeOver(kept, **edge, fabric, core); !s) {
    return give_up("cannot take over what the director before has left", s.error());
  }
  if (Status s = core.PublishFirst(); !s) {
    return give_up("cannot apply the configuration", s.error());
  }
  if (Status s = (*edge)->LaunchWorkers(); !s) return give_up("cannot start workers", s.error());
  Upgrade upgrade({OwnPath(argv0), ArgumentsOfSuccessor(options), (*edge)->memory().uses_hugepages},
                  [&core] { core.Stop(); });
  api::ApiServer api(core,
                     {.listen = plan.listeners,
                      .upgrade = &upgrade,
                      .fleet = fleet->get(),
                      .ipvs_socket = plan.ipvs_socket,
                      .faults = plan.api_faults},
                     {StatsReader(**edge), CountersOf(**edge)});
  if (Status s = api.Start(std::move(ground->estate.listeners)); !s) {
    return give_up("cannot start the API", s.error());
  }
  SayWhenReady(core, fabric, **edge, start);
  Watchdog watchdog(WatchdogPeriod(), fabric.stats, NotifyServiceManager);
  FollowTurns(core, &watchdog, &kept);
  core.SetUpgradeCallback([&upgrade] { upgrade.BeginBySignal(); });
  if (*fleet) (*fleet)->Start(core);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  core.Run();

  if (*fleet) LeaveFleet(**fleet, upgrade.is_ready());
  if (upgrade.is_ready())
    return upgrade.HandOver(StopForSuccessor(core.view()->is_ready, api, **edge, kept));
  StopForGood(api, **edge, kept);
  return 0;
}

int Main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  if (options.exit_code) return *options.exit_code;
  if (options.only_check) return Check(options);
  if (!options.prepare_for.empty()) return Prepare(options);
  const LogWriter log_writer;
  std::set_terminate(EndLoudly);
  try {
    return RunDirector(options, argv[0]);
  } catch (const std::exception& error) {
    LogError("out of memory, or an internal error", {{"error", error.what()}});
    return 1;
  }
}

}  // namespace
}  // namespace fairlead

int main(int argc, char** argv) {
  try {
    return fairlead::Main(argc, argv);
  } catch (const std::exception& error) {
    fairlead::LogError("out of memory, or an internal error", {{"error", error.what()}});
    return 1;
  }
}
