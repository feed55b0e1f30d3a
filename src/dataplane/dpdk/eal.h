// DPDK's environment layer (EAL): its arguments worked out from the configuration, its start and
// end.
//
//   Result<EalPlan> plan = PlanEal(config, ReadMachine(), need);   // pure: a test asks it
//   Result<std::unique_ptr<Eal>> eal = Eal::Start(*plan);
//
// Lcore 0 is the thread that called Start; it polls nothing and may run on every CPU. Lcores 1…N
// are the workers. With fewer CPUs than workers several lcores share one, so two workers run on any
// machine. It starts without devices (attach.h has them), beside another process that has them.
// Hugepages are used when enough are free; else ordinary memory, and a log line says how to get
// them. DPDK's own messages go to the log as logfmt.
//
// Threads: the thread that starts it also ends it. Invariant: DPDK can be started once a process.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "dataplane/dpdk/edge_config.h"

namespace fairlead::edge {

struct Machine {
  std::vector<uint32_t> cpus;         // this process may run on
  uint64_t free_hugepage_bytes = 0;   // of every page size
  uint64_t hugepage_bytes = 2 << 20;  // size of the default hugepage
  bool has_hugetlbfs = false;         // a mount of it, where memory can be shared by name
};
Machine ReadMachine();

inline constexpr uint64_t kOrdinaryPageBytes = 4096;

// What packets take; more on small pages, where fewer of them fit without crossing a boundary.
struct MemoryNeed {
  uint64_t on_hugepages = 0;
  uint64_t on_ordinary_pages = 0;
};

struct EalPlan {
  std::vector<std::string> arguments;  // argv, program name first
  std::vector<uint32_t> worker_cpus;   // by WorkerId
  bool uses_hugepages = false;
  std::string remedy;            // not empty: hugepages were wished for but not there; the command
  bool can_be_captured = false;  // dpdk-dumpcap finds the memory of packets
  std::string capture_remedy;    // not empty: it is wished for and cannot; the command
};

// Errors: a core that is not there; `hugepages: on`, or an upgrade from a director on hugepages,
// without enough.
Result<EalPlan> PlanEal(const EdgeConfig& config, const Machine& machine, const MemoryNeed& need);

// One CPU for everything that is no worker, as long as there are two.
size_t DefaultWorkerCount(const Machine& machine);

class Eal {
 public:
  static Result<std::unique_ptr<Eal>> Start(const EalPlan& plan);
  ~Eal();
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;

  // The lcore that runs this worker.
  static unsigned LcoreOf(WorkerId worker) { return static_cast<unsigned>(worker.index()) + 1; }
  [[nodiscard]] bool uses_hugepages() const { return uses_hugepages_; }

 private:
  explicit Eal(const EalPlan& plan);

  std::vector<std::string> arguments_;  // DPDK keeps pointers into them
  bool uses_hugepages_;
  bool is_started_ = false;
};

}  // namespace fairlead::edge
