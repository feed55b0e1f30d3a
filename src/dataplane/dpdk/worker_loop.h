// A worker's loop: packets from ports, rings and mailboxes into the pipeline, verdicts carried out.
//
//   WorkerLoop loop(context, WorkerId{0});        // the tables are allocated here
//   loop.Run(stop);                               // on the worker's lcore, until stop is true
//
// One turn: read the clock once, adopt the newest snapshot, at most one burst from each receive
// queue, from the kernel twins (worker 0), from other workers; one command; held packets; expiry;
// flush. No lock, no allocation; no system call but a driver's own and the sleep of an idle worker.
// W is dataplane::Worker<MbufPacket>; tests put a stand-in there to try the loop alone.
//
// Threads: constructed by main, then one thread's. Counting: as worker.h says, the loop counts
// sent, delivered_to_host and the drops it causes. Invariant: after Finish the conservation law
// holds with held == 0.
#pragma once

#include <rte_ethdev.h>

#include <array>
#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/dpdk/idle.h"
#include "dataplane/dpdk/lines.h"
#include "dataplane/dpdk/transmit.h"
#include "dataplane/dpdk/turn_clock.h"
#include "dataplane/dpdk/turn_gate.h"
#include "dataplane/dpdk/vlan_map.h"
#include "dataplane/dpdk/vlan_tag.h"
#include "dataplane/worker/worker.h"

namespace fairlead::edge {

// What all loops of a director share; outlives them.
struct LoopContext {
  dataplane::Fabric& fabric;
  PacketPool& pool;
  const std::vector<Port>& ports;
  const Lines& lines;
  uint64_t base_cycles = 0;  // tick 0
  bool sleeps_when_idle = false;
};

template <typename W>
class alignas(kCacheLine) BasicWorkerLoop {
 public:
  BasicWorkerLoop(const LoopContext& context, WorkerId me)
      : context_(context),
        worker_(std::make_unique<W>(context.fabric, me, Tick{})),
        counters_(context.fabric.stats.worker(me)),
        transmit_(context.fabric, context.ports, context.lines, me),
        clock_(context.base_cycles) {
    worker_->UsePool(context.pool);
    for (const Port& port : context.ports) {
      dataplane::PortCounters& counters = context.fabric.stats.port(me, port.id());
      MbufRing* from_host = me.index() == 0 ? context.lines.from_host(port.id()) : nullptr;
      ways_.push_back({port.id(), port.dpdk_id(), static_cast<uint16_t>(me.index()),
                       port.owns_device() && me.index() < port.rx_queues(), from_host,
                       context.lines.to_host(port.id(), me), &counters,
                       port.owns_device() ? VlanMap(context.ports, port) : VlanMap()});
    }
  }

  // `gate`: where it waits between turns while a bond changes; null: there is none.
  void Run(const std::atomic<bool>& stop, TurnGate* gate = nullptr) noexcept {
    if (gate != nullptr) gate->Enter();
    while (!stop.load(std::memory_order_relaxed)) {
      if (gate != nullptr) gate->Pass();
      const size_t work = Turn();
      if (context_.sleeps_when_idle && idle_.After(work)) clock_.SampleCpu();
    }
    if (gate != nullptr) gate->Pass();
    Finish();
    if (gate != nullptr) gate->Leave();
  }

  // How much work it found.
  size_t Turn() noexcept;
  // Gives up what is held and sends what is gathered.
  void Finish() noexcept;

  W& worker() noexcept { return *worker_; }

 private:
  struct Way {
    PortId port;
    uint16_t dpdk_id;
    uint16_t queue;
    bool polls;
    MbufRing* from_host;  // null: none, or another worker's
    MbufRing* to_host;    // null: no kernel twin
    dataplane::PortCounters* counters;
    VlanMap vlans;  // of the device that it polls
  };

  // Frames of one port that follow each other in a burst: counted together.
  struct Arrivals {
    PortId port;
    uint64_t packets = 0, bytes = 0;
  };

