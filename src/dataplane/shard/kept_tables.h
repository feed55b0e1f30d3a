// The sections of an arena in which a fabric's records and traffic counters lie.
//
//   FabricConfig fabric{.workers = 2, .connections = 4'000'000};
//   auto arena = Arena::Open({.directory = …, .workers = 2, .sections = KeptSections(fabric)});
//   KeepIn(*arena, &fabric);                       // a Fabric of it has its records there
//   TakeUp(…);                                     // where the arena had some: take_up.h
//
// Threads: pure, but for the arena's. Invariant: the arena outlives the fabric and its shards.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "dataplane/shard/fabric.h"
#include "dataplane/tables/arena.h"

namespace fairlead::dataplane {

// With capacities for each worker.
std::vector<ArenaSection> KeptSections(const FabricConfig& fabric);

// The bytes of a section of one worker.
using SectionBytes = std::function<std::span<std::byte>(size_t index)>;
TableMemory TablesIn(const SectionBytes& section);
std::span<TrafficCounters> TrafficIn(const SectionBytes& section);

// Says in `fabric` where the records lie, and with which secrets they are found.
void KeepIn(const Arena& arena, FabricConfig* fabric);

}  // namespace fairlead::dataplane
