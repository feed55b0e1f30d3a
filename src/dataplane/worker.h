// One worker: a shard of connections and templates, and the turn of its loop, without the ports.
//
//   Worker<P> worker(fabric, me, limits);
//   for (;;) {                                       // the edge's loop (dpdk/worker_loop) or a
//   test's
//     worker.BeginTurn(now);                         // one clock read, one snapshot load
//     worker.ProcessBurst(burst, &out);              // packets from a port, meta().input_port set
//     worker.ProcessFromHost(burst, &out);           // packets of the kernel twin
//     worker.ProcessHandedIn(&out);                  // packets and messages of other workers
//     worker.RunCommands(pool, &out);                // API and control mailboxes
//     worker.ReleaseHeld(&out);                      // packets whose neighbour answered, or did
//     not worker.Expire(); …carry out `out`, clear it…
//   }
//
// Threads: one thread. Every call is noexcept, bounded, and allocates nothing.
// Counting: the worker counts received, handed_in, originated, handed_off, dropped and held; the
// edge counts what it carries out (sent, delivered_to_host, and the drops it causes).
#pragma once

#include <span>

#include "dataplane/fabric.h"
#include "dataplane/packet.h"
#include "dataplane/shard.h"
#include "dataplane/verdict.h"

namespace fairlead::dataplane {

// Where a worker gets an empty packet for a frame it must originate.
template <typename Pool, typename P>
concept PacketPool = requires(Pool pool) {
  { pool.Allocate() }
  noexcept->std::same_as<P*>;  // nullptr: none left
};

template <Packet P>
class Worker {
 public:
  // The shard's tables are allocated here; throws std::bad_alloc at start, never later.
  Worker(Fabric& fabric, WorkerId me);

  // False until the control core has published a snapshot: nothing else may be called in that turn.
  bool BeginTurn(Tick now) noexcept;
  // At most kBurst packets.
  void ProcessBurst(std::span<P* const> burst, Output<P>* out) noexcept;
  void ProcessFromHost(std::span<P* const> burst, Output<P>* out) noexcept;
  // Each returns how much work it found.
  size_t ProcessHandedIn(Output<P>* out) noexcept;
  template <PacketPool<P> Pool>
  size_t RunCommands(Pool& pool, Output<P>* out) noexcept;
  size_t ReleaseHeld(Output<P>* out) noexcept;
  size_t Expire() noexcept;
  // Gives back every held packet with DropReason::kShutdown.
  void Shutdown(Output<P>* out) noexcept;

  WorkerCounters& counters() noexcept { return shard_.counters; }
  Shard& shard() noexcept { return shard_; }
  [[nodiscard]] const Snapshot* snapshot() const { return snapshot_; }

 private:
  Shard shard_;
  const Snapshot* snapshot_ = nullptr;  // this turn's
};

}  // namespace fairlead::dataplane
