// What a take-up costs: records that a process has left are judged, and index, wheel and counts are
// built anew; beside it a plain pass over the same memory, which reads it once and does nothing.
//
//   build/release/bench/take_up_bench 4194304 1048576 2 3
//
// Connections (IPv4, established, each of a template), templates, workers, rounds. Prints one line
// of JSON: for each round the milliseconds of making empty tables, of the take-up, of the pass and
// of touching as much fresh memory (which a virtual machine may have to be given by its host), and
// the CPU time of the take-up, all threads together. Fails when a record was dropped. Records
// lie on pages of 4 KiB, as in an arena under /dev/shm. Every worker has an eighth more room than
// it needs.
// Slots are taken in the order of flows, whose hashes and templates are in no order.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dataplane/shard/take_up.h"
#include "dataplane/tables/memory.h"
#include "director_memory.h"
#include "tables/flows.h"

namespace fairlead::dataplane {
namespace {

constexpr Tick kNow{50'000};
constexpr uint32_t kReals = 10;
constexpr uint32_t kScatter = 2'654'435'761;  // odd: neighbours are far from each other

struct Wanted {
  uint32_t connections = 0, templates = 0;
  size_t workers = 1;
  int rounds = 1;
};

double Milliseconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

// A director without packets: its shards, over records that are there or not.
struct Tables {
  Tables(const DirectorMemory& memory, size_t workers) {
    FabricConfig config;
    config.workers = workers;
    config.reals = 64;
    config.neighbours = 16;
    config.ring_packets = 2;
    config.table_memory = memory.tables();
    fabric = std::make_unique<Fabric>(config);
    for (size_t w = 0; w < workers; ++w) {
      owned.push_back(std::make_unique<Shard>(*fabric, WorkerId{static_cast<uint8_t>(w)}, kNow));
      shards.push_back(owned.back().get());
    }
  }

  std::unique_ptr<Fabric> fabric;
  std::vector<std::unique_ptr<Shard>> owned;
  std::vector<Shard*> shards;
};

std::vector<TemplateRef> Bind(Tables& tables, uint32_t count) {
  std::vector<TemplateRef> refs;
  refs.reserve(count);
  for (uint32_t n = 0; n < count; ++n) {
    const TemplateKey key = TemplateKey::ForMark(Ipv4Address::FromHost(0x64000000 + n), 7);
    const uint64_t hash = tables.shards[0]->templates().Hash(key);
    TemplateTable& home =
        tables.shards[tables.fabric->steering.TemplateOwner(hash).index()]->templates();
    const uint32_t slot =
        home.Insert(key, {.real_id = RealId{n % kReals}, .service_timeout = 30'000}, kNow).slot;
    if (slot == kNoSlot) break;
    refs.push_back(home.RefOf(slot));
  }
  return refs;
}

uint32_t Connect(Tables& tables, uint32_t count, const std::vector<TemplateRef>& refs) {
  uint32_t made = 0;
  for (uint32_t n = 0; n < count; ++n) {
    Connection4 draft = MakeDraft<Ipv4Address>(n);
    draft.real_id = RealId{n % kReals};
    draft.state = static_cast<uint8_t>(TcpState::kEstablished);
    if (!refs.empty()) {
      draft.template_ref = refs[n * kScatter % refs.size()];
      draft.Set(ConnectionFlag::kHasTemplate);
      draft.Set(ConnectionFlag::kOwesTemplate);
    }
    const WorkerId owner =
        tables.fabric->steering.ConnectionOwner(draft.client_address, draft.client_port);
    auto& table = tables.shards[owner.index()]->Connections<Ipv4Address>();
    const uint64_t hash = table.Hash(KeyOfDraft(draft, Direction::kForward));
    made += table.Insert(draft, hash, kNow).slot == kNoSlot ? 0u : 1u;
  }
  return made;
}

// Reads each word once.
double PassMilliseconds(const DirectorMemory& memory) {
  const double begin = Milliseconds(CLOCK_MONOTONIC);
  const std::span<std::byte> bytes = memory.bytes();
  const auto* words = reinterpret_cast<const uint64_t*>(bytes.data());
  uint64_t sum = 0;
  for (size_t i = 0; i < bytes.size() / sizeof(uint64_t); ++i) sum += words[i];
  asm volatile("" : : "r"(sum));
  return Milliseconds(CLOCK_MONOTONIC) - begin;
}

// The first touch of each page of as much memory as the records have. What is freed here is what
// the tables of the round are likely to get, so their own first touch costs less.
Result<double> FreshMilliseconds(size_t bytes) {
  const double begin = Milliseconds(CLOCK_MONOTONIC);
  const auto memory = MappedMemory::Create(bytes, HugePages::kTransparent, "fresh memory");
  if (!memory) return memory.error();
  auto* const at = static_cast<volatile std::byte*>(memory->data());
  for (size_t i = 0; i < bytes; i += 4096) at[i] = std::byte{1};
  return Milliseconds(CLOCK_MONOTONIC) - begin;
}

// One line of JSON; empty when something was lost or could not be measured.
std::string Round(const DirectorMemory& memory, const Wanted& wanted) {
  const Result<double> fresh = FreshMilliseconds(memory.bytes().size());
  if (!fresh) {
    std::fprintf(stderr, "take_up_bench: %s\n", fresh.error().message.c_str());
    return "";
  }
  const double pass = PassMilliseconds(memory);
  const double begin = Milliseconds(CLOCK_MONOTONIC);
  Tables tables(memory, wanted.workers);
  const double made = Milliseconds(CLOCK_MONOTONIC);
  const double cpu = Milliseconds(CLOCK_PROCESS_CPUTIME_ID);
  const TakeUpReport report = TakeUp(tables.shards, std::vector<bool>(kReals, true), kNow);
  const double end = Milliseconds(CLOCK_MONOTONIC);
  const double cpu_end = Milliseconds(CLOCK_PROCESS_CPUTIME_ID);
  if (report.connections != wanted.connections || report.templates != wanted.templates ||
      report.dropped() != 0) {
    std::fprintf(stderr, "take_up_bench: %llu connections and %llu templates were taken up\n",
                 static_cast<unsigned long long>(report.connections),
                 static_cast<unsigned long long>(report.templates));
    return "";
  }
  char line[200];
  std::snprintf(
      line, sizeof line,
      R"({"tables_ms": %.1f, "take_up_ms": %.1f, "take_up_cpu_ms": %.1f, "pass_ms": %.1f, "fresh_ms": %.1f})",
      made - begin, end - made, cpu_end - cpu, pass, *fresh);
  return line;
}

// Records of each worker.
uint32_t RoomFor(uint32_t count, size_t workers) {
  return ShareOf(workers == 1 ? count + count / 8 : count, workers);
}

int Run(const Wanted& wanted) {
  DirectorMemory memory(wanted.workers,
                        {.connections = RoomFor(wanted.connections, wanted.workers),
                         .connections6 = 1024,
                         .templates = std::max(RoomFor(wanted.templates, wanted.workers), 1024u),
                         .side_records = 1024});
  {
    Tables tables(memory, wanted.workers);
    const std::vector<TemplateRef> refs = Bind(tables, wanted.templates);
    if (refs.size() != wanted.templates ||
        Connect(tables, wanted.connections, refs) != wanted.connections) {
      std::fprintf(stderr, "take_up_bench: the tables have no room for that many\n");
      return 1;
    }
  }
  std::string rounds;
  for (int i = 0; i < wanted.rounds; ++i) {
    const std::string line = Round(memory, wanted);
    if (line.empty()) return 1;
    rounds += (i == 0 ? "" : ", ") + line;
  }
  std::printf(
      R"({"connections": %u, "templates": %u, "workers": %zu, "bytes": %zu, "rounds": [%s]})"
      "\n",
      wanted.connections, wanted.templates, wanted.workers, memory.bytes().size(), rounds.c_str());
  return 0;
}

}  // namespace
}  // namespace fairlead::dataplane

int main(int argc, char** argv) {
  const auto number = [&](int at) { return std::strtoul(argv[at], nullptr, 10); };
  // Client addresses of the flows are distinct below 2²⁶.
  if (argc != 5 || number(1) == 0 || number(1) >= 1u << 26 || number(2) >= 1u << 24 ||
      number(3) == 0 || number(3) > 64 || number(4) == 0) {
    std::fprintf(stderr, "usage: take_up_bench CONNECTIONS TEMPLATES WORKERS ROUNDS\n");
    return 2;
  }
  return fairlead::dataplane::Run({.connections = static_cast<uint32_t>(number(1)),
                                   .templates = static_cast<uint32_t>(number(2)),
                                   .workers = number(3),
                                   .rounds = static_cast<int>(number(4))});
}
