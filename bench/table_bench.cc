// What a lookup and an insertion cost: 1, 64k and 1M flows, visited in shuffled order (the order of
// insertion looks 2–4 times faster than the truth).
//
//   build/dev/bench/table_bench --benchmark_min_time=1
//
// One iteration is one lookup or one insertion, so the time column is ns per operation.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "dataplane/tables/connection_table.h"
#include "dataplane/tables/template_table.h"

namespace fairlead::dataplane {
namespace {

constexpr Tick kNow{1000};
constexpr size_t kBurst = 32;
constexpr uint8_t kTcp = 6;

template <typename Address>
Address MakeAddress(uint32_t host) {
  if constexpr (std::is_same_v<Address, Ipv4Address>) {
    return Ipv4Address::FromHost(host);
  } else {
    Ipv6Address a;
    Be32::FromHost(0x20010db8).Store(a.bytes.data());
    Be32::FromHost(host).Store(a.bytes.data() + 12);
    return a;
  }
}

template <typename Address>
Connection<Address> MakeDraft(uint32_t i) {
  Connection<Address> draft;
  draft.client_address = MakeAddress<Address>(0x0b000000 + i / 4);
  draft.client_port = Be16::FromHost(static_cast<uint16_t>(1024 + i % 4 * 7919 + i % 5003));
  draft.virtual_address = MakeAddress<Address>(0xc0000201);
  draft.virtual_port = Be16::FromHost(80);
  draft.real_address = MakeAddress<Address>(0x0a000000 + i % 16);
  draft.real_port = Be16::FromHost(8080);
  draft.protocol = kTcp;
  draft.timeout = TicksFromSeconds(900);
  return draft;
}

template <typename Address>
FlowKey<Address> KeyOf(const Connection<Address>& c, Direction direction) {
  if (direction == Direction::kForward) {
    return FlowKey<Address>::Forward(c.protocol, c.client_address, c.client_port, c.virtual_address,
                                     c.virtual_port);
  }
  return FlowKey<Address>::Reply(c.protocol, c.client_address, c.client_port, c.real_address,
                                 c.real_port);
}

// A table filled to `flows` of its `capacity`, and the keys of its flows in shuffled order.
template <typename Address>
struct Filled {
  using Table = ConnectionTable<Address>;
  Table table;
  std::vector<FlowKey<Address>> keys;

  Filled(uint32_t flows, uint32_t capacity, Direction direction)
      : table(*Table::Create(capacity, TableHash(0x1234567, 0x89abcdef), kNow)) {
    keys.reserve(flows);
    for (uint32_t i = 0; i < flows; ++i) {
      const auto draft = MakeDraft<Address>(i);
      const auto forward = KeyOf(draft, Direction::kForward);
      if (!table.Insert(draft, table.Hash(forward), kNow).ok()) std::abort();
      keys.push_back(KeyOf(draft, direction));
    }
    std::shuffle(keys.begin(), keys.end(), std::mt19937_64(42));
  }
};

// Arguments: flows in the table, capacity of the table.
constexpr int64_t kSizes[][2] = {{1, 64}, {65536, 65536}, {1 << 20, 1 << 20}, {1 << 20, 4 << 20}};

void Sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"flows", "capacity"});
  for (const auto& size : kSizes) b->Args({size[0], size[1]});
}

// Walks the shuffled keys for ever.
template <typename T>
class Cycle {
 public:
  explicit Cycle(const std::vector<T>& items) : items_(items) {}
  const T& Next() {
    if (next_ == items_.size()) next_ = 0;
    return items_[next_++];
  }

 private:
  const std::vector<T>& items_;
  size_t next_ = 0;
};

template <typename Address>
void FindSingle(benchmark::State& state) {
  Filled<Address> f(static_cast<uint32_t>(state.range(0)), static_cast<uint32_t>(state.range(1)),
                    Direction::kForward);
  Cycle keys(f.keys);
  for (auto _ : state) {
    const auto& key = keys.Next();
    const FindOutcome found = f.table.Find(key, f.table.Hash(key), kNow);
    if (!found.hit()) std::abort();
    f.table.at(found.slot).CountPacket();
  }
}

template <typename Address, Direction kDirection>
void FindBurst(benchmark::State& state) {
  Filled<Address> f(static_cast<uint32_t>(state.range(0)), static_cast<uint32_t>(state.range(1)),
                    kDirection);
  Cycle keys(f.keys);
  std::array<FlowKey<Address>, kBurst> burst;
  std::array<typename ConnectionTable<Address>::Probe, kBurst> probes;
  std::array<uint32_t, kBurst> slots;
  while (state.KeepRunningBatch(kBurst)) {
    for (auto& key : burst) key = keys.Next();
    f.table.HashBurst(burst, probes);
    f.table.FindBurst(burst, probes, kNow, slots);
    for (const uint32_t slot : slots) {
      if (slot == kNoSlot) std::abort();
      f.table.at(slot).CountPacket();
    }
  }
}

