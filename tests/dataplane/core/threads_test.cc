// Workers on threads of their own, handing packets and template messages to each other, while
// another thread publishes snapshots and a third lists and explains: what ThreadSanitizer is to
// watch. The scenarios elsewhere are deterministic; here only what holds under any schedule is
// asserted.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "byte_director.h"

namespace fairlead::dataplane {
namespace {

constexpr size_t kWorkers = 3;
constexpr int kTurns = 1500;

// A worker's packets. A packet that another worker finishes joins that worker's free list.
struct PacketStore {
  std::vector<std::unique_ptr<BytePacket>> owned;
  std::vector<BytePacket*> free;

  BytePacket* Allocate() noexcept {
    if (free.empty()) {
      owned.push_back(std::make_unique<BytePacket>());
      free.push_back(owned.back().get());
    }
    BytePacket* packet = free.back();
    free.pop_back();
    return packet;
  }
};

void CarryOut(Worker<BytePacket>& worker, PacketStore& store, Output<BytePacket>* out) {
  for (size_t i = 0; i < out->count; ++i) {
    if (out->items[i].verdict.action == Action::kTransmit) worker.counters().sent.Add(1);
    store.free.push_back(out->items[i].packet);
  }
  out->Clear();
}

void Turn(Worker<BytePacket>& worker, PacketStore& store, std::span<BytePacket* const> burst,
          Tick now) {
  auto out = std::make_unique<Output<BytePacket>>();
  if (!worker.BeginTurn(now)) return;
  worker.ProcessBurst(burst, out.get());
  CarryOut(worker, store, out.get());
  worker.ProcessHandedIn(out.get());
  CarryOut(worker, store, out.get());
  worker.RunCommands(store, out.get());
  worker.ReleaseHeld(out.get());
  CarryOut(worker, store, out.get());
  worker.Expire();
}

TEST(Threads, WorkersPublisherAndMailboxes) {
  ByteDirector d({.workers = kWorkers, .ring_packets = 64});
  const ServiceId web = d.AddService({.persistence_seconds = 60});
  for (int i = 1; i <= 3; ++i) d.AddReal(web, "10.0.0." + std::to_string(10 + i), 80);
  d.Publish();
  std::array<PacketStore, kWorkers> stores;
  std::atomic<size_t> traffic_done{0};
  std::atomic<bool> stop{false};      // the workers
  std::atomic<bool> stop_api{false};  // first, while workers still answer it

  const auto run = [&](size_t index) {
    Worker<BytePacket>& worker = d.worker(index);
    PacketStore& store = stores[index];
    std::mt19937 random(static_cast<uint32_t>(index) + 9);
    Tick now{2000};
    for (int turn = 0; turn < kTurns; ++turn, ++now.value) {
      std::vector<BytePacket*> burst;
      for (size_t n = random() % 4; n > 0; --n) {
        burst.push_back(store.Allocate());
        const std::string client = "198.51.100." + std::to_string(random() % 50 + 1);
        burst.back()->Assign(To(kOutside, Tcp(client, static_cast<uint16_t>(1024 + random() % 100),
                                              "192.0.2.10", 80, random() % 2 ? kTcpSyn : kTcpAck)),
                             kOutside);
      }
      Turn(worker, store, burst, now);
    }
    ++traffic_done;
    while (!stop) Turn(worker, store, {}, now);
  };
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kWorkers; ++i) threads.emplace_back(run, i);

  std::thread api([&] {
    while (!stop_api) {
      for (size_t i = 0; i < kWorkers; ++i) {
        ListConnections list;
        list.rows.reserve(list.limit);
        ExplainCommand explain;
        explain.question = {.client = *Endpoint::Parse("198.51.100.9:5"),
                            .destination = *Endpoint::Parse("192.0.2.10:80")};
        Mailbox& mailbox = *d.fabric().api[i];
        mailbox.Submit(&list);
        mailbox.Submit(&explain);
        for (int back = 0; back < 2;) {
          back += mailbox.TakeBack() != nullptr ? 1 : 0;
          std::this_thread::yield();
        }
      }
    }
  });

  auto& publisher = d.fabric().publisher;
  for (int round = 0; round < 100 || traffic_done < kWorkers; ++round) {
    d.SetWeight(RealId{0}, 1 + round % 3);
    auto next = std::make_unique<Snapshot>(d.draft());
    next->generation = ++d.draft().generation;
    publisher.Publish(std::move(next));
    while (!publisher.is_settled()) std::this_thread::yield();
    publisher.RetireUnused();
    EXPECT_EQ(publisher.retired_count(), 0u);
  }
  // Let the rings run empty.
  const auto in_flight = [&] {
    size_t items = 0;
    for (uint8_t a = 0; a < kWorkers; ++a) {
      for (uint8_t b = 0; b < kWorkers; ++b) {
        items += d.fabric().packets(WorkerId{a}, WorkerId{b}).size();
        items += d.fabric().messages(WorkerId{a}, WorkerId{b}).size();
      }
    }
    return items;
  };
  for (int calm = 0; calm < 50;) {
    calm = in_flight() == 0 ? calm + 1 : 0;
    std::this_thread::yield();
  }
  stop_api = true;
  api.join();
  stop = true;
  for (std::thread& thread : threads) thread.join();
  d.Settle();
  EXPECT_EQ(d.CheckConservation(), "");
  uint64_t handed = 0;
  for (size_t i = 0; i < kWorkers; ++i) handed += d.worker(i).counters().handed_in.value();
  EXPECT_GT(handed, 100u);
}

}  // namespace
}  // namespace fairlead::dataplane
