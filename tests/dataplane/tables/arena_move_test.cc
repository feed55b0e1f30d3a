// Records that go into another arena: for other workers or capacities, elsewhere, converted.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "tables/arena_rig.h"

namespace fairlead::dataplane::arena_move_test {
namespace {

class ArenaMoveTest : public testing::Test {
 protected:
  ArenaDirectory directory_;
  ArenaSpec spec_ = MadeUpSpec(directory_.arena());
};

TEST_F(ArenaMoveTest, MovesRecordsToOtherWorkersAndCapacities) {
  struct Case {
    uint32_t workers;
    uint64_t records;
  };
  for (const Case& c : {Case{3, 1000}, Case{1, 1000}, Case{2, 2500}, Case{2, 400}}) {
    const ArenaDirectory directory;
    ArenaSpec spec = MadeUpSpec(directory.arena());
    LeaveArena(spec, 500);
    spec.workers = c.workers;
    spec.sections[kFlows].records = c.records;
    Arena arena = OpenArena(spec);
    ASSERT_EQ(arena.start(), ArenaStart::kReshaped);
    ASSERT_NE(arena.previous(), nullptr);
    EXPECT_EQ(arena.previous()->workers(), 2u);
    EXPECT_TRUE(Keys(arena).empty());
    EXPECT_EQ(PreviousKeys(arena), OneTo(500));
    Move(arena);
    ASSERT_TRUE(arena.DropPrevious().ok());
    EXPECT_EQ(arena.previous(), nullptr);
    EXPECT_EQ(Keys(arena), OneTo(500));
    EXPECT_EQ(directory.Names(), "header lock sections-2");
    arena.MarkStopped();
    { const Arena ended = std::move(arena); }
    const Arena again = OpenArena(spec);
    EXPECT_EQ(again.start(), ArenaStart::kAfterStop);
    EXPECT_EQ(Keys(again), OneTo(500));
  }
}

TEST_F(ArenaMoveTest, WhatWasNotMovedIsFoundAgain) {
  LeaveArena(spec_, 500);
  ArenaSpec wanted = spec_;
  wanted.workers = 3;
  for (int start = 0; start < 2; ++start) {
    Arena arena = OpenArena(wanted);
    EXPECT_EQ(arena.start(), ArenaStart::kReshaped);
    EXPECT_EQ(PreviousKeys(arena), OneTo(500));
    arena.MarkStopped();  // nothing has run
  }
  const Arena arena = OpenArena(spec_);
  EXPECT_EQ(arena.start(), ArenaStart::kAfterStop);
  EXPECT_EQ(Keys(arena), OneTo(500));
  EXPECT_EQ(directory_.Names(), "header lock sections-1");
}

TEST_F(ArenaMoveTest, ASectionThatIsNewHasNoRecordsBefore) {
  LeaveArena(spec_, 500);
  spec_.sections.push_back({"more", 4, 100, 0x33});
  Arena arena = OpenArena(spec_);
  ASSERT_EQ(arena.start(), ArenaStart::kReshaped);
  EXPECT_TRUE(arena.previous()->section(1, 2).empty());
  EXPECT_EQ(PreviousKeys(arena), OneTo(500));
  EXPECT_EQ(arena.section(1, 2).size(), 400u);
}

TEST_F(ArenaMoveTest, RecordsMoveToAnotherDirectory) {
  LeaveArena(spec_, 500);
  spec_.sections_directory = directory_.path() + "/records";
  {
    Arena arena = OpenArena(spec_);
    ASSERT_EQ(arena.start(), ArenaStart::kReshaped);
    Move(arena);
    ASSERT_TRUE(arena.DropPrevious().ok());
    EXPECT_EQ(arena.sections_directory(), spec_.sections_directory);
    EXPECT_EQ(directory_.Names(), "header lock");
  }
  // And back; what a start that was killed after its last store had left goes too.
  const std::string left = spec_.sections_directory + "/sections-1";
  const std::string kept = directory_.path() + "/kept";
  std::filesystem::create_hard_link(left, kept);
  spec_.sections_directory.clear();
  {
    Arena arena = OpenArena(spec_);
    ASSERT_EQ(arena.start(), ArenaStart::kReshaped);
    Move(arena);
    ASSERT_TRUE(arena.DropPrevious().ok());
    EXPECT_FALSE(std::filesystem::exists(left));
  }
  std::filesystem::rename(kept, left);
  const Arena arena = OpenArena(spec_);
  EXPECT_EQ(arena.start(), ArenaStart::kAfterCrash);
  EXPECT_EQ(Keys(arena), OneTo(500));
  EXPECT_FALSE(std::filesystem::exists(left));
}

// The version before had a value of four bytes in front of its key.
struct EarlierRecord {
  uint32_t value;
  uint32_t key;
};
constexpr uint64_t kEarlierLayout = 0x10;

constexpr ArenaConverter kConverters[] = {
    {.section = "flows",
     .from_layout = kEarlierLayout,
     .from_record_bytes = sizeof(EarlierRecord),
     .to_layout = kFlowsLayout,
     .convert = [](const std::byte* from, std::byte* to) noexcept {
       EarlierRecord earlier;
       std::memcpy(&earlier, from, sizeof earlier);
       const MadeUpRecord record{earlier.key, earlier.value};
       std::memcpy(to, &record, sizeof record);
     }}};

void LeaveEarlierArena(ArenaSpec spec) {
  spec.sections[kFlows] = {"flows", sizeof(EarlierRecord), 600, kEarlierLayout};
  Arena arena = OpenArena(spec);
  for (uint32_t key = 1; key <= 900; ++key) {
    const EarlierRecord record{.value = 7 * key, .key = key};
    std::memcpy(arena.section(key % 2, kFlows).data() + key / 2 * sizeof record, &record,
                sizeof record);
  }
  arena.section(1, kNotes)[3] = std::byte{42};
  arena.MarkStopped();
}

TEST_F(ArenaMoveTest, ConvertsRecordsOfAnEarlierVersion) {
  LeaveEarlierArena(spec_);
  spec_.converters = kConverters;
  spec_.workers = 3;
  Arena arena = OpenArena(spec_);
  ASSERT_EQ(arena.start(), ArenaStart::kConverted) << arena.start_reason();
  EXPECT_EQ(PreviousFlows(arena, 1).size(), 600u);
  EXPECT_EQ(PreviousKeys(arena), OneTo(900));
  EXPECT_EQ(arena.previous()->section(1, kNotes)[3], std::byte{42});
  Move(arena);
  ASSERT_TRUE(arena.DropPrevious().ok());
  { const Arena ended = std::move(arena); }
  const Arena again = OpenArena(spec_);
  EXPECT_EQ(again.start(), ArenaStart::kAfterCrash);
  EXPECT_EQ(Keys(again), OneTo(900));
}

TEST_F(ArenaMoveTest, AConverterIsForOneLayoutAndOneSize) {
  for (const int what : {0, 1, 2, 3}) {
    const ArenaDirectory directory;
    ArenaSpec spec = MadeUpSpec(directory.arena());
    LeaveEarlierArena(spec);
    ArenaConverter converter = kConverters[0];
    if (what == 0) converter.section = "notes";
    if (what == 1) converter.from_layout = 0x12;
    if (what == 2) converter.from_record_bytes = 16;
    if (what == 3) converter.to_layout = 0x12;
    spec.converters = {&converter, 1};
    EXPECT_EQ(OpenArena(spec).start(), ArenaStart::kOtherLayout) << what;
  }
}

}  // namespace
}  // namespace fairlead::dataplane::arena_move_test
