// Workers on threads of their own, handing packets and template messages to each other, while
// another thread publishes snapshots and a third lists and explains: what ThreadSanitizer is to
// watch. The scenarios elsewhere are deterministic; here only what holds under any schedule is
// asserted.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "byte_director.h"

namespace fairlead::dataplane::threads_test {
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

// Up to three SYNs and ACKs of fifty clients.
std::vector<BytePacket*> RandomBurst(PacketStore& store, std::mt19937& random) {
  std::vector<BytePacket*> burst;
  for (size_t n = random() % 4; n > 0; --n) {
    burst.push_back(store.Allocate());
    const std::string client = "198.51.100." + std::to_string(random() % 50 + 1);
    burst.back()->Assign(To(kOutside, Tcp(client, static_cast<uint16_t>(1024 + random() % 100),
                                          "192.0.2.10", 80, random() % 2 ? kTcpSyn : kTcpAck)),
                         kOutside);
  }
  return burst;
}

// Returns once both answers are back.
void ListAndExplain(Mailbox& mailbox) {
  ListConnections list;
  list.rows.reserve(list.limit);
  ExplainCommand explain;
  explain.question = {.client = *Endpoint::Parse("198.51.100.9:5"),
                      .destination = *Endpoint::Parse("192.0.2.10:80")};
  mailbox.Submit(&list);
  mailbox.Submit(&explain);
  for (int back = 0; back < 2;) {
    back += mailbox.TakeBack() != nullptr ? 1 : 0;
    std::this_thread::yield();
  }
}

// Packets and messages in the rings between workers.
size_t InFlight(Fabric& fabric) {
  size_t items = 0;
  for (uint8_t a = 0; a < kWorkers; ++a) {
    for (uint8_t b = 0; b < kWorkers; ++b) {
      items += fabric.packets(WorkerId{a}, WorkerId{b}).size();
      items += fabric.messages(WorkerId{a}, WorkerId{b}).size();
    }
  }
  return items;
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
      Turn(worker, store, RandomBurst(store, random), now);
    }
    ++traffic_done;
    while (!stop) Turn(worker, store, {}, now);
  };
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kWorkers; ++i) threads.emplace_back(run, i);

  std::thread api([&] {
    while (!stop_api) {
      for (size_t i = 0; i < kWorkers; ++i) ListAndExplain(*d.fabric().api[i]);
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
  for (int calm = 0; calm < 50;) {
    calm = InFlight(d.fabric()) == 0 ? calm + 1 : 0;
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

// The control core makes and forgets neighbours while workers look them up: a worker sees one whole
// or not at all, and never another's MAC.
TEST(Threads, NeighboursComeAndGo) {
  constexpr uint32_t kHosts = 64;
  NeighbourTable table(128, TableHash{5, 6});
  const auto address = [](uint32_t i) { return IpAddress(Ipv4Address::FromHost(0x0a000000 + i)); };
  const auto mac = [](uint32_t i) { return MacAddress{{2, 0, 0, 0, 0, static_cast<uint8_t>(i)}}; };
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> found{0};
  // Host 0 is there all the time.
  const NeighbourId always = table.Intern(kInside, address(0));
  table.Set(always, {mac(0), kInside, NeighbourState::kReachable});
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&] {
      uint64_t sum = 0;
      for (uint32_t i = 0; !stop || sum == 0; i = (i + 1) % kHosts) {
        const NeighbourId id = table.Find(kInside, address(i));
        if (i == 0) {
          ASSERT_EQ(id, always);
        }
        if (id.is_none()) continue;
        const Neighbour neighbour = table.Load(id);
        // Its place may have become another's between look-up and load.
        if (table.Find(kInside, address(i)) != id || !neighbour.is_reachable()) continue;
        sum += table.changes() + (table.IsPinned(id) ? 1 : 0);
        ASSERT_EQ(neighbour.mac, mac(i));
        found.fetch_add(1, std::memory_order_relaxed);
      }
    });
  }
  std::mt19937 random(3);
  std::vector<NeighbourId> ids(kHosts);
  for (int step = 0; step < 50000; ++step) {
    const auto i = static_cast<uint32_t>(1 + random() % (kHosts - 1));
    if (ids[i].is_none()) {
      ids[i] = table.Intern(kInside, address(i));
      table.SetPinned(ids[i], i % 2 == 0);
      table.Set(ids[i], {mac(i), kInside, NeighbourState::kReachable});
    } else {
      table.Set(ids[i], {MacAddress{}, kInside, NeighbourState::kFailed});
      table.Forget(std::exchange(ids[i], NeighbourId{}));
    }
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_GT(found.load(), 0u);
}

// A mailbox under all the pressure there is: whatever comes back is what went in, in order.
TEST(Threads, AMailboxLosesNothing) {
  constexpr size_t kCommands = 200'000;
  Mailbox mailbox;
  std::vector<TransmitFrame> frames(2 * Mailbox::kCapacity);
  std::atomic<bool> stop{false};
  std::thread worker([&] {
    const auto run = [](Command& command) { ++static_cast<TransmitFrame&>(command).length; };
    while (!stop) {
      if (!mailbox.RunNext(run)) std::this_thread::yield();
    }
  });
  size_t sent = 0, back = 0;
  while (back < kCommands) {
    while (sent < kCommands && mailbox.Submit(&frames[sent % frames.size()])) ++sent;
    ASSERT_LE(mailbox.out(), Mailbox::kCapacity);
    for (const Command* done; back < sent && (done = mailbox.TakeBack()) != nullptr; ++back) {
      ASSERT_EQ(done, &frames[back % frames.size()]);
    }
    std::this_thread::yield();
  }
  stop = true;
  worker.join();
  EXPECT_EQ(mailbox.out(), 0u);
  size_t runs = 0;
  for (const TransmitFrame& frame : frames) runs += frame.length;
  EXPECT_EQ(runs, kCommands);
}

}  // namespace
}  // namespace fairlead::dataplane::threads_test