// Keys that are not there: what the first packet of each connection pays before it is admitted.
void MissBurst(benchmark::State& state) {
  Filled<Ipv4Address> f(static_cast<uint32_t>(state.range(0)),
                        static_cast<uint32_t>(state.range(1)), Direction::kForward);
  for (auto& key : f.keys) key.other_port = Be16::FromHost(81);
  Cycle keys(f.keys);
  std::array<FlowKey4, kBurst> burst;
  std::array<ConnectionTable<Ipv4Address>::Probe, kBurst> probes;
  std::array<uint32_t, kBurst> slots;
  while (state.KeepRunningBatch(kBurst)) {
    for (auto& key : burst) key = keys.Next();
    f.table.HashBurst(burst, probes);
    f.table.FindBurst(burst, probes, kNow, slots);
    benchmark::DoNotOptimize(slots);
  }
}

// A packet's whole business with the table: find in a burst, touch (timeout and deadline).
void FindBurstAndTouch(benchmark::State& state) {
  Filled<Ipv4Address> f(static_cast<uint32_t>(state.range(0)),
                        static_cast<uint32_t>(state.range(1)), Direction::kForward);
  Cycle keys(f.keys);
  std::array<FlowKey4, kBurst> burst;
  std::array<ConnectionTable<Ipv4Address>::Probe, kBurst> probes;
  std::array<uint32_t, kBurst> slots;
  while (state.KeepRunningBatch(kBurst)) {
    for (auto& key : burst) key = keys.Next();
    f.table.HashBurst(burst, probes);
    f.table.FindBurst(burst, probes, kNow, slots);
    for (const uint32_t slot : slots) {
      f.table.at(slot).CountPacket();
      f.table.Touch(slot, kNow, TicksFromSeconds(900));
    }
  }
}

// One connection leaves and one comes, in a table that stays as full as it was.
void EraseAndInsert(benchmark::State& state) {
  const auto flows = static_cast<uint32_t>(state.range(0));
  Filled<Ipv4Address> f(flows, static_cast<uint32_t>(state.range(1)), Direction::kForward);
  std::mt19937 random(7);
  std::uniform_int_distribution<uint32_t> any(0, flows - 1);
  uint32_t next = flows;
  uint64_t refused = 0;
  for (auto _ : state) {
    const uint32_t slot = any(random);
    if (f.table.at(slot).Has(ConnectionFlag::kLive)) f.table.Erase(slot);
    const auto draft = MakeDraft<Ipv4Address>(next++);
    const auto key = KeyOf(draft, Direction::kForward);
    refused += f.table.Insert(draft, f.table.Hash(key), kNow).ok() ? 0 : 1;
  }
  state.counters["refused"] = static_cast<double>(refused);
}

// The whole table from empty to full, new memory every time: page faults included.
void Fill(benchmark::State& state) {
  const auto flows = static_cast<uint32_t>(state.range(0));
  std::vector<Connection4> drafts;
  for (uint32_t i = 0; i < flows; ++i) drafts.push_back(MakeDraft<Ipv4Address>(i));
  while (state.KeepRunningBatch(flows)) {
    auto table = *ConnectionTable<Ipv4Address>::Create(static_cast<uint32_t>(state.range(1)),
                                                       TableHash(0x1234567, 0x89abcdef), kNow);
    for (const auto& draft : drafts) {
      const auto key = KeyOf(draft, Direction::kForward);
      benchmark::DoNotOptimize(table.Insert(draft, table.Hash(key), kNow));
    }
  }
}

void FindTemplate(benchmark::State& state) {
  const auto count = static_cast<uint32_t>(state.range(0));
  auto table = *TemplateTable::Create(WorkerId{0}, static_cast<uint32_t>(state.range(1)),
                                      TableHash(0x1234567, 0x89abcdef), kNow);
  std::vector<TemplateKey> shuffled;
  for (uint32_t i = 0; i < count; ++i) {
    shuffled.push_back(TemplateKey::ForMark(Ipv4Address::FromHost(0x0b000000 + i), 1));
    if (!table.Insert(shuffled.back(), {RealId{1}, Be16{}, TicksFromSeconds(300)}, kNow).ok()) {
      std::abort();
    }
  }
  std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937_64(42));
  Cycle keys(shuffled);
  for (auto _ : state) benchmark::DoNotOptimize(table.Find(keys.Next(), kNow));
}

BENCHMARK(FindSingle<Ipv4Address>)->Apply(Sizes);
BENCHMARK(FindSingle<Ipv6Address>)->Apply(Sizes);
BENCHMARK(FindBurst<Ipv4Address, Direction::kForward>)->Apply(Sizes);
BENCHMARK(FindBurst<Ipv4Address, Direction::kReply>)->Apply(Sizes);
BENCHMARK(FindBurst<Ipv6Address, Direction::kForward>)->Apply(Sizes);
BENCHMARK(MissBurst)->Apply(Sizes);
BENCHMARK(FindBurstAndTouch)->Apply(Sizes);
BENCHMARK(EraseAndInsert)->Apply(Sizes);
BENCHMARK(Fill)->Args({1 << 20, 1 << 20})->ArgNames({"flows", "capacity"});
BENCHMARK(FindTemplate)->Apply(Sizes);

}  // namespace
}  // namespace fairlead::dataplane
