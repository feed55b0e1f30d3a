#include "dataplane/dpdk/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_pdump.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/log.h"
#include "dataplane/dpdk/device.h"
#include "dataplane/dpdk/eal_log.h"
#include "dataplane/tables/arena_places.h"

namespace fairlead::edge {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kMebibyte = 1 << 20;
// What EAL, the drivers' queues and the mempool's own memory take beside the packets.
constexpr uint64_t kOverheadBytes = 96 * kMebibyte;

uint64_t ReadNumber(const fs::path& file) {
  uint64_t number = 0;
  std::ifstream(file) >> number;
  return number;
}

// "Hugepagesize:       2048 kB"
uint64_t DefaultHugepageBytes() {
  std::ifstream meminfo("/proc/meminfo");
  std::string key;
  uint64_t value = 0;
  std::string rest;
  while (meminfo >> key >> value && std::getline(meminfo, rest)) {
    if (key == "Hugepagesize:") return value * 1024;
  }
  return 2 * kMebibyte;
}

// The CPU of every worker: the operator's list, else from the second one on, round and round.
Result<std::vector<uint32_t>> WorkerCpus(const EdgeConfig& config, const Machine& machine) {
  if (config.cores.empty()) {
    std::vector<uint32_t> cpus;
    const size_t first = machine.cpus.size() > config.workers ? 1 : 0;
    for (size_t w = 0; w < config.workers; ++w) {
      cpus.push_back(machine.cpus[(first + w) % machine.cpus.size()]);
    }
    return cpus;
  }
  if (config.cores.size() != config.workers) {
    return Error{ErrorCode::kInvalid,
                 "director.workers lists fewer or more cores than there are workers", ""};
  }
  for (uint32_t core : config.cores) {
    if (std::find(machine.cpus.begin(), machine.cpus.end(), core) != machine.cpus.end()) continue;
    std::string list;
    for (uint32_t cpu : machine.cpus) list += " " + std::to_string(cpu);
    return Error{ErrorCode::kNotFound,
                 "this process cannot run on core " + std::to_string(core) +
                     "; director.workers may use:" + list,
                 ""};
  }
  return config.cores;
}

// "0@(0,1),1@1,2@0": lcore 0 is everything but the workers and may run anywhere.
std::string LcoreMap(const std::vector<uint32_t>& workers, const Machine& machine) {
  std::string map;
  for (uint32_t cpu : machine.cpus) map += (map.empty() ? "0@(" : ",") + std::to_string(cpu);
  map += ")";
  for (size_t w = 0; w < workers.size(); ++w) {
    map += "," + std::to_string(w + 1) + "@" + std::to_string(workers[w]);
  }
  return map;
}

// The operator's own arguments win over what would be chosen here.
bool OperatorSays(const EdgeConfig& config, std::string_view option) {
  return std::any_of(config.eal.begin(), config.eal.end(), [&](const std::string& a) {
    return a == option || a.starts_with(std::string(option) + "=");
  });
}

Status PlanMemory(const EdgeConfig& config, const Machine& machine, const MemoryNeed& need,
                  EalPlan* plan) {
  if (OperatorSays(config, "--no-huge") || OperatorSays(config, "-m") ||
      OperatorSays(config, "--in-memory") || OperatorSays(config, "--huge-dir")) {
    plan->uses_hugepages = !OperatorSays(config, "--no-huge");
    return Done{};
  }
  const uint64_t needed = need.on_hugepages + kOverheadBytes;
  const uint64_t pages = (needed + machine.hugepage_bytes - 1) / machine.hugepage_bytes;
  const std::string command = "sysctl -w vm.nr_hugepages=" + std::to_string(pages);
  if (config.hugepages != Hugepages::kOff && machine.free_hugepage_bytes >= needed) {
    plan->uses_hugepages = true;
    plan->can_be_captured = config.telemetry && machine.has_hugetlbfs;
    if (!plan->can_be_captured) plan->arguments.push_back("--in-memory");
    if (config.telemetry && !machine.has_hugetlbfs) {
      plan->capture_remedy = "mount -t hugetlbfs none /dev/hugepages";
    }
    return Done{};
  }
  if (config.hugepages == Hugepages::kOn) {
    return Error{ErrorCode::kUnavailable,
                 "director.hugepages is on, but only " +
                     std::to_string(machine.free_hugepage_bytes / kMebibyte) + " MiB of " +
                     std::to_string(needed / kMebibyte) + " MiB are free; run: " + command,
                 ""};
  }
  if (config.hugepages == Hugepages::kAuto && config.takes_over_hugepages) {
    const uint64_t missing = needed - machine.free_hugepage_bytes;
    return Error{
        ErrorCode::kUnavailable,
        "for an upgrade two directors need hugepages for their packets, and only " +
            std::to_string(machine.free_hugepage_bytes / kMebibyte) + " MiB of " +
            std::to_string(needed / kMebibyte) + " MiB are free; raise vm.nr_hugepages by " +
            std::to_string((missing + machine.hugepage_bytes - 1) / machine.hugepage_bytes) +
            " until it is over",
        ""};
  }
  if (config.hugepages == Hugepages::kAuto) plan->remedy = command;
  if (config.telemetry) plan->capture_remedy = command;
  plan->arguments.insert(
      plan->arguments.end(),
      {"--no-huge", "-m",
       std::to_string((need.on_ordinary_pages + kOverheadBytes) / kMebibyte + 1)});
  return Done{};
}

}  // namespace

