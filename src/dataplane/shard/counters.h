// Counters with one writer each, read by anybody, never reset: they only rise.
//
// Conservation law, per worker and in total, asserted by every scenario (docs/counters.md):
//   received + handed_in + originated
//     == sent + handed_off + delivered_to_host + Σ dropped[reason] + change in held
//
// Threads: a row belongs to its worker; the API and control threads read with relaxed loads.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/spsc_ring.h"
#include "dataplane/snapshot/snat_view.h"
#include "dataplane/wire/drop_reason.h"

namespace fairlead::dataplane {

// A 64-bit counter with a single writer: no locked instruction is needed.
class Counter {
 public:
  void Add(uint64_t n) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void Set(uint64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
  [[nodiscard]] uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// One worker's packets. Every packet it gets ends in exactly one of the right-hand columns.
struct alignas(kCacheLine) WorkerCounters {
  Counter received;    // from ports
  Counter handed_in;   // from other workers
  Counter originated;  // made here: RST, ICMP; frames of the kernel twin and of the control core
  Counter sent;        // taken by a port
  Counter handed_off;  // to other workers
  Counter delivered_to_host;  // to the kernel twin
  std::array<Counter, kDropReasonCount> dropped;
  Counter held;             // gauge: waiting for a neighbour, or for their first fragment
  Counter polls;            // turns of the loop
  Counter busy_polls;       // turns that found work
  Counter longest_turn_ns;  // longest turn but the first, by the thread's CPU clock
  Counter connections;      // gauge: live connection records, both families
  Counter connection_capacity;
  Counter templates;  // gauge
  Counter template_capacity;
  Counter side_records;  // gauge: side records in use
  Counter side_record_capacity;
  Counter defence_connections;    // that drop_entry ended
  Counter defence_templates;      // that drop_entry ended
  Counter defence_low;            // gauge: 1 while few records or no local port is free
  Counter defence_rate;           // gauge: what the automatic drop_packet does, 0: nothing
  Counter neighbour_limited;      // unknown neighbours not told of: over a limit
  Counter neighbour_events_lost;  // not told to the control core: the ring's share was full
  Counter fragmented;             // gauge: datagrams in fragments that are remembered
  Counter fragmented_capacity;
  Counter fragmented_displaced;  // forgotten before their time: there were too many
  Counter sync_news_lost;        // of connections and templates: the ring was full
  Counter stream_news_lost;      // likewise, of the stream between directors
  Counter snat_flows;            // gauge: live flows of source NAT, both families
  Counter snat_capacity;         // 0: no rule has come yet, and there are no tables
  Counter toa_left_out;          // segments that were to have TOA, and had no room for it

  [[nodiscard]] uint64_t dropped_total() const {
    uint64_t total = 0;
    for (const Counter& counter : dropped) total += counter.value();
    return total;
  }
};

// Rows of different workers share no cache line, so counting costs the same with any number of
// them.
static_assert(alignof(WorkerCounters) == kCacheLine);

// What ipvsadm --stats shows, for one real and one worker (ipvs.md, statistics).
struct alignas(kCacheLine) TrafficCounters {
  Counter connections;
  Counter in_packets;
  Counter out_packets;
  Counter in_bytes;
  Counter out_bytes;
  Counter no_local_port;  // new connections refused: no port was free (FULLNAT)
};

static_assert(sizeof(TrafficCounters) == kCacheLine);

// For one rule of source NAT and one worker: out is from inside to the world.
struct alignas(kCacheLine) SnatCounters {
  Counter begun;      // flows
  Counter flows;      // gauge: those that live
  Counter exhausted;  // first packets for which no port was left
  Counter out_packets, out_bytes;
  Counter in_packets, in_bytes;
};

static_assert(sizeof(SnatCounters) == kCacheLine);

struct SnatSum {
  uint64_t begun = 0, flows = 0, exhausted = 0;
  uint64_t out_packets = 0, out_bytes = 0, in_packets = 0, in_bytes = 0;
};

struct TrafficSum {
  uint64_t connections = 0, in_packets = 0, out_packets = 0, in_bytes = 0, out_bytes = 0;
  uint64_t no_local_port = 0;

  TrafficSum& operator+=(const TrafficSum& o) {
    connections += o.connections;
    in_packets += o.in_packets;
    out_packets += o.out_packets;
    in_bytes += o.in_bytes;
    out_bytes += o.out_bytes;
    no_local_port += o.no_local_port;
    return *this;
  }
  TrafficSum& operator-=(const TrafficSum& o) {
    connections -= o.connections;
    in_packets -= o.in_packets;
    out_packets -= o.out_packets;
    in_bytes -= o.in_bytes;
    out_bytes -= o.out_bytes;
    no_local_port -= o.no_local_port;
    return *this;
  }
};

// Per port and worker; what the edge counts.
struct alignas(kCacheLine) PortCounters {
  Counter rx_packets, rx_bytes, tx_packets, tx_bytes;
  Counter tx_missed;           // not taken by the port's queue; dropped as transmit_full
  Counter from_host, to_host;  // exception path
};

static_assert(sizeof(PortCounters) == kCacheLine);

// The control core's, of neighbours and of what it sends to them.
struct alignas(kCacheLine) NeighbourCounters {
  Counter pinned;                 // gauge: next hops of the configuration
  Counter learned;                // gauge: the others
  Counter limited;                // not learned: over the limit of their port
  Counter evicted;                // of the learned, for want of places
  Counter moves;                  // changes of a pinned one's MAC
  Counter deferred_frames;        // had to wait: enough were on their way to worker 0
  Counter announcements_waiting;  // gauge: addresses that have not been announced once
  Counter announcements_sent;
};

// What a port's driver counts, over all queues; read on request, from any thread.
struct PortStats {
  uint64_t rx_packets = 0, rx_bytes = 0, rx_errors = 0;
  uint64_t rx_missed = 0;  // the queue was full or no buffer was free
  uint64_t tx_packets = 0, tx_bytes = 0, tx_errors = 0;
};

// All counters of a director. A real's id that is used again keeps counting up: who shows figures
// subtracts the value it saw when the id was given out (control/id_map).
class StatsBoard {
 public:
  // `traffic`: each worker's memory for the traffic of its reals, which outlives the board. What it
  // says is gone on from, so that a crash takes nothing back. Empty: zeroed memory of the board's
  // own. Throws std::runtime_error when it has another size.
  StatsBoard(size_t workers, size_t real_capacity, size_t ports,
             const std::vector<std::span<TrafficCounters>>& traffic = {})
      : workers_(workers), ports_(workers), snat_(workers) {
    if (traffic.empty())
      own_traffic_ = std::make_unique<TrafficCounters[]>(workers * real_capacity);
    traffic_.reserve(workers);
    for (size_t w = 0; w < workers; ++w) {
      traffic_.push_back(traffic.empty() ? &own_traffic_[w * real_capacity]
                                         : Row(traffic, workers, w, real_capacity));
      ports_[w] = std::vector<PortCounters>(ports);
    }
  }

  WorkerCounters& worker(WorkerId w) noexcept { return workers_[w.index()]; }
  [[nodiscard]] const WorkerCounters& worker(WorkerId w) const noexcept {
    return workers_[w.index()];
  }
  TrafficCounters& traffic(WorkerId w, RealId real) noexcept {
    return traffic_[w.index()][real.index()];
  }
  // A worker's row: by RealId.
  TrafficCounters* traffic(WorkerId w) noexcept { return traffic_[w.index()]; }
  // A worker's row: by slot of the rule.
  SnatCounters* snat(WorkerId w) noexcept { return snat_[w.index()].data(); }
  // Of all workers.
  [[nodiscard]] SnatSum SumSnat(size_t slot) const {
    SnatSum sum;
    for (const auto& row : snat_) {
      const SnatCounters& c = row[slot];
      sum.begun += c.begun.value();
      sum.flows += c.flows.value();
      sum.exhausted += c.exhausted.value();
      sum.out_packets += c.out_packets.value();
      sum.out_bytes += c.out_bytes.value();
      sum.in_packets += c.in_packets.value();
      sum.in_bytes += c.in_bytes.value();
    }
    return sum;
  }
  // Written by the control core.
  NeighbourCounters& neighbours() noexcept { return neighbours_; }
  PortCounters& port(WorkerId w, PortId port) noexcept { return ports_[w.index()][port.index()]; }
  // Of all workers.
  [[nodiscard]] uint64_t SumPort(PortId port, Counter PortCounters::*column) const {
    uint64_t sum = 0;
    for (const auto& row : ports_) sum += (row[port.index()].*column).value();
    return sum;
  }
  [[nodiscard]] size_t worker_count() const { return workers_.size(); }

  [[nodiscard]] TrafficSum SumTraffic(RealId real) const {
    TrafficSum sum;
    for (const TrafficCounters* row : traffic_) {
      const TrafficCounters& c = row[real.index()];
      sum += {c.connections.value(), c.in_packets.value(), c.out_packets.value(),
              c.in_bytes.value(),    c.out_bytes.value(),  c.no_local_port.value()};
    }
    return sum;
  }

 private:
  static TrafficCounters* Row(const std::vector<std::span<TrafficCounters>>& traffic,
                              size_t workers, size_t worker, size_t real_capacity) {
    if (traffic.size() == workers && traffic[worker].size() == real_capacity) {
      return traffic[worker].data();
    }
    throw std::runtime_error("the memory given is not for the traffic of " +
                             std::to_string(workers) + " workers with " +
                             std::to_string(real_capacity) + " real servers each");
  }

  std::vector<WorkerCounters> workers_;
  std::unique_ptr<TrafficCounters[]> own_traffic_;
  std::vector<TrafficCounters*> traffic_;  // rows by worker
  std::vector<std::vector<PortCounters>> ports_;
  std::vector<std::array<SnatCounters, kSnatSlots>> snat_;  // rows by worker
  NeighbourCounters neighbours_;
};

}  // namespace fairlead::dataplane
