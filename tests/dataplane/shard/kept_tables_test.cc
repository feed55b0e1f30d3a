#include "dataplane/shard/kept_tables.h"

#include <gtest/gtest.h>

#include <string>

#include "tables/arena_rig.h"

namespace fairlead::dataplane::kept_tables_test {
namespace {

FabricConfig TwoWorkers() {
  return {.workers = 2,
          .connections = 800,
          .connections6 = 80,
          .templates = 160,
          .side_records = 16,
          .snat_flows = 32,
          .reals = 8};
}

ArenaSpec SpecFor(const ArenaDirectory& directory, const FabricConfig& fabric) {
  return {.directory = directory.arena(),
          .sections_directory = "",
          .director = "edge-1",
          .workers = static_cast<uint32_t>(fabric.workers),
          .sections = KeptSections(fabric),
          .pages = HugePages::kOff,
          .converters = {}};
}

TEST(KeptTables, AWorkerHasAnEighthMoreThanItsShareOfEach) {
  std::string sizes;
  for (const ArenaSection& one : KeptSections(TwoWorkers())) {
    sizes += std::string(one.name) + ":" + std::to_string(one.records) + " ";
  }
  EXPECT_EQ(sizes,
            "connections4:450 connections6:45 templates:90 side:9 traffic:8 snat4:18 snat6:18 ");
}

TEST(KeptTables, WhatIsStoredInATableIsThereInTheNextArena) {
  const ArenaDirectory directory;
  FabricConfig first = TwoWorkers();
  {
    auto arena = Arena::Open(SpecFor(directory, first));
    ASSERT_TRUE(arena) << arena.error().ToString();
    KeepIn(*arena, &first);
    ASSERT_EQ(first.table_memory.size(), 2u);
    ASSERT_EQ(first.traffic_memory.size(), 2u);
    first.table_memory[1].connections4[449].client_port = Be16::FromHost(1234);
    first.table_memory[0].connections6[44].client_port = Be16::FromHost(6);
    first.table_memory[1].templates[89].children = 7;
    first.traffic_memory[0][7].connections.Add(5);
    first.table_memory[0].snat4[17].client_port = Be16::FromHost(77);
    first.table_memory[1].snat6[17].client_port = Be16::FromHost(78);
  }
  FabricConfig next = TwoWorkers();
  auto arena = Arena::Open(SpecFor(directory, next));
  ASSERT_TRUE(arena) << arena.error().ToString();
  EXPECT_EQ(arena->start(), ArenaStart::kAfterCrash);
  KeepIn(*arena, &next);
  EXPECT_EQ(next.table_memory[1].connections4[449].client_port.host(), 1234);
  EXPECT_EQ(next.table_memory[0].connections6[44].client_port.host(), 6);
  EXPECT_EQ(next.table_memory[1].templates[89].children, 7u);
  EXPECT_EQ(next.traffic_memory[0][7].connections.value(), 5u);
  EXPECT_EQ(next.table_memory[0].snat4[17].client_port.host(), 77);
  EXPECT_EQ(next.table_memory[1].snat6[17].client_port.host(), 78);
  // Without them no record would be found by its flow.
  EXPECT_EQ(next.hash_secret[0], first.hash_secret[0]);
  EXPECT_EQ(next.hash_secret[1], first.hash_secret[1]);
  EXPECT_EQ(next.steering_key, first.steering_key);
  EXPECT_NE(next.hash_secret[0], FabricConfig{}.hash_secret[0]);
}

}  // namespace
}  // namespace fairlead::dataplane::kept_tables_test
