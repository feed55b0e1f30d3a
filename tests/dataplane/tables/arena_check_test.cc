// What a successor asks of an arena that another process has, and how it gets the lock.
#include "dataplane/tables/arena_check.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "arena_rig.h"
#include "base/ids.h"

namespace fairlead::dataplane::arena_check_test {
namespace {

class ArenaCheckTest : public testing::Test {
 protected:
  ArenaCheckTest() : spec_(MadeUpSpec(directory_.arena())) {}
  std::string Refusal() const {
    const Status checked = CheckTakeUp(spec_);
    return checked ? "" : checked.error().message;
  }

  ArenaDirectory directory_;
  ArenaSpec spec_;
};

TEST_F(ArenaCheckTest, AnArenaInUseCanBeTakenUpAndStaysAsItIs) {
  const Arena arena = OpenArena(spec_);
  Fill(arena, 100);
  const std::string names = directory_.Names();
  EXPECT_EQ(Refusal(), "");
  EXPECT_EQ(directory_.Names(), names);
  EXPECT_EQ(Keys(arena), OneTo(100));
}

TEST_F(ArenaCheckTest, NoArena) {
  EXPECT_NE(Refusal().find("cannot be opened: No such file or directory"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(spec_.directory)) << "it was made";
  ASSERT_EQ(::mkdir(spec_.directory.c_str(), 0700), 0);
  EXPECT_EQ(Refusal(), "there is no arena in " + spec_.directory);
}

TEST_F(ArenaCheckTest, WhatWouldBeginEmptyIsRefused) {
  LeaveArena(spec_, 10);
  spec_.sections[kFlows].layout += 1;
  EXPECT_EQ(Refusal().rfind("the tables would start empty: ", 0), 0u) << Refusal();
  spec_ = MadeUpSpec(directory_.arena());
  spec_.director = "another";
  EXPECT_EQ(Refusal().rfind("the tables would start empty: ", 0), 0u) << Refusal();
}

TEST_F(ArenaCheckTest, OtherCapacitiesCanBeTakenUpWhereThereIsRoom) {
  LeaveArena(spec_, 10);
  spec_.workers = 3;
  EXPECT_EQ(Refusal(), "");
  spec_.sections[kFlows].records = uint64_t{1} << 32;
  spec_.sections[kFlows].record_bytes = 16;
  spec_.workers = kMaxWorkers;
  EXPECT_NE(Refusal().find("the records of the arena have to be moved, for which "),
            std::string::npos)
      << Refusal();
}

TEST_F(ArenaCheckTest, ATruncatedFileOfRecordsIsRefused) {
  LeaveArena(spec_, 10);
  std::filesystem::resize_file(spec_.directory + "/sections-1", 4096);
  EXPECT_NE(Refusal().find(" has 4096 bytes instead of "), std::string::npos) << Refusal();
}

TEST_F(ArenaCheckTest, ThePassedLockIsTakenOver) {
  Arena before = OpenArena(spec_);
  Fill(before, 100);
  EXPECT_FALSE(Arena::Open(spec_)) << "two have it";
  before.MarkStopped();
  std::vector<FileDescriptor> locks = before.ReleaseLocks();
  ASSERT_EQ(locks.size(), 1u);
  const auto without = Arena::Open(spec_);
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().code, ErrorCode::kExists);

  std::vector<FileDescriptor> passed;
  passed.push_back(FileDescriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)));  // not a lock of it
  passed.push_back(std::move(locks[0]));
  const auto after = Arena::Open(spec_, std::move(passed));
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->start(), ArenaStart::kAfterStop);
  EXPECT_EQ(Keys(*after), OneTo(100));
  EXPECT_FALSE(Arena::Open(spec_)) << "two have it";
}

TEST_F(ArenaCheckTest, AStrangersLockOpensNothing) {
  const Arena holder = OpenArena(spec_);
  ArenaDirectory other;
  Arena stranger = OpenArena(MadeUpSpec(other.arena()));
  const auto refused = Arena::Open(spec_, stranger.ReleaseLocks());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kExists);
}

}  // namespace
}  // namespace fairlead::dataplane::arena_check_test
