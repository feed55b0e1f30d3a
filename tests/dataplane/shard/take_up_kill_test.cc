// A director that is killed at any moment, as kill -9 does it: a child process plays a story over
// records that it shares with the test, which ends it somewhere. The test plays the same story once
// more, up to the step that the child was at and one step further, and the child's records are
// taken up and compared with both.
//
// FAIRLEAD_TAKE_UP_CUTS: how many are killed (240; 10000 where there is time), a quarter of it
// here.
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <new>

#include "shard/take_up_successor.h"

namespace fairlead::dataplane::take_up::take_up_kill_test {
namespace {

constexpr uint32_t kSteps = 150;

// Steps as small as they come: a record that went and came again within one would look lost.
Story SmallSteps(uint32_t seed) {
  Story story = Draw(seed).Life(kSteps);
  for (Step& step : story) {
    if (step.what == Do::kSettle) step.what = Do::kTurn;
  }
  return story;
}

class Director {
 public:
  explicit Director(const Case& c)
      : memory_(c.workers, kSizes),
        d_({.workers = c.workers, .ring_packets = 64, .seed = c.seed, .memory = memory_.tables()}) {
    Configure(d_);
    d_.Publish();
  }
  ByteDirector& operator*() { return d_; }
  [[nodiscard]] const DirectorMemory& memory() const { return memory_; }

 private:
  const DirectorMemory memory_;
  ByteDirector d_;
};

// Plays the story in a child until it has done `steps` of it and some more work, then kills it;
// how many it had done by then.
uint32_t Kill(Director& director, const Story& story, uint32_t steps, uint32_t more) {
  const DirectorMemory shared(1, {.connections = 1});
  auto& done = *new (shared.bytes().data()) std::atomic<uint32_t>(0);
  const pid_t child = ::fork();
  if (child == 0) {
    for (const Step& step : story) {
      Play(*director, step);
      done.fetch_add(1);
    }
    for (;;) ::pause();
  }
  EXPECT_GT(child, 0);
  int status = 0;
  pid_t ended = 0;  // before its time: it has crashed
  while (done.load() < steps && ended == 0) {
    ::sched_yield();
    ended = ::waitpid(child, &status, WNOHANG);
  }
  if (ended == 0) {
    for (std::atomic<uint32_t> spin = 0; spin < more; ++spin) continue;
    ::kill(child, SIGKILL);
    ended = ::waitpid(child, &status, 0);
  }
  EXPECT_EQ(ended, child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  return done.load();
}

TEST(TakeUpKill, NothingIsLostAtAnyMoment) {
  Draw draw(2026);
  for (uint32_t i = 0; i < CutsWanted() / 4; ++i) {
    const Case c = CaseOf(i);
    const Story story = SmallSteps(c.seed);
    Director killed(c), told(c);
    const uint32_t done = Kill(killed, story, draw.Below(kSteps), draw.Below(50'000));
    for (uint32_t step = 0; step < done; ++step) Play(*told, story[step]);
    const Tables before = TablesOf(*told);
    if (done < story.size()) Play(*told, story[done]);
    const Tables after = TablesOf(*told);
    ASSERT_EQ(WhatASuccessorLacks(c, killed.memory(), before, after, (*told).now()), "")
        << Name(c) << ", killed in step " << done << " of\n"
        << Text(story);
  }
}

}  // namespace
}  // namespace fairlead::dataplane::take_up::take_up_kill_test