  size_t Receive(Way& way) noexcept;
  using Burst = std::array<MbufPacket*, dataplane::kBurst>;
  size_t ReceiveTagged(Way& way, std::span<rte_mbuf*> mbufs, Burst* burst) noexcept;
  void CountReceived(const Arrivals& run) noexcept;
  size_t ReceiveFromHost(Way& way) noexcept;
  // False: the mbuf is in pieces that do not fit one buffer, and is dropped and counted.
  bool MakeContiguous(rte_mbuf* mbuf) noexcept;
  void CarryOut() noexcept;
  void DeliverToHost(MbufPacket* packet, PortId port) noexcept;

  const LoopContext context_;
  std::unique_ptr<W> worker_;
  dataplane::WorkerCounters& counters_;
  Transmit transmit_;
  TurnClock clock_;
  Idle idle_;
  std::vector<Way> ways_;  // by PortId
  dataplane::Output<MbufPacket> output_;
};

template <typename W>
size_t BasicWorkerLoop<W>::Turn() noexcept {
  counters_.polls.Add(1);
  // The turn that adopts the first snapshot sets up every service; nothing waits for it.
  const bool is_first = worker_->snapshot() == nullptr;
  if (!worker_->BeginTurn(clock_.Begin())) return 0;
  size_t work = 0;
  for (Way& way : ways_) work += Receive(way);
  for (Way& way : ways_) work += ReceiveFromHost(way);
  work += worker_->ProcessHandedIn(&output_);
  CarryOut();
  work += worker_->RunCommands(context_.pool, &output_);
  CarryOut();
  work += worker_->ReleaseHeld(&output_);
  CarryOut();
  work += worker_->Expire();
  work += transmit_.TakeFromPeers();
  transmit_.Flush();
  if (work > 0) counters_.busy_polls.Add(1);
  if (!is_first) [[likely]]
    clock_.End(&counters_.longest_turn_ns);
  return work;
}

template <typename W>
size_t BasicWorkerLoop<W>::Receive(Way& way) noexcept {
  if (!way.polls) return 0;
  std::array<rte_mbuf*, dataplane::kBurst> mbufs;
  const size_t received = rte_eth_rx_burst(way.dpdk_id, way.queue, mbufs.data(), dataplane::kBurst);
  if (received == 0) return 0;
  Burst burst;
  size_t count = 0;
  uint64_t bytes = 0;
  if (!way.vlans.is_empty()) {
    count = ReceiveTagged(way, {mbufs.data(), received}, &burst);
  } else {
    for (size_t i = 0; i < received; ++i) {
      bytes += mbufs[i]->pkt_len;
      if (mbufs[i]->nb_segs > 1 && !MakeContiguous(mbufs[i])) [[unlikely]]
        continue;
      burst[count++] = MbufPacket::Receive(mbufs[i], way.port);
    }
    way.counters->rx_packets.Add(received);
    way.counters->rx_bytes.Add(bytes);
  }
  worker_->ProcessBurst({burst.data(), count}, &output_);
  CarryOut();
  return received;
}

// Of a device with VLANs: each frame belongs to the port of its tag, which is taken off.
template <typename W>
size_t BasicWorkerLoop<W>::ReceiveTagged(Way& way, std::span<rte_mbuf*> mbufs,
                                         Burst* burst) noexcept {
  size_t count = 0;
  Arrivals run;
  for (rte_mbuf* mbuf : mbufs) {
    const uint32_t bytes = mbuf->pkt_len;
    if (mbuf->nb_segs > 1 && !MakeContiguous(mbuf)) continue;
    const PortId port = way.vlans.PortOf(TakeTag(mbuf));
    if (port.is_none()) {
      counters_.received.Add(1);
      counters_.dropped[static_cast<size_t>(dataplane::DropReason::kUnknownVlan)].Add(1);
      rte_pktmbuf_free(mbuf);
      continue;
    }
    if (port != run.port) {
      CountReceived(run);
      run = {.port = port};
    }
    ++run.packets;
    run.bytes += bytes;
    (*burst)[count++] = MbufPacket::Receive(mbuf, port);
  }
  CountReceived(run);
  return count;
}

template <typename W>
void BasicWorkerLoop<W>::CountReceived(const Arrivals& run) noexcept {
  if (run.packets == 0) return;
  ways_[run.port.index()].counters->rx_packets.Add(run.packets);
  ways_[run.port.index()].counters->rx_bytes.Add(run.bytes);
}

template <typename W>
size_t BasicWorkerLoop<W>::ReceiveFromHost(Way& way) noexcept {
  if (way.from_host == nullptr) return 0;
  std::array<MbufPacket*, dataplane::kBurst> burst;
  size_t count = 0;
  rte_mbuf* mbuf;
  while (count < dataplane::kBurst && way.from_host->Pop(&mbuf)) {
    burst[count++] = MbufPacket::Receive(mbuf, way.port);
  }
  if (count == 0) return 0;
  way.counters->from_host.Add(count);
  worker_->ProcessFromHost({burst.data(), count}, &output_);
  CarryOut();
  return count;
}

template <typename W>
bool BasicWorkerLoop<W>::MakeContiguous(rte_mbuf* mbuf) noexcept {
  if (rte_pktmbuf_linearize(mbuf) == 0) return true;
  rte_pktmbuf_free(mbuf);
  counters_.received.Add(1);
  counters_.dropped[static_cast<size_t>(dataplane::DropReason::kOversized)].Add(1);
  return false;
}

template <typename W>
void BasicWorkerLoop<W>::CarryOut() noexcept {
  std::array<rte_mbuf*, dataplane::Output<MbufPacket>::kRoom> dropped;
  unsigned drops = 0;
  for (size_t i = 0; i < output_.count; ++i) {
    const auto& [packet, verdict] = output_.items[i];
    if (verdict.action == dataplane::Action::kTransmit) [[likely]] {
      transmit_.Add(packet, verdict.port);
    } else if (verdict.action == dataplane::Action::kToHost) {
      DeliverToHost(packet, verdict.port);
    } else {
      dropped[drops++] = packet->mbuf();
    }
  }
  if (drops > 0) rte_pktmbuf_free_bulk(dropped.data(), drops);
  output_.Clear();
}

template <typename W>
void BasicWorkerLoop<W>::DeliverToHost(MbufPacket* packet, PortId port) noexcept {
  using dataplane::DropReason;
  MbufRing* ring = port.index() < ways_.size() ? ways_[port.index()].to_host : nullptr;
  if (packet->meta().wants_ip_checksum) FinishIpChecksum(packet, /*port_computes_it=*/false);
  if (ring != nullptr && ring->Push(packet->mbuf())) {
    counters_.delivered_to_host.Add(1);
    ways_[port.index()].counters->to_host.Add(1);
    return;
  }
  const DropReason reason = ring == nullptr ? DropReason::kNoHost : DropReason::kHostQueueFull;
  counters_.dropped[static_cast<size_t>(reason)].Add(1);
  PacketPool::Free(packet);
}

template <typename W>
void BasicWorkerLoop<W>::Finish() noexcept {
  // Without a snapshot no packet was ever taken.
  if (worker_->snapshot() == nullptr) return;
  size_t given_up;
  do {
    worker_->Shutdown(&output_);
    given_up = output_.count;
    CarryOut();
  } while (given_up > 0);
  transmit_.Flush();
}

// Defined in worker_loop.cc, the one place that compiles the pipeline for mbufs.
extern template class BasicWorkerLoop<dataplane::Worker<MbufPacket>>;
using WorkerLoop = BasicWorkerLoop<dataplane::Worker<MbufPacket>>;

}  // namespace fairlead::edge
