// Any bytes as the record arrays of one or two workers: nothing outside them is touched, and the
// tables are sound afterwards, in place and moved to another number of workers.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "../dataplane/director_memory.h"
#include "../dataplane/take_up_checks.h"
#include "dataplane/shard/take_up.h"

namespace {

using namespace fairlead;             // NOLINT
using namespace fairlead::dataplane;  // NOLINT

constexpr Tick kNow{50'000};
// Each a multiple of 64 bytes, so that the next worker's records are aligned.
constexpr DirectorMemory::Sizes kSizes = {16, 8, 8, 8, 8, 16};

void Require(const std::string& wrong) {
  if (wrong.empty()) return;
  std::fprintf(stderr, "%s\n", wrong.c_str());
  std::abort();
}

// Shards over this memory; they take up what lies in it, or what `previous` has.
void TakeUpAll(const DirectorMemory& memory, const DirectorMemory* previous) {
  FabricConfig config;
  config.workers = memory.workers();
  config.reals = 16;
  config.ring_packets = 2;
  config.neighbours = 16;
  config.table_memory = memory.tables();
  Fabric fabric(config);
  std::vector<std::unique_ptr<Shard>> owned;
  std::vector<Shard*> shards;
  for (size_t w = 0; w < config.workers; ++w) {
    owned.push_back(std::make_unique<Shard>(fabric, WorkerId{static_cast<uint8_t>(w)}, kNow));
    shards.push_back(owned.back().get());
  }
  const std::vector<bool> known(8, true);
  const TakeUpReport report = previous == nullptr
                                  ? TakeUp(shards, known, kNow)
                                  : TakeUpFrom(previous->tables(), shards, known, kNow);
  Require(WhatIsWrong(shards));
  const uint64_t sizes = report.connections + report.templates;
  Require(sizes <= config.workers * 32 ? "" : "more records than places");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t workers = 1 + data[0] % 2;
  DirectorMemory memory(workers, kSizes);
  // The rest of the arrays is as it was: zero.
  std::memcpy(memory.bytes().data(), data + 1, std::min(size - 1, memory.bytes().size()));
  const DirectorMemory moved(3 - workers, kSizes);
  TakeUpAll(moved, &memory);
  TakeUpAll(memory, nullptr);
  return 0;
}