Machine ReadMachine() {
  Machine machine;
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  for (uint32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) machine.cpus.push_back(cpu);
  }
  machine.hugepage_bytes = DefaultHugepageBytes();
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/sys/kernel/mm/hugepages", ignored)) {
    // "hugepages-2048kB"
    const std::string name = entry.path().filename().string();
    const uint64_t page_bytes =
        std::strtoull(name.c_str() + sizeof "hugepages", nullptr, 10) * 1024;
    machine.free_hugepage_bytes += page_bytes * ReadNumber(entry.path() / "free_hugepages");
  }
  std::ifstream mountinfo("/proc/self/mountinfo");
  const std::string mounts{std::istreambuf_iterator<char>(mountinfo), {}};
  machine.has_hugetlbfs = dataplane::FindHugePageMount(mounts).has_value();
  return machine;
}

size_t DefaultWorkerCount(const Machine& machine) {
  return std::clamp<size_t>(machine.cpus.size() - 1, 1, kMaxWorkers);
}

Result<EalPlan> PlanEal(const EdgeConfig& config, const Machine& machine, const MemoryNeed& need) {
  EalPlan plan;
  Result<std::vector<uint32_t>> cpus = WorkerCpus(config, machine);
  if (!cpus) return cpus.error();
  plan.worker_cpus = *cpus;
  plan.arguments = {"fairleadd", "--lcores", LcoreMap(*cpus, machine), "--main-lcore", "0"};
  // It warns at each start of a socket for tools of 2019.
  plan.arguments.push_back(config.telemetry ? "--log-level=lib.telemetry:error" : "--no-telemetry");
  if (!OperatorSays(config, "--file-prefix")) {
    plan.arguments.push_back("--file-prefix=" + config.name + "-" + std::to_string(getpid()));
  }
  if (Status memory = PlanMemory(config, machine, need, &plan); !memory) {
    return memory.error();
  }
  const auto is_pci = [](const PortSpec& port) { return IsPciDevice(port.device); };
  if (std::any_of(config.ports.begin(), config.ports.end(), is_pci)) {
    // Without a list it would take every device that it can; this one is never a NIC.
    plan.arguments.insert(plan.arguments.end(), {"-a", "0000:00:00.0"});
  } else {
    plan.arguments.push_back("--no-pci");
  }
  plan.arguments.insert(plan.arguments.end(), config.eal.begin(), config.eal.end());
  return plan;
}

Eal::Eal(const EalPlan& plan) : arguments_(plan.arguments), uses_hugepages_(plan.uses_hugepages) {}

Result<std::unique_ptr<Eal>> Eal::Start(const EalPlan& plan) {
  std::unique_ptr<Eal> eal(new Eal(plan));
  if (!plan.remedy.empty()) {
    LogInfo("not enough free hugepages: packets use ordinary memory, which costs more CPU time",
            {{"remedy", plan.remedy}});
  }
  std::vector<char*> argv;
  std::string shown;
  for (std::string& argument : eal->arguments_) {
    argv.push_back(argument.data());
    shown += (shown.empty() ? "" : " ") + argument;
  }
  argv.push_back(nullptr);
  LogDebug("starting DPDK", {{"arguments", shown}});
  if (!plan.capture_remedy.empty()) {
    LogWarning(
        "dpdk-dumpcap cannot attach: it needs the packets on hugepages, with hugetlbfs mounted",
        {{"remedy", plan.capture_remedy}});
  }
  SendDpdkLogToOurs();
  if (rte_eal_init(static_cast<int>(argv.size()) - 1, argv.data()) < 0) {
    const std::string why = TakeDpdkErrors();
    return Error{
        ErrorCode::kSystem,
        "DPDK did not start: " + (why.empty() ? std::string(rte_strerror(rte_errno)) : why) +
            " (arguments: " + shown + ")",
        ""};
  }
  eal->is_started_ = true;
  if (plan.can_be_captured && rte_pdump_init() < 0) {
    LogWarning("dpdk-dumpcap cannot attach", {{"reason", rte_strerror(rte_errno)}});
  }
  return eal;
}

Eal::~Eal() {
  const fs::path folder = rte_eal_get_runtime_dir();
  if (is_started_) rte_eal_cleanup();
  // Named after this process, it is of no use to the next one. A prefix of the operator's own may
  // belong to others as well.
  std::error_code ignored;
  if (folder.string().ends_with("-" + std::to_string(getpid()))) fs::remove_all(folder, ignored);
}

}  // namespace fairlead::edge
