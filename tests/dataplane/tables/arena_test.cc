// What a start makes of what it finds.
#include "dataplane/tables/arena.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tables/arena_rig.h"

namespace fairlead::dataplane::arena_test {
namespace {

bool IsEmpty(const Arena& arena) { return Keys(arena).empty() && arena.previous() == nullptr; }

bool Says(const std::string& sentence, const std::string& part) {
  return sentence.find(part) != std::string::npos;
}

// Writes over a part of a file.
void Overwrite(const std::string& path, size_t at, const std::string& bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(at));
  file << bytes;
  ASSERT_TRUE(file.good()) << path;
}

// Changes a whole header as its owner could: the checksum is right afterwards.
template <typename Change>
void ChangeHeader(const std::string& path, Change change) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  ArenaHeader header;
  file.read(reinterpret_cast<char*>(&header), sizeof header);
  change(header);
  header.checksum = ArenaChecksum(header);
  file.seekp(0);
  file.write(reinterpret_cast<const char*>(&header), sizeof header);
  ASSERT_TRUE(file.good()) << path;
}

class ArenaTest : public testing::Test {
 protected:
  ArenaDirectory directory_;
  ArenaSpec spec_ = MadeUpSpec(directory_.arena());
};

TEST_F(ArenaTest, BeginsEmptyWhereNothingIs) {
  const Arena arena = OpenArena(spec_);
  EXPECT_EQ(arena.start(), ArenaStart::kNew);
  EXPECT_EQ(arena.start_reason(), "there was no arena; the tables start empty");
  EXPECT_TRUE(IsEmpty(arena));
  EXPECT_EQ(arena.section(0, kFlows).size(), 16'000u);
  EXPECT_EQ(arena.section(1, kNotes).size(), 80u);
  EXPECT_EQ(arena.memory_bytes(), size_t{2} << 20);
  EXPECT_EQ(arena.down_ms(), 0u);
  EXPECT_GT(arena.epoch_boottime_ns(), 0u);
  EXPECT_EQ(directory_.Names(), "header lock sections-1");
}

TEST_F(ArenaTest, SectionsDoNotMeet) {
  const Arena arena = OpenArena(spec_);
  int mark = 1;
  for (uint32_t worker = 0; worker < 2; ++worker) {
    for (const size_t index : {kFlows, kNotes}) {
      std::ranges::fill(arena.section(worker, index), static_cast<std::byte>(mark++));
    }
  }
  mark = 1;
  for (uint32_t worker = 0; worker < 2; ++worker) {
    for (const size_t index : {kFlows, kNotes}) {
      const auto section = arena.section(worker, index);
      EXPECT_EQ(std::ranges::count(section, static_cast<std::byte>(mark++)), std::ssize(section));
    }
  }
}

TEST_F(ArenaTest, LargeSectionsBeginOnHugePagesInMemoryToo) {
  spec_.sections[kFlows].records = 200'000;
  for (const HugePages pages : {HugePages::kTransparent, HugePages::kOff}) {
    spec_.pages = pages;
    const Arena arena = OpenArena(spec_);
    for (uint32_t worker = 0; worker < 2; ++worker) {
      const auto address = reinterpret_cast<uintptr_t>(arena.section(worker, kFlows).data());
      EXPECT_EQ(address % (2 << 20), 0u);
    }
    Flows(arena, 1)[199'999].key = 1;
    struct stat status {};
    ASSERT_EQ(::stat(directory_.SectionsFile().c_str(), &status), 0);
    EXPECT_EQ(status.st_size, 4 * (2 << 20));
    EXPECT_EQ(status.st_blocks * 512, status.st_size) << "a part has no memory yet";
  }
}

TEST_F(ArenaTest, TakesUpWhatAStopHasLeft) {
  LeaveArena(spec_, 500);
  const Arena arena = OpenArena(spec_);
  EXPECT_EQ(arena.start(), ArenaStart::kAfterStop);
  EXPECT_EQ(Keys(arena), OneTo(500));
  EXPECT_EQ(directory_.Names(), "header lock sections-1");
}

// A start that is refused, as for a NIC that is not there, is no crash.
TEST_F(ArenaTest, ARefusedStartLeavesHowTheRunBeforeHasEnded) {
  { OpenArena(spec_).Withdraw(); }
  { EXPECT_EQ(OpenArena(spec_).start(), ArenaStart::kAfterStop) << "a first start"; }
  { EXPECT_EQ(OpenArena(spec_).start(), ArenaStart::kAfterCrash) << "it has ended somehow"; }
  {
    Arena arena = OpenArena(spec_);
    arena.Withdraw();
  }
  {
    Arena arena = OpenArena(spec_);
    EXPECT_EQ(arena.start(), ArenaStart::kAfterCrash) << "and a refused one has not mended that";
    Fill(arena, 20);
    arena.MarkStopped();
  }
  {
    Arena arena = OpenArena(spec_);
    arena.BeginTakeUp();
    arena.Withdraw();
  }
  const Arena arena = OpenArena(spec_);
  EXPECT_EQ(arena.start(), ArenaStart::kAfterStop);
  EXPECT_EQ(Keys(arena), OneTo(20));
}

TEST_F(ArenaTest, TakesUpWhatACrashHasLeft) {
  {
    Arena arena = OpenArena(spec_);
    Fill(arena, 300);
    arena.Beat();
  }
  const Arena arena = OpenArena(spec_);
  EXPECT_EQ(arena.start(), ArenaStart::kAfterCrash);
  EXPECT_EQ(Keys(arena), OneTo(300));
}

TEST_F(ArenaTest, SecretsAndEpochAreAsOldAsTheRecords) {
  ArenaSecrets secrets;
  uint64_t epoch = 0;
  {
    const Arena first = OpenArena(spec_);
    secrets = first.secrets();
    epoch = first.epoch_boottime_ns();
    EXPECT_NE(secrets.table_hash[0], secrets.table_hash[1]);
  }
  spec_.workers = 3;
  {
    Arena reshaped = OpenArena(spec_);
    ASSERT_EQ(reshaped.start(), ArenaStart::kReshaped);
    EXPECT_EQ(reshaped.secrets().table_hash, secrets.table_hash);
    EXPECT_EQ(reshaped.secrets().toeplitz, secrets.toeplitz);
    EXPECT_EQ(reshaped.epoch_boottime_ns(), epoch);
    ASSERT_TRUE(reshaped.DropPrevious().ok());
  }
  {
    const Arena again = OpenArena(spec_);
    EXPECT_EQ(again.secrets().table_hash, secrets.table_hash);
    EXPECT_EQ(again.epoch_boottime_ns(), epoch);
  }
  spec_.is_fresh = true;
  const Arena fresh = OpenArena(spec_);
  EXPECT_NE(fresh.secrets().table_hash, secrets.table_hash);
  EXPECT_NE(fresh.secrets().toeplitz, secrets.toeplitz);
  EXPECT_GT(fresh.epoch_boottime_ns(), epoch);
}

TEST_F(ArenaTest, FreshIsEmptyAndKeepsNothing) {
  LeaveArena(spec_, 500);
  spec_.is_fresh = true;
  const Arena arena = OpenArena(spec_);
  EXPECT_EQ(arena.start(), ArenaStart::kAskedFresh);
  EXPECT_TRUE(IsEmpty(arena));
  EXPECT_EQ(directory_.Names(), "header lock sections-2");
}

TEST_F(ArenaTest, FreshWithoutAnArenaIsNew) {
  spec_.is_fresh = true;
  EXPECT_EQ(OpenArena(spec_).start(), ArenaStart::kNew);
}

TEST_F(ArenaTest, OfAnotherBootIsDiscarded) {
  LeaveArena(spec_, 500);
  ChangeHeader(directory_.arena() + "/header", [](ArenaHeader& header) {
    header.boot_id[0] = header.boot_id[0] == 'a' ? 'b' : 'a';
    header.epoch_ns = ~uint64_t{0};
  });
  const Arena arena = OpenArena(spec_);
  EXPECT_EQ(arena.start(), ArenaStart::kOtherBoot);
  EXPECT_TRUE(IsEmpty(arena));
  EXPECT_EQ(directory_.Names(), "header lock sections-2");
}

TEST_F(ArenaTest, OfAnotherDirectorIsKeptForALook) {
  LeaveArena(spec_, 500);
  spec_.director = "edge-2";
  const Arena arena = OpenArena(spec_);
  EXPECT_EQ(arena.start(), ArenaStart::kOtherDirector);
  EXPECT_TRUE(Says(arena.start_reason(), "is of the director \"edge-1\", not of \"edge-2\""))
      << arena.start_reason();
  EXPECT_TRUE(Says(arena.start_reason(), "kept as " + directory_.arena() + "/set-aside-"));
  EXPECT_TRUE(IsEmpty(arena));
  const std::string names = directory_.Names();
  EXPECT_TRUE(names.starts_with("header lock sections-2 set-aside-")) << names;
  EXPECT_TRUE(names.ends_with("Z.sections-1")) << names;
}

TEST_F(ArenaTest, OfAnotherLayoutIsKeptForALook) {
  struct Case {
    const char* what;
    void (*change)(ArenaSpec&);
    const char* sentence;
  };
  constexpr Case kCases[] = {
      {"layout", [](ArenaSpec& s) { s.sections[kFlows].layout = 0x99; },
       "the records \"flows\" of the arena have another layout"},
      {"record bytes", [](ArenaSpec& s) { s.sections[kNotes].record_bytes = 16; },
       "the records \"notes\" of the arena have another layout"},
      {"section gone", [](ArenaSpec& s) { s.sections.pop_back(); },
       "the arena has records \"notes\", which this version does not know"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.what);
    const ArenaDirectory directory;
    ArenaSpec spec = MadeUpSpec(directory.arena());
    LeaveArena(spec, 500);
    c.change(spec);
    const Arena arena = OpenArena(spec);
    EXPECT_EQ(arena.start(), ArenaStart::kOtherLayout);
    EXPECT_TRUE(Says(arena.start_reason(), c.sentence)) << arena.start_reason();
    EXPECT_EQ(arena.previous(), nullptr);
    EXPECT_TRUE(Says(directory.Names(), "set-aside-")) << directory.Names();
  }
}

TEST_F(ArenaTest, OfALaterVersionIsKeptForALook) {
  LeaveArena(spec_, 500);
  ChangeHeader(directory_.arena() + "/header", [](ArenaHeader& header) { header.version = 2; });
  const Arena arena = OpenArena(spec_);
  EXPECT_EQ(arena.start(), ArenaStart::kOtherLayout);
  EXPECT_TRUE(Says(arena.start_reason(), "has version 2, and this program knows version 1"));
  EXPECT_TRUE(IsEmpty(arena));
}

TEST_F(ArenaTest, DamagedIsKeptForALook) {
  struct Case {
    const char* what;
    void (*damage)(const ArenaDirectory&);
    const char* sentence;
  };
  constexpr Case kCases[] = {
      {"an empty header",
       [](const ArenaDirectory& d) { std::filesystem::resize_file(d.arena() + "/header", 0); },
       "it is too short"},
      {"half a header",
       [](const ArenaDirectory& d) { std::filesystem::resize_file(d.arena() + "/header", 2048); },
       "it is too short"},
      {"a text", [](const ArenaDirectory& d) { Overwrite(d.arena() + "/header", 0, "version: 1"); },
       "it does not begin as one"},
      {"a flipped bit", [](const ArenaDirectory& d) { Overwrite(d.arena() + "/header", 70, "x"); },
       "its checksum is wrong"},
      {"no records", [](const ArenaDirectory& d) { std::filesystem::remove(d.SectionsFile()); },
       "is missing"},
      {"records of one byte less",
       [](const ArenaDirectory& d) {
         std::filesystem::resize_file(d.SectionsFile(), (2 << 20) - 1);
       },
       "has 2097151 bytes instead of 2097152"},
  };
  for (const Case& c : kCases) {
    for (const uint32_t workers : {2u, 3u}) {
      SCOPED_TRACE(c.what);
      const ArenaDirectory directory;
      ArenaSpec spec = MadeUpSpec(directory.arena());
      LeaveArena(spec, 500);
      c.damage(directory);
      spec.workers = workers;
      const Arena arena = OpenArena(spec);
      EXPECT_EQ(arena.start(), ArenaStart::kDamaged);
      EXPECT_TRUE(Says(arena.start_reason(), c.sentence)) << arena.start_reason();
      EXPECT_TRUE(IsEmpty(arena));
      EXPECT_TRUE(Says(directory.Names(), ".header")) << directory.Names();
    }
  }
}

TEST_F(ArenaTest, AFileWithHolesGetsItsMemoryAtTheStart) {
  LeaveArena(spec_, 500);
  const std::string file = directory_.SectionsFile();
  std::filesystem::resize_file(file, 0);
  std::filesystem::resize_file(file, 2 << 20);
  const Arena arena = OpenArena(spec_);
  EXPECT_EQ(arena.start(), ArenaStart::kAfterStop);
  EXPECT_TRUE(IsEmpty(arena));
  EXPECT_EQ(arena.memory_bytes(), size_t{2} << 20);
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_blocks * 512, 2 << 20);
}

TEST_F(ArenaTest, ThreeTakeUpsThatDoNotEndSetItAside) {
  LeaveArena(spec_, 500);
  for (int crash = 0; crash < 3; ++crash) {
    Arena arena = OpenArena(spec_);
    EXPECT_TRUE(HasRecords(arena.start())) << crash;
    EXPECT_EQ(Keys(arena).size(), 500u);
    arena.BeginTakeUp();
  }
  {
    const Arena arena = OpenArena(spec_);
    EXPECT_EQ(arena.start(), ArenaStart::kSetAside);
    EXPECT_TRUE(IsEmpty(arena));
    EXPECT_TRUE(Says(arena.start_reason(), "three runs in a row")) << arena.start_reason();
    EXPECT_TRUE(directory_.Names().ends_with(".sections-1")) << directory_.Names();
  }
  EXPECT_EQ(OpenArena(spec_).start(), ArenaStart::kAfterCrash);
}

TEST_F(ArenaTest, OneTakeUpThatEndsClearsTheGuard) {
  LeaveArena(spec_, 500);
  for (const bool stops : {false, true}) {
    for (int crash = 0; crash < 6; ++crash) {
      Arena arena = OpenArena(spec_);
      EXPECT_TRUE(HasRecords(arena.start())) << crash;
      arena.BeginTakeUp();
      if (crash % 3 != 2) continue;
      if (stops) arena.MarkStopped();
      if (!stops) arena.EndTakeUp();
    }
  }
}

TEST_F(ArenaTest, TheGuardCountsOverAMove) {
  LeaveArena(spec_, 500);
  spec_.workers = 3;
  for (int crash = 0; crash < 3; ++crash) {
    Arena arena = OpenArena(spec_);
    arena.BeginTakeUp();
    EXPECT_EQ(arena.start(), ArenaStart::kReshaped);
    if (crash < 2) continue;
    ASSERT_TRUE(arena.DropPrevious().ok());
  }
  EXPECT_EQ(OpenArena(spec_).start(), ArenaStart::kSetAside);
}

TEST_F(ArenaTest, KeepsOneThatWasSetAside) {
  for (const char* director : {"edge-2", "edge-3", "edge-4"}) {
    spec_.director = director;
    LeaveArena(spec_, 10);
  }
  const std::string names = directory_.Names();
  EXPECT_TRUE(Says(names, ".sections-2")) << names;
  EXPECT_FALSE(Says(names, ".sections-1")) << names;
}

}  // namespace
}  // namespace fairlead::dataplane::arena_test
