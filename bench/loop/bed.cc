#include "bed.h"

#include <rte_launch.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <iterator>
#include <thread>

#include "dataplane/dpdk/attach.h"
#include "dataplane/shard/kept_tables.h"
#include "dataplane/tables/arena_places.h"

namespace fairlead::bench {
namespace {

constexpr uint32_t kDataRoomBytes = 128;  // enough for 74-byte frames with a tunnel's header
// How far a worker that hands packets over may be ahead of the slowest: much less than a hand-off
// ring holds. One that keeps its packets need not wait for anybody.
constexpr uint64_t kAheadPackets = 512;
constexpr auto kPoll = std::chrono::microseconds(200);  // of the thread that waits for the workers

uint64_t ThreadCpuNs() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(t.tv_nsec);
}

// What one lcore is told and answers.
struct alignas(64) Task {
  edge::WorkerLoop* loop;
  dataplane::WorkerCounters* counters;
  std::vector<Task>* all;
  uint64_t target;
  uint64_t begin;  // received before the span
  std::atomic<bool> is_done{false};
  Span span;

  [[nodiscard]] uint64_t received() const { return counters->received.value() - begin; }
};

bool AllDone(const std::vector<Task>& tasks) {
  return std::all_of(tasks.begin(), tasks.end(), [](const Task& t) { return t.is_done.load(); });
}

bool IsFarAhead(const Task& me) {
  if (me.all->size() == 1 || me.counters->handed_off.value() == 0) return false;
  return std::any_of(me.all->begin(), me.all->end(), [&](const Task& other) {
    return !other.is_done.load(std::memory_order_relaxed) &&
           me.received() > other.received() + kAheadPackets;
  });
}

// Not the worker's doing: waiting costs it nothing.
uint64_t Nap() {
  const uint64_t before = ThreadCpuNs();
  const timespec nap{0, 20'000};
  nanosleep(&nap, nullptr);
  return ThreadCpuNs() - before;
}

int RunTask(void* argument) {
  Task& me = *static_cast<Task*>(argument);
  uint64_t napped_ns = 0;
  const uint64_t cpu = ThreadCpuNs();
  while (me.received() < me.target) {
    me.loop->Turn();
    while (IsFarAhead(me)) napped_ns += Nap();
  }
  me.is_done.store(true);
  // What others hand over. It also goes on receiving, and must not run ahead of them for that.
  while (!AllDone(*me.all)) {
    me.loop->Turn();
    while (IsFarAhead(me)) napped_ns += Nap();
  }
  me.span = {me.received(), ThreadCpuNs() - cpu - napped_ns, 0};
  return 0;
}

// All workers by turns on one core: what passing packets on costs in work, without the way from one
// core's cache to another's.
struct SharedTask {
  Bed* bed;
  uint64_t packets_each;
  Span span;
};

int RunSharedTask(void* argument) {
  auto& shared = *static_cast<SharedTask*>(argument);
  Bed& bed = *shared.bed;
  const uint64_t begin = bed.Sum(&dataplane::WorkerCounters::received);
  const uint64_t cpu = ThreadCpuNs();
  const auto received = [&] { return bed.Sum(&dataplane::WorkerCounters::received) - begin; };
  while (received() < shared.packets_each * bed.workers()) {
    for (size_t w = 0; w < bed.workers(); ++w) bed.loop(w).Turn();
  }
  shared.span = {received(), ThreadCpuNs() - cpu, 0};
  return 0;
}

dataplane::FabricConfig FabricConfigOf(const BedOptions& options) {
  dataplane::FabricConfig config;
  config.workers = options.workers;
  config.ports = options.devices.size();
  config.connections = options.connections;
  config.connections6 = options.connections6;
  config.templates = options.templates;
  config.side_records = options.side_records;
  if (options.is_on_hugetlbfs) config.table_pages = dataplane::HugePages::kReserved;
  return config;
}

// As the daemon does it, but for what it would take up.
Result<dataplane::Arena> OpenArena(const std::string& directory,
                                   const dataplane::FabricConfig& fabric) {
  std::ifstream mounts("/proc/self/mountinfo");
  const std::string mountinfo{std::istreambuf_iterator<char>(mounts), {}};
  auto places = dataplane::FindArenaPlaces(
      directory, "bench", fabric.table_pages == dataplane::HugePages::kReserved, mountinfo);
  if (!places) return places.error();
  return dataplane::Arena::Open({.directory = places->directory,
                                 .sections_directory = places->sections_directory,
                                 .director = "bench",
                                 .workers = static_cast<uint32_t>(fabric.workers),
                                 .sections = dataplane::KeptSections(fabric),
                                 .pages = fabric.table_pages,
                                 .is_fresh = true,
                                 .converters = {}});
}

edge::EdgeConfig EdgeConfigOf(const BedOptions& options) {
  edge::EdgeConfig config;
  config.name = "bench";
  config.workers = options.workers;
  config.hugepages = options.uses_hugepages ? edge::Hugepages::kOn : edge::Hugepages::kOff;
  config.data_room_bytes = kDataRoomBytes;
  config.extra_packets = static_cast<uint32_t>(options.preloaded);
  for (const std::string& device : options.devices) {
    config.ports.push_back(
        {.name = "port" + std::to_string(config.ports.size()), .device = device});
  }
  config.ports.front().vlan = options.vlan;
  return config;
}

}  // namespace

Bed::Bed(std::optional<dataplane::Arena> arena, const dataplane::FabricConfig& fabric,
         bool shares_core)
    : arena_(std::move(arena)), fabric_(fabric), shares_core_(shares_core) {}

Result<std::unique_ptr<Bed>> Bed::Start(const BedOptions& options) {
  const edge::EdgeConfig config = EdgeConfigOf(options);
  dataplane::FabricConfig fabric = FabricConfigOf(options);
  std::optional<dataplane::Arena> arena;
  if (!options.arena.empty()) {
    auto opened = OpenArena(options.arena, fabric);
    if (!opened) return opened.error();
    arena = *std::move(opened);
    dataplane::KeepIn(*arena, &fabric);
  }
  std::unique_ptr<Bed> bed(new Bed(std::move(arena), fabric, options.shares_core));
  const edge::PoolPlan plan = edge::PlanPool(config, bed->fabric_.config.ring_packets);
  // net_pcap keeps what it preloaded in rings, whose sizes are powers of two.
  const uint64_t rings = 2 * options.preloaded * sizeof(void*);
  const edge::Machine machine = edge::ReadMachine();
  auto eal_plan =
      edge::PlanEal(config, machine,
                    {.on_hugepages = plan.bytes(machine.hugepage_bytes) + rings,
                     .on_ordinary_pages = plan.bytes(edge::kOrdinaryPageBytes) + rings});
  if (!eal_plan) return eal_plan.error();
  auto eal = edge::Eal::Start(*eal_plan);
  if (!eal) return eal.error();
  bed->eal_ = *std::move(eal);
  auto pool = edge::PacketPool::Create("packets", plan);
  if (!pool) return pool.error();
  bed->pool_ = *std::move(pool);
  for (size_t p = 0; p < config.ports.size(); ++p) {
    const PortId id{static_cast<uint8_t>(p)};
    const edge::DeviceUse use = edge::DeviceUseOf(config.ports, p);
    if (Status s = edge::AttachDevice(use, config.workers); !s) return s.error();
    auto port = edge::Port::Start(use, id, bed->fabric_.steering, *bed->pool_);
    if (!port) return port.error();
    bed->ports_.push_back(*std::move(port));
  }
  bed->lines_ = std::make_unique<edge::Lines>(config.workers, bed->ports_,
                                              std::vector<bool>(config.ports.size(), false));
  const edge::LoopContext context{bed->fabric_, *bed->pool_, bed->ports_,
                                  *bed->lines_, rte_rdtsc(), false};
  for (uint8_t w = 0; w < config.workers; ++w) {
    bed->loops_.push_back(std::make_unique<edge::WorkerLoop>(context, WorkerId{w}));
  }
  return bed;
}

Bed::~Bed() {
  for (auto& loop : loops_) loop->Finish();
  for (edge::Port& port : ports_) port.Stop();
}

Span Bed::Run(uint64_t packets_each) {
  if (!shares_core_) return RunWorkers(0, loops_.size(), packets_each);
  SharedTask shared{this, packets_each, {}};
  const unsigned lcore = edge::Eal::LcoreOf(WorkerId{static_cast<uint8_t>(loops_.size() - 1)});
  if (rte_eal_remote_launch(RunSharedTask, &shared, lcore) != 0) std::abort();
  while (rte_eal_get_lcore_state(lcore) == RUNNING) std::this_thread::sleep_for(kPoll);
  rte_eal_wait_lcore(lcore);
  return shared.span;
}

Span Bed::RunAlone(size_t worker, uint64_t packets) { return RunWorkers(worker, 1, packets); }

Span Bed::RunWorkers(size_t first, size_t count, uint64_t packets_each) {
  std::vector<Task> tasks(count);
  for (size_t i = 0; i < count; ++i) {
    const WorkerId id{static_cast<uint8_t>(first + i)};
    tasks[i].loop = loops_[id.index()].get();
    tasks[i].counters = &fabric_.stats.worker(id);
    tasks[i].all = &tasks;
    tasks[i].target = packets_each;
    tasks[i].begin = tasks[i].counters->received.value();
  }
  for (size_t i = 0; i < count; ++i) {
    const unsigned lcore = edge::Eal::LcoreOf(WorkerId{static_cast<uint8_t>(first + i)});
    if (rte_eal_remote_launch(RunTask, &tasks[i], lcore) != 0) std::abort();
  }
  // DPDK's own wait spins, on a core that a worker may need.
  while (!AllDone(tasks)) std::this_thread::sleep_for(kPoll);
  rte_eal_mp_wait_lcore();
  Span sum;
  for (const Task& task : tasks) {
    sum.packets += task.span.packets;
    sum.cpu_ns += task.span.cpu_ns;
    sum.mean_ns += static_cast<double>(task.span.cpu_ns) /
                   static_cast<double>(task.span.packets * tasks.size());
  }
  return sum;
}

uint64_t Bed::Sum(dataplane::Counter dataplane::WorkerCounters::*column) const {
  uint64_t sum = 0;
  for (uint8_t w = 0; w < loops_.size(); ++w) {
    sum += (fabric_.stats.worker(WorkerId{w}).*column).value();
  }
  return sum;
}

uint64_t Bed::Dropped() const {
  uint64_t sum = 0;
  for (uint8_t w = 0; w < loops_.size(); ++w) {
    sum += fabric_.stats.worker(WorkerId{w}).dropped_total();
  }
  return sum;
}

}  // namespace fairlead::bench
