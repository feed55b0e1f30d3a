// What workers share with each other and with the other threads: rings, boards, the snapshot
// pointer. Nothing else is shared.
//
//   Fabric fabric({.workers = 2, .connections = 4 << 20});
//   fabric.publisher.Publish(std::move(snapshot));        // control core
//   Worker<MbufPacket> worker(fabric, WorkerId{0}, …);    // worker thread
//
// Threads: built before the workers start, destroyed after they have ended; each member names its
// writer. What is made later is known to a worker by a command.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/hash.h"
#include "base/spsc_ring.h"
#include "dataplane/shard/counters.h"
#include "dataplane/shard/kernel_news.h"
#include "dataplane/shard/mailbox.h"
#include "dataplane/shard/steering.h"
#include "dataplane/shard/stream_news.h"
#include "dataplane/shard/sync_news.h"
#include "dataplane/snapshot/publisher.h"
#include "dataplane/snapshot/snapshot.h"
#include "dataplane/tables/memory.h"
#include "dataplane/tables/neighbour_table.h"
#include "dataplane/tables/table_memory.h"
#include "sched/load_board.h"

namespace fairlead::dataplane {

// Between workers, about templates. These may never be lost: a full ring is retried every turn.
struct TemplateMessage {
  enum class Kind : uint8_t {
    kRelease,         // a child is gone
    kAssured,         // a child is established
    kReleaseAssured,  // a child is gone that had been established; kAssured found the ring full
    kReleaseForced,   // drop_entry took a child: the template goes too if it is not assured
  };
  Kind kind = Kind::kRelease;
  TemplateRef ref;
};

// Records that each of the workers has room for. Flows spread by hash: with several it gets up to
// an eighth more than its share.
inline uint32_t ShareOf(uint64_t total, size_t workers) {
  const uint64_t share = (total + workers - 1) / workers;
  return static_cast<uint32_t>(workers == 1 ? share : share + share / 8);
}

struct FabricConfig {
  size_t workers = 1;
  size_t ports = 2;
  uint64_t connections = 1 << 20;   // IPv4 records over all workers
  uint64_t connections6 = 1 << 18;  // IPv6 records over all workers
  uint64_t templates = 1 << 18;     // over all workers
  uint64_t side_records = 1 << 18;  // over all workers
  uint64_t snat_flows = 1 << 18;    // of each family, over all workers
  uint64_t fragments = 4096;        // datagrams in fragments, over all workers
  uint32_t reals = 1 << 17;         // ids of real servers, ghosts included
  uint32_t neighbours = 1 << 14;
  HugePages table_pages = HugePages::kTransparent;  // of the workers' tables
  size_t ring_packets = 2048;                       // per pair of workers
  uint64_t hash_secret[2] = {1, 2};                 // draw at start; fixed in tests
  ToeplitzKey steering_key = kDefaultToeplitzKey;   // likewise
  // Where the workers' records lie, by worker; its sizes then count, not the four numbers above.
  // Empty: the tables map memory of their own.
  std::vector<TableMemory> table_memory = {};
  // Likewise, each with a row of `reals`.
  std::vector<std::span<TrafficCounters>> traffic_memory = {};
};

class Fabric {
 public:
  explicit Fabric(const FabricConfig& wanted)
      : config(wanted),
        publisher(wanted.workers),
        loads(wanted.workers, wanted.reals),
        stats(wanted.workers, wanted.reals, wanted.ports, wanted.traffic_memory),
        neighbours(wanted.neighbours, TableHash(wanted.hash_secret[1], wanted.hash_secret[0])),
        steering(wanted.workers, wanted.steering_key),
        hash(wanted.hash_secret[0], wanted.hash_secret[1]) {
    for (size_t i = 0; i < wanted.workers * wanted.workers; ++i) {
      packet_rings_.push_back(std::make_unique<SpscRing<void*>>(wanted.ring_packets));
      message_rings_.push_back(std::make_unique<SpscRing<TemplateMessage>>(wanted.ring_packets));
    }
    for (size_t i = 0; i < wanted.workers; ++i) {
      control.push_back(std::make_unique<Mailbox>());
      api.push_back(std::make_unique<Mailbox>());
      events.push_back(std::make_unique<EventRing>(1024));
      sync_news.push_back(std::make_unique<SyncNewsRing>(kSyncNews));
    }
    stream_news.resize(wanted.workers);
  }
  Fabric(const Fabric&) = delete;
  Fabric& operator=(const Fabric&) = delete;

  SpscRing<void*>& packets(WorkerId from, WorkerId to) noexcept {
    return *packet_rings_[from.index() * config.workers + to.index()];
  }
  SpscRing<TemplateMessage>& messages(WorkerId from, WorkerId to) noexcept {
    return *message_rings_[from.index() * config.workers + to.index()];
  }

  const FabricConfig config;
  Publisher<Snapshot> publisher;  // written by the control core
  sched::LoadBoard loads;         // a row per worker, written by it
  StatsBoard stats;               // likewise
  NeighbourTable neighbours;      // written by the control core
  const Steering steering;
  const TableHash hash;
  std::vector<std::unique_ptr<Mailbox>> control;         // [worker], with the control core
  std::vector<std::unique_ptr<Mailbox>> api;             // [worker], with the API thread
  std::vector<std::unique_ptr<EventRing>> events;        // [worker] → control core
  std::vector<std::unique_ptr<SyncNewsRing>> sync_news;  // likewise
  // Likewise, of 4 MiB each: none until the control core makes it, before the first command that
  // has the worker tell (TellStream). Then it stays.
  std::vector<std::unique_ptr<StreamOutbox>> stream_news;
  KernelNews kernel_news;  // written by the control core

 private:
  std::vector<std::unique_ptr<SpscRing<void*>>> packet_rings_;
  std::vector<std::unique_ptr<SpscRing<TemplateMessage>>> message_rings_;
};

}  // namespace fairlead::dataplane
