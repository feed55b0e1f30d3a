// The bed of the worker-loop benchmark: the edge's own parts (EAL, pool, ports, loops), turned by
// the benchmark, so that a measured span begins and ends at an exact packet.
//
//   Result<std::unique_ptr<Bed>> bed = Bed::Start({.devices = {"net_pcap0,rx_pcap=F,…"}, …});
//   PublishDirector((*bed)->fabric(), {…});
//   Span span = (*bed)->Run(1'000'000);            // on the workers' lcores, until each received
//   so many span.CpuNs() / span.packets
//
// The loops are the production ones (src/dataplane/dpdk/worker_loop.h); the only addition is a look
// at the counter of received packets each turn. Threads: main; workers run only inside Run, so
// between spans main may use their shards. Invariant: DPDK starts once a process.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/dpdk/eal.h"
#include "dataplane/dpdk/worker_loop.h"
#include "dataplane/tables/arena.h"

namespace fairlead::bench {

struct BedOptions {
  std::vector<std::string> devices;  // DPDK vdev of each port
  uint16_t vlan = 0;                 // the first port is this VLAN of its device
  size_t workers = 1;
  uint64_t preloaded = 0;  // packets that the ports keep in buffers of the pool
  uint64_t connections = 1 << 20, connections6 = 1024, templates = 1024, side_records = 1024;
  bool uses_hugepages = false;
  std::string arena{};           // directory; empty: the tables map memory of their own
  bool is_on_hugetlbfs = false;  // the tables, and with them the records of the arena
  bool shares_core = false;      // the workers' turns follow each other on one core
};

struct Span {
  uint64_t packets = 0;  // received from ports, over all workers
  uint64_t cpu_ns = 0;   // of the workers' threads
  // Of a packet, each worker counting the same: on unequal cores the faster one receives more.
  double mean_ns = 0;
};

class Bed {
 public:
  static Result<std::unique_ptr<Bed>> Start(const BedOptions& options);
  ~Bed();
  Bed(const Bed&) = delete;
  Bed& operator=(const Bed&) = delete;

  // Until each worker has received this many more packets. No worker gets far ahead of another, as
  // it would on a machine that runs something else on one of the cores.
  Span Run(uint64_t packets_each);
  // The same with this worker alone; the others stand still meanwhile.
  Span RunAlone(size_t worker, uint64_t packets);
  dataplane::Fabric& fabric() { return fabric_; }
  edge::WorkerLoop& loop(size_t worker) { return *loops_[worker]; }
  [[nodiscard]] size_t workers() const { return loops_.size(); }

  // ---- sums over the workers
  [[nodiscard]] uint64_t Sum(dataplane::Counter dataplane::WorkerCounters::*column) const;
  [[nodiscard]] uint64_t Dropped() const;

 private:
  Bed(std::optional<dataplane::Arena> arena, const dataplane::FabricConfig& fabric,
      bool shares_core);
  Span RunWorkers(size_t first, size_t count, uint64_t packets_each);

  std::optional<dataplane::Arena> arena_;  // outlives what has its records there
  dataplane::Fabric fabric_;
  const bool shares_core_;
  std::unique_ptr<edge::Eal> eal_;
  std::unique_ptr<edge::PacketPool> pool_;
  std::vector<edge::Port> ports_;
  std::unique_ptr<edge::Lines> lines_;
  std::vector<std::unique_ptr<edge::WorkerLoop>> loops_;
};

}  // namespace fairlead::bench
