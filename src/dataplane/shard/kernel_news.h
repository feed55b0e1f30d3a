// Since when nobody has looked what the kernel twins have, for who is about to speak for an address
// that is here only while a twin has it.
//
//   const uint64_t ms = fabric.kernel_news.Now();      // control core, before it reads the news
//   fabric.kernel_news.Stamp(ms);                      // and once they are in force
//   if (!fabric.kernel_news.IsFresh()) …say nothing…   // worker
//
// A process that was stopped, or a machine that was suspended, goes on with what it knew; meanwhile
// its twins may have lost their addresses to another machine. Workers may go on before the control
// core does, with questions that have waited in their queues. So an answer looks at the clock of
// this moment, not at that of the turn. kBoundMs: VRRP takes an address over after three intervals
// of its advertisements and a bit, 1.6 s and more with intervals of half a second or longer; and a
// control core turns every 5 ms, a few hundred when it is busy, so in service it is never so late.
// The clock is CLOCK_BOOTTIME, which goes on while the machine is suspended.
// Threads: the control core stamps, every thread may ask. Call SetClock before other threads run.
#pragma once

#include <time.h>

#include <atomic>
#include <cstdint>

namespace fairlead::dataplane {

class alignas(64) KernelNews {
 public:
  static constexpr uint64_t kBoundMs = 1000;
  using Clock = uint64_t (*)() noexcept;

  [[nodiscard]] uint64_t Now() const noexcept { return clock_(); }
  // What the kernel had said at that moment is in force.
  void Stamp(uint64_t ms) noexcept { seen_ms_.store(ms, std::memory_order_relaxed); }
  [[nodiscard]] bool IsFresh() const noexcept { return IsYoungerThan(kBoundMs); }
  [[nodiscard]] bool IsYoungerThan(uint64_t ms) const noexcept {
    const uint64_t seen = seen_ms_.load(std::memory_order_relaxed);
    return seen != 0 && clock_() < seen + ms;
  }
  // Of a test.
  void SetClock(Clock clock) noexcept { clock_ = clock; }

 private:
  static uint64_t BootTime() noexcept {
    timespec t{};
    ::clock_gettime(CLOCK_BOOTTIME, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1000 + static_cast<uint64_t>(t.tv_nsec) / 1'000'000;
  }

  std::atomic<uint64_t> seen_ms_{0};  // 0: never
  Clock clock_ = &BootTime;
};

}  // namespace fairlead::dataplane
