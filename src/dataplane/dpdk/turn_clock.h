// Time for a worker: the cycle counter as ticks, and the length of its turns.
//
//   TurnClock clock(base_cycles);            // the same base for all workers: their ticks agree
//   Tick now = clock.Begin();                // one read of the cycle counter a turn
//   …                                        // the turn
//   clock.End(&counters.longest_turn_ns);    // another
//
// A turn's length is its CPU time, as far as that can be had cheaply. The cycle counter also runs
// while the kernel has given the core to somebody else, and asking the thread's CPU clock is a
// system call. So every turn is measured in cycles; only one that would be a new record is checked
// against the CPU clock: the time the thread was off its core since the clock was last asked (at
// most a tick ago) is taken off. That may take off too much, never too little.
//
// Threads: one worker's.
#pragma once

#include <rte_cycles.h>
#include <time.h>

#include "base/tick_counter.h"
#include "dataplane/shard/counters.h"

namespace fairlead::edge {

class TurnClock {
 public:
  explicit TurnClock(uint64_t base_cycles)
      : ticks_(base_cycles, rte_get_tsc_hz() / kTicksPerSecond) {
    Begin();
    SampleCpu();
  }

  Tick Begin() noexcept {
    begin_ = rte_rdtsc();
    if (ticks_.Advance(begin_)) [[unlikely]]
      SampleCpu();
    return ticks_.now();
  }

  void End(dataplane::Counter* longest_ns) noexcept {
    const uint64_t turn = rte_rdtsc() - begin_;
    if (turn > record_cycles_) [[unlikely]]
      CheckRecord(turn, longest_ns);
  }

  // After a sleep, which is no part of a turn.
  void SampleCpu() noexcept {
    sample_cycles_ = rte_rdtsc();
    sample_cpu_ns_ = ThreadCpuNs();
  }

 private:
  static uint64_t ThreadCpuNs() noexcept {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(t.tv_nsec);
  }
  static uint64_t Nanoseconds(uint64_t cycles) noexcept {
    return static_cast<uint64_t>(static_cast<double>(cycles) * 1e9 /
                                 static_cast<double>(rte_get_tsc_hz()));
  }
  void CheckRecord(uint64_t turn, dataplane::Counter* longest_ns) noexcept {
    if (static_cast<int64_t>(turn) < 0) return SampleCpu();  // the counter was set back
    const uint64_t cpu_ns = ThreadCpuNs() - sample_cpu_ns_;
    const uint64_t wall_ns = Nanoseconds(rte_rdtsc() - sample_cycles_);
    const uint64_t off_ns = wall_ns > cpu_ns ? wall_ns - cpu_ns : 0;
    const uint64_t turn_ns = Nanoseconds(turn);
    const uint64_t on_ns = turn_ns > off_ns ? turn_ns - off_ns : 0;
    if (on_ns > longest_ns->value()) {
      longest_ns->Set(on_ns);
      record_cycles_ = on_ns * (rte_get_tsc_hz() / 1000) / 1'000'000;
    }
    SampleCpu();
  }

  TickCounter ticks_;
  uint64_t begin_ = 0;
  uint64_t record_cycles_ = 0;
  uint64_t sample_cycles_ = 0;
  uint64_t sample_cpu_ns_ = 0;
};

}  // namespace fairlead::edge
