// A process that is killed while it opens an arena: the next start finds the arena before, or the
// one after, and never fails. Once before and after each system call of a start, and 200 times
// anywhere.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <random>
#include <string>

#include "tables/arena_rig.h"

namespace fairlead::dataplane::arena_kill_test {
namespace {

// Runs `work` in a child that is killed at its n-th stop before or after a system call; false when
// it ended before.
bool KillAtStop(int n, const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::raise(SIGSTOP);
    work();
    ::_exit(0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSTOPPED(status));
  for (int stop = 0; stop < n; ++stop) {
    EXPECT_EQ(::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr), 0);
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    if (WIFEXITED(status)) return false;
  }
  ::kill(child, SIGKILL);
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return true;
}

struct Story {
  // Leaves what the start finds.
  std::function<void(const ArenaSpec&)> before;
  // The start that is killed.
  std::function<void(ArenaSpec)> work;
  // Looks at what the next start finds, and says how it began.
  std::function<std::string(const Arena&)> after;
};

// How often each way of beginning was seen, over all places to be killed at.
std::map<std::string, int> KillEverywhere(const Story& story) {
  std::map<std::string, int> seen;
  bool is_killed = true;
  for (int stop = 1; is_killed && stop < 2000; ++stop) {
    SCOPED_TRACE(stop);
    const ArenaDirectory directory;
    const ArenaSpec spec = MadeUpSpec(directory.arena());
    story.before(spec);
    is_killed = KillAtStop(stop, [&] { story.work(spec); });
    {
      const Arena arena = OpenArena(spec);
      ++seen[story.after(arena)];
      // The records in force, and those of a move that this start has begun.
      std::string names = directory.Names();
      names = names.substr(0, names.find(" set-aside-"));
      EXPECT_EQ(std::ranges::count(names, ' '), arena.previous() == nullptr ? 2 : 4) << names;
    }
    if (testing::Test::HasFailure()) break;
  }
  EXPECT_FALSE(is_killed) << "it never came to its end";
  return seen;
}

std::string StartOf(const Arena& arena) { return std::string(ArenaStartName(arena.start())); }

TEST(ArenaKill, WhileItIsMade) {
  const auto seen = KillEverywhere({
      .before = [](const ArenaSpec&) {},
      .work = [](const ArenaSpec& spec) { Fill(OpenArena(spec), 100); },
      .after =
          [](const Arena& arena) {
            const size_t keys = Keys(arena).size();
            EXPECT_EQ(keys, arena.start() == ArenaStart::kNew ? 0u : keys);
            EXPECT_TRUE(keys == 0 || keys == 100) << keys;
            return StartOf(arena);
          },
  });
  EXPECT_EQ(seen.size(), 2u);
  EXPECT_GT(seen.at("new"), 30);
  EXPECT_GT(seen.at("after-crash"), 0);
}

TEST(ArenaKill, WhileRecordsMove) {
  const auto seen = KillEverywhere({
      .before = [](const ArenaSpec& spec) { LeaveArena(spec, 300); },
      .work =
          [](ArenaSpec spec) {
            spec.workers = 3;
            Arena arena = OpenArena(spec);
            arena.BeginTakeUp();
            Move(arena);
            ASSERT_TRUE(arena.DropPrevious().ok());
          },
      .after =
          [](const Arena& arena) {
            // Of two workers before, of three after: nothing is lost, nothing is there twice.
            const bool is_after = arena.previous() != nullptr;
            EXPECT_EQ((is_after ? PreviousKeys(arena) : Keys(arena)).size(), 300u);
            return StartOf(arena);
          },
  });
  EXPECT_EQ(seen.size(), 2u);
  EXPECT_GT(seen.at("after-stop"), 30);
  EXPECT_GT(seen.at("reshaped"), 0);
}

TEST(ArenaKill, WhileItIsSetAside) {
  const auto seen = KillEverywhere({
      .before =
          [](const ArenaSpec& spec) {
            LeaveArena(spec, 300);
            for (int crash = 0; crash < 3; ++crash) OpenArena(spec).BeginTakeUp();
          },
      .work = [](const ArenaSpec& spec) { OpenArena(spec); },
      .after =
          [](const Arena& arena) {
            EXPECT_TRUE(Keys(arena).empty());
            return StartOf(arena);
          },
  });
  // Made, and killed before its run had begun: new.
  EXPECT_EQ(seen.size(), 3u);
  EXPECT_GT(seen.at("set-aside"), 30);
  EXPECT_GT(seen.at("new") + seen.at("after-crash"), 0);
}

// Starts, moves, stops, over and over.
void StartOverAndOver(ArenaSpec spec, std::atomic<uint32_t>& rounds) {
  for (uint32_t round = 0;; rounds = ++round) {
    spec.workers = 1 + round % 3;
    Arena arena = OpenArena(spec);
    if (arena.previous() != nullptr) {
      Move(arena);
      ASSERT_TRUE(arena.DropPrevious().ok());
    }
    arena.Beat();
    if (round % 2 == 0) arena.MarkStopped();
  }
}

TEST(ArenaKill, TwoHundredTimesAnywhere) {
  const ArenaDirectory directory;
  const ArenaSpec spec = MadeUpSpec(directory.arena());
  LeaveArena(spec, 300);
  const ArenaSecrets secrets = OpenArena(spec).secrets();
  void* const shared = ::mmap(nullptr, sizeof(std::atomic<uint32_t>), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  auto& rounds = *new (shared) std::atomic<uint32_t>(0);
  std::mt19937 random(20'26);
  int moved = 0;
  for (int kill = 0; kill < 200; ++kill) {
    SCOPED_TRACE(kill);
    rounds = 0;
    const pid_t child = ::fork();
    if (child == 0) {
      StartOverAndOver(spec, rounds);
      ::_exit(1);
    }
    // Some rounds, however long they take on this machine, and a part of the next one.
    int status = 0;
    const uint32_t wanted = random() % 4;
    while (rounds < wanted && ::waitpid(child, &status, WNOHANG) == 0) ::usleep(50);
    ::usleep(static_cast<useconds_t>(random() % 2000));
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    const Arena arena = OpenArena(spec);
    ASSERT_TRUE(HasRecords(arena.start())) << arena.start_reason();
    moved += arena.previous() == nullptr ? 0 : 1;
    ASSERT_EQ((arena.previous() == nullptr ? Keys(arena) : PreviousKeys(arena)).size(), 300u);
    ASSERT_EQ(arena.secrets().table_hash, secrets.table_hash);
  }
  ::munmap(shared, sizeof rounds);
  EXPECT_GT(moved, 0);
}

}  // namespace
}  // namespace fairlead::dataplane::arena_kill_test
