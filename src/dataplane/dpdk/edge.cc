#include "dataplane/dpdk/edge.h"

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <map>

#include "base/log.h"
#include "dataplane/dpdk/attach.h"
#include "dataplane/dpdk/bond.h"
#include "dataplane/dpdk/device.h"
#include "dataplane/dpdk/eal.h"
#include "dataplane/dpdk/exception_path.h"
#include "dataplane/dpdk/kernel_ingress.h"
#include "dataplane/dpdk/worker_loop.h"

namespace fairlead::edge {

struct Prepared::Parts {
  uint64_t page_bytes = kOrdinaryPageBytes;  // of the pool's memory
  std::unique_ptr<Eal> eal;
  std::unique_ptr<PacketPool> pool;
};

// Destroyed from the last member to the first: loops before rings, ports before the pool.
struct Edge::State {
  State(dataplane::Fabric& f, Prepared p) : fabric(f), prepared(std::move(p)) {}

  dataplane::Fabric& fabric;
  Prepared prepared;
  std::vector<PortSpec> specs;  // by PortId
  std::vector<Port> ports;
  std::vector<PortInfo> infos;
  std::unique_ptr<Lines> lines;
  KernelIngress kernel_ingress;
  LinkReader links;
  std::map<uint16_t, Bond> bonds;  // by DPDK's id
  TurnGate gate;                   // of workers, while a bond changes
  std::unique_ptr<ExceptionPath> exception_path;
  std::vector<std::unique_ptr<WorkerLoop>> loops;  // by WorkerId
  uint64_t base_cycles = 0;
  std::atomic<bool> stop{false};
  bool is_running = false;
  bool is_complete = false;  // the start
  bool is_stopped = false;
  std::vector<Port*> left_open;  // by StopForSuccessor
};

namespace {

struct LaunchArgument {
  WorkerLoop* loop;
  const std::atomic<bool>* stop;
  TurnGate* gate;
};

int RunLoop(void* argument) {
  const std::unique_ptr<LaunchArgument> launch(static_cast<LaunchArgument*>(argument));
  launch->loop->Run(*launch->stop, launch->gate);
  return 0;
}

Status CheckDevices(const EdgeConfig& config) {
  for (const PortSpec& port : config.ports) {
    if (Status s = CheckDevice(port); !s) return s;
  }
  return Done{};
}

// What workers put into rings and nobody took: it arrived at the other worker, and ends there. The
// workers have ended, so this thread may write their counters.
void GiveUpRings(dataplane::Fabric& fabric, const std::vector<Port>& ports, const Lines& lines) {
  const auto give_up = [&fabric](WorkerId at, rte_mbuf* mbuf) {
    dataplane::WorkerCounters& counters = fabric.stats.worker(at);
    counters.handed_in.Add(1);
    counters.dropped[static_cast<size_t>(dataplane::DropReason::kShutdown)].Add(1);
    rte_pktmbuf_free(mbuf);
  };
  const auto workers = static_cast<uint8_t>(fabric.config.workers);
  for (uint8_t from = 0; from < workers; ++from) {
    for (uint8_t to = 0; to < workers; ++to) {
      void* packet;
      while (fabric.packets(WorkerId{from}, WorkerId{to}).Pop(&packet)) {
        give_up(WorkerId{to}, static_cast<MbufPacket*>(packet)->mbuf());
      }
    }
    for (const Port& port : ports) {
      MbufRing* ring = lines.transmit(port.id(), WorkerId{from});
      const auto owner = static_cast<uint8_t>(from % port.tx_queues());
      rte_mbuf* mbuf;
      while (ring != nullptr && ring->Pop(&mbuf)) give_up(WorkerId{owner}, mbuf);
    }
  }
}

void LogStarted(const PortInfo& port) {
  LogInfo("port started", {{"port", port.name},
                           {"vlan", port.vlan == 0 ? "none" : std::to_string(port.vlan)},
                           {"steering", port.steering},
                           {"mac", port.mac.ToString()},
                           {"mtu", port.mtu_bytes},
                           {"rx_queues", port.rx_queues},
                           {"tx_queues", port.tx_queues},
                           {"twin", port.host_interface.empty() ? "none" : port.host_interface},
                           {"kernel", port.kernel_ingress.empty() ? "none" : port.kernel_ingress}});
}

// "hardware", or "rss: the port does not hash one side only".
std::string SteeringText(const Port& port) {
  const std::string name(NameOf(port.steering()));
  return port.why_not_hardware().empty() ? name
                                         : name + ": " + std::string(port.why_not_hardware());
}

PortInfo InfoOf(const Port& port, const PortSpec& spec) {
  return {.name = port.name(),
          .vlan = port.vlan(),
          .mac = port.mac(),
          .mtu_bytes = port.mtu_bytes(),
          .host_interface = spec.has_host ? HostInterfaceName(spec.name) : std::string(),
          .sums_ip_headers = port.computes_ip_checksum(),
          .has_vlans = port.has_vlans(),
          .rx_queues = port.rx_queues(),
          .tx_queues = port.tx_queues(),
          .steering = SteeringText(port)};
}

// Ticks count from an earlier process's first one.
uint64_t CyclesOfTick0(uint64_t epoch_boottime_ns) {
  const uint64_t now = rte_rdtsc();
  if (epoch_boottime_ns == 0) return now;
  timespec t{};
  clock_gettime(CLOCK_BOOTTIME, &t);
  const uint64_t boottime_ns =
      static_cast<uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(t.tv_nsec);
  const uint64_t elapsed_ns = boottime_ns > epoch_boottime_ns ? boottime_ns - epoch_boottime_ns : 0;
  const uint64_t hz = rte_get_tsc_hz();
  return now - elapsed_ns / 1'000'000'000u * hz - elapsed_ns % 1'000'000'000u * hz / 1'000'000'000u;
}

bool IsPacketSocket(const std::vector<PortSpec>& specs, const Port& port) {
  return IsOfPacketSockets(specs[port.id().index()]);
}

// LACP frames have a pool of their own at each member: one for each descriptor, and some.
uint64_t LacpBytes(const EdgeConfig& config) {
  constexpr uint64_t kBytesOfOne = 1024;
  constexpr uint64_t kOthers = 256;
  uint64_t frames = 0;
  for (const PortSpec& port : config.ports) {
    if (!port.bond || port.bond->mode != BondMode::k8023ad) continue;
    const uint64_t queues = port.queues != 0 ? port.queues : config.workers;
    const uint64_t descriptors = port.descriptors != 0 ? port.descriptors : kDefaultDescriptors;
    frames += port.bond->members.size() * (queues * descriptors + kOthers);
  }
  return frames * kBytesOfOne;
}

bool HasTwin(const std::vector<PortInfo>& ports) {
  const auto has_twin = [](const PortInfo& port) { return !port.host_interface.empty(); };
  return std::any_of(ports.begin(), ports.end(), has_twin);
}

}  // namespace

// With its device, unless an earlier port has started that.
Status Edge::StartNextPort(const EdgeConfig& config, State* state) {
  const size_t at = state->ports.size();
  const PortId id{static_cast<uint8_t>(at)};
  const DeviceUse use = DeviceUseOf(config.ports, at);
  if (use.first != at) {
    state->ports.push_back(Port::Share(state->ports[use.first], config.ports[at], id));
    return Done{};
  }
  if (Status s = AttachDevice(use, config.workers); !s) return s;
  std::optional<Bond> bond;
  if (use.port.bond) {
    Result<Bond> created = Bond::Create(use);
    if (!created) return created.error();
    bond = std::move(*created);
  }
  const PacketPool& pool = *state->prepared.parts_->pool;
  Result<Port> port = Port::Start(use, id, state->fabric.steering, pool);
  if (!port) return port.error();
  if (bond) {
    bond->Begin();
    state->bonds.emplace(port->dpdk_id(), std::move(*bond));
  }
  state->ports.push_back(std::move(*port));
  return Done{};
}

size_t DefaultWorkers() { return DefaultWorkerCount(ReadMachine()); }

Edge::Edge(std::unique_ptr<State> state) : state_(std::move(state)) {}
Edge::~Edge() {
  Stop();
  for (Port* port : state_->left_open) StopPort(*port);
}

Prepared::Prepared(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Prepared::~Prepared() = default;
Prepared::Prepared(Prepared&& other) noexcept = default;
Prepared& Prepared::operator=(Prepared&& other) noexcept = default;

Result<Prepared> Prepared::Make(const EdgeConfig& config, size_t ring_packets) {
  if (Status s = CheckDevices(config); !s) return s.error();
  auto parts = std::make_unique<Parts>();
  const PoolPlan pool_plan = PlanPool(config, ring_packets);
  const Machine machine = ReadMachine();
  const uint64_t lacp = LacpBytes(config);
  Result<EalPlan> plan = PlanEal(config, machine,
                                 {.on_hugepages = pool_plan.bytes(machine.hugepage_bytes) + lacp,
                                  .on_ordinary_pages = pool_plan.bytes(kOrdinaryPageBytes) + lacp});
  if (!plan) return plan.error();
  Result<std::unique_ptr<Eal>> eal = Eal::Start(*plan);
  if (!eal) return eal.error();
  parts->eal = std::move(*eal);
  if (plan->uses_hugepages) parts->page_bytes = machine.hugepage_bytes;
  Result<std::unique_ptr<PacketPool>> pool = PacketPool::Create("packets", pool_plan);
  if (!pool) return pool.error();
  parts->pool = std::move(*pool);
  return Prepared(std::move(parts));
}

Result<std::unique_ptr<Edge>> Edge::Start(Prepared prepared, const EdgeConfig& config,
                                          dataplane::Fabric& fabric,
                                          std::vector<NamedDescriptor> twins) {
  if (config.workers != fabric.config.workers || config.ports.size() != fabric.config.ports) {
    return Error{ErrorCode::kInvalid, "the edge and the fabric disagree on workers or ports", ""};
  }
  auto owned = std::make_unique<State>(fabric, std::move(prepared));
  State& state = *owned;
  PacketPool& pool = *state.prepared.parts_->pool;
  std::unique_ptr<Edge> edge(new Edge(std::move(owned)));  // from here on its end cleans up

  state.specs = config.ports;
  std::vector<bool> has_host;
  for (const PortSpec& spec : config.ports) {
    if (Status s = StartNextPort(config, &state); !s) return s.error();
    state.infos.push_back(InfoOf(state.ports.back(), spec));
    has_host.push_back(spec.has_host);
  }
  state.lines = std::make_unique<Lines>(config.workers, state.ports, has_host);
  Result<std::unique_ptr<ExceptionPath>> path =
      ExceptionPath::Start(config, *state.lines, pool, std::move(twins));
  if (!path) return path.error();
  state.exception_path = std::move(*path);
  for (size_t p = 0; p < config.ports.size(); ++p) {
    const size_t first = DeviceUseOf(config.ports, p).first;
    state.infos[p].kernel_ingress = first == p ? state.kernel_ingress.Close(config.ports[p])
                                               : state.infos[first].kernel_ingress;
  }
  for (const PortInfo& info : state.infos) LogStarted(info);

  state.base_cycles = CyclesOfTick0(config.epoch_boottime_ns);
  const LoopContext context{
      fabric, pool, state.ports, *state.lines, state.base_cycles, config.sleeps_when_idle};
  try {
    for (size_t w = 0; w < config.workers; ++w) {
      const WorkerId me{static_cast<uint8_t>(w)};
      state.loops.push_back(std::make_unique<WorkerLoop>(context, me));
    }
  } catch (const std::exception& no_memory) {
    return Error{ErrorCode::kSystem, no_memory.what(), "director.connections"};
  }
  return edge;
}

const std::vector<PortInfo>& Edge::ports() const { return state_->infos; }

Status Edge::LaunchWorkers() {
  for (size_t w = 0; w < state_->loops.size(); ++w) {
    const unsigned lcore = Eal::LcoreOf(WorkerId{static_cast<uint8_t>(w)});
    auto argument = std::make_unique<LaunchArgument>();
    TurnGate* const gate = state_->bonds.empty() ? nullptr : &state_->gate;
    *argument = {state_->loops[w].get(), &state_->stop, gate};
    if (rte_eal_remote_launch(RunLoop, argument.get(), lcore) != 0) {
      return Error{ErrorCode::kSystem, "lcore " + std::to_string(lcore) + " does not start", ""};
    }
    argument.release();  // NOLINT: RunLoop owns it now
    state_->is_running = true;
  }
  return Done{};
}

void Edge::Own() {
  state_->is_complete = true;
  state_->kernel_ingress.Own();
  state_->exception_path->KeepTwins();
}

void Edge::StopWorkers() {
  State& state = *state_;
  state.is_stopped = true;
  state.stop.store(true, std::memory_order_relaxed);
  if (state.is_running) rte_eal_mp_wait_lcore();
  if (state.lines) GiveUpRings(state.fabric, state.ports, *state.lines);
}

void Edge::StopPort(Port& port) {
  port.Stop();
  if (port.owns_device()) DetachDevice(state_->specs[port.id().index()]);
}

std::vector<NamedDescriptor> Edge::StopForSuccessor() {
  if (state_->is_stopped) return {};
  StopWorkers();
  std::vector<NamedDescriptor> twins = state_->exception_path->Release();
  for (Port& port : state_->ports) {
    if (IsPacketSocket(state_->specs, port)) {
      port.Leave();
      state_->left_open.push_back(&port);
    } else {
      StopPort(port);
    }
  }
  return twins;
}

void Edge::Stop() {
  State& state = *state_;
  if (state.is_stopped) return;
  StopWorkers();
  if (state.exception_path) state.exception_path->Stop();
  for (Port& port : state.ports) StopPort(port);
  if (state.is_complete && HasTwin(state.infos)) {
    LogInfo(
        "kernel twins stay, and what is closed to the kernel stays closed, for the next start; "
        "fairlead port release gives both back");
  } else {
    state.kernel_ingress.Open();
  }
}

dataplane::PortStats Edge::ReadPortStats(PortId port) const {
  if (port.index() >= state_->ports.size()) return {};
  return state_->ports[port.index()].ReadStats();
}

std::vector<DriverCounter> Edge::ReadDriverCounters(PortId port) const {
  if (port.index() >= state_->ports.size()) return {};
  return state_->ports[port.index()].ReadDriverCounters();
}

std::vector<PortLine> Edge::ReadLinks() {
  std::vector<PortLine> links;
  std::map<uint16_t, size_t> first_of;  // ports of one device have one line
  for (const Port& port : state_->ports) {
    const auto [first, is_new] = first_of.try_emplace(port.dpdk_id(), links.size());
    links.push_back(is_new ? ReadLink(port) : links[first->second]);
    if (state_->exception_path) {
      state_->exception_path->ShowLink(port.id(), links.back().line.is_up);
    }
  }
  return links;
}

PortLine Edge::ReadLink(const Port& port) {
  const PortSpec& spec = state_->specs[port.id().index()];
  const auto bond = state_->bonds.find(port.dpdk_id());
  if (bond == state_->bonds.end()) return {state_->links.Read(spec.device, port.dpdk_id())};
  std::vector<kernel::Line> lines;
  for (size_t i = 0; i < spec.bond->members.size(); ++i) {
    const uint16_t member = bond->second.members()[i].dpdk_id;
    lines.push_back(state_->links.Read(spec.bond->members[i], member));
  }
  return bond->second.Follow(lines, state_->gate);
}

MemoryUse Edge::memory() const {
  const Prepared::Parts& parts = *state_->prepared.parts_;
  const PoolPlan& plan = parts.pool->plan();
  MemoryUse use;
  use.packet_bytes = plan.bytes(parts.page_bytes);
  use.packets = plan.packets;
  use.uses_hugepages = parts.eal->uses_hugepages();
  for (const auto& loop : state_->loops) {
    dataplane::Shard& shard = loop->worker().shard();
    const auto add = [](MemoryUse::Tables* sum, const auto& table) {
      sum->bytes += table.memory_bytes();
      sum->records += table.capacity();
    };
    add(&use.connections, shard.Connections<Ipv4Address>());
    add(&use.connections6, shard.Connections<Ipv6Address>());
    add(&use.templates, shard.templates());
    add(&use.side, shard.side_records());
  }
  return use;
}

std::vector<dataplane::Shard*> Edge::Shards() const {
  std::vector<dataplane::Shard*> shards;
  for (const auto& loop : state_->loops) shards.push_back(&loop->worker().shard());
  return shards;
}

Tick Edge::now() const {
  const uint64_t elapsed = rte_rdtsc() - state_->base_cycles;
  return Tick{static_cast<uint32_t>(elapsed / (rte_get_tsc_hz() / kTicksPerSecond))};
}

}  // namespace fairlead::edge
