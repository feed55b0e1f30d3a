// The edge as main sees it: DPDK, ports, workers and kernel twins, without a DPDK type in sight.
//
//   auto prepared = Prepared::Make(config, fabric_config.ring_packets);   // EAL and pool
//   // Ports are up; twins and tables are made.
//   auto edge = Edge::Start(*std::move(prepared), config, fabric);
//   …build a snapshot from edge->ports(), publish it…
//   edge->LaunchWorkers();                     // they poll from the first snapshot on
//   edge->Stop();                              // every packet accounted for, ports closed
//
// Threads: Make, Start, LaunchWorkers and Stop by main, which is not pinned: threads it starts
// later may run on any CPU. Call Make and Start before other threads and with signals blocked (the
// workers inherit the mask). ReadPortStats, ReadDriverCounters and now from
// any thread. Invariants: one Edge a process
// (DPDK starts once); the Fabric outlives it and has config.workers workers and config.ports.size()
// ports.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_descriptor.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "dataplane/dpdk/driver_counter.h"
#include "dataplane/dpdk/edge_config.h"
#include "dataplane/dpdk/link_reader.h"
#include "dataplane/dpdk/port_line.h"
#include "dataplane/shard/fabric.h"

namespace fairlead::dataplane {
class Shard;
}

namespace fairlead::edge {

class Port;

struct PortInfo {
  std::string name;
  uint16_t vlan = 0;  // 0: none
  MacAddress mac;
  uint16_t mtu_bytes = 1500;
  std::string host_interface;    // of the kernel twin; empty: none
  bool sums_ip_headers = false;  // computes IPv4 header checksums when it sends
  bool has_vlans = false;        // the device
  uint16_t rx_queues = 1;
  uint16_t tx_queues = 1;
  // Of the kernel's own interface under the port: closed, or open and why; empty: it has none.
  std::string kernel_ingress = {};
  std::string steering = {};  // hardware, rules, rss or software, and why no more
};

struct MemoryUse {
  uint64_t packet_bytes = 0;  // the pool
  uint32_t packets = 0;
  bool uses_hugepages = false;
  // A kind of table, over all workers: records and index, and the records there is room for.
  struct Tables {
    uint64_t bytes = 0;
    uint64_t records = 0;
  };
  Tables connections;   // IPv4
  Tables connections6;  // IPv6
  Tables templates;
  Tables side;
};

// `workers: auto`: one CPU is left for everything else where there are two.
size_t DefaultWorkers();

// DPDK and the memory of packets: what takes a while, and touches no device. It can be had while
// another director runs on the same ports.
class Prepared {
 public:
  // `ring_packets`: of the fabric. Errors: a device that is not there, too little memory.
  static Result<Prepared> Make(const EdgeConfig& config, size_t ring_packets);
  ~Prepared();
  Prepared(Prepared&& other) noexcept;
  Prepared& operator=(Prepared&& other) noexcept;

 private:
  friend class Edge;
  struct Parts;
  explicit Prepared(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

class Edge {
 public:
  // `config` as Make had it. `twins`: open kernel twins of the director before, by interface.
  static Result<std::unique_ptr<Edge>> Start(Prepared prepared, const EdgeConfig& config,
                                             dataplane::Fabric& fabric,
                                             std::vector<NamedDescriptor> twins = {});
  ~Edge();  // stops
  Edge(const Edge&) = delete;
  Edge& operator=(const Edge&) = delete;

  [[nodiscard]] const std::vector<PortInfo>& ports() const;  // by PortId
  Status LaunchWorkers();
  // Says that the start is complete: from now on kernel twins that it has made stay, and Stop also
  // undoes what an earlier director, which was killed, has left closed to the kernel.
  void Own();
  // Ends the workers, gives up what is held or in a ring (counted as `shutdown`), closes the ports.
  // Kernel twins stay, but not those that a start has made which was never complete; as long as
  // they do, what is closed to the kernel stays closed, since the kernel would answer for their
  // addresses. A second call does nothing.
  void Stop();
  // The same for a director that goes on with these ports: what is closed to the kernel stays
  // closed in any case, and the twins stay open, by interface. Ports of packet sockets are not used
  // any more, but stay open until this object ends: another process may have theirs too, and the
  // kernel takes its time to close them.
  std::vector<NamedDescriptor> StopForSuccessor();

  [[nodiscard]] dataplane::PortStats ReadPortStats(PortId port) const;
  // All that the driver counts, by its own names; empty where it counts no more than that.
  [[nodiscard]] std::vector<DriverCounter> ReadDriverCounters(PortId port) const;
  // By PortId. One thread at a time; takes some microseconds a port. Kernel twins show it as their
  // carrier. Members of bonds whose lines have changed are taken out or put in, for which workers
  // stand still for less than a millisecond.
  std::vector<PortLine> ReadLinks();
  [[nodiscard]] MemoryUse memory() const;
  // The workers' time.
  [[nodiscard]] Tick now() const;
  // Of all workers, by WorkerId. Before LaunchWorkers only: then they are the workers'.
  [[nodiscard]] std::vector<dataplane::Shard*> Shards() const;

 private:
  struct State;
  explicit Edge(std::unique_ptr<State> state);
  static Status StartNextPort(const EdgeConfig& config, State* state);
  PortLine ReadLink(const Port& port);
  void StopWorkers();
  void StopPort(Port& port);

  std::unique_ptr<State> state_;
};

}  // namespace fairlead::edge
