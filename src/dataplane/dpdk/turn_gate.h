// A gate between the turns of workers, for the rare change that must meet none of them at work.
//
//   gate.Enter(); while (…) { gate.Pass(); Turn(); } gate.Leave();        // each worker
//   if (!gate.WhileClosed([&] { …take a member out of a bond… })) …later… // the control core
//
// DPDK's bond takes a member out in one call, which also stops the member: a worker in the middle
// of a burst would use queues that are gone. So workers wait at the gate meanwhile, which is less
// than a millisecond; what arrives stays in the receive queues.
//
// Threads: Enter, Pass and Leave by workers; WhileClosed by one thread at a time. Invariant: while
// the change runs, every worker that has entered waits in Pass, or is about to.
#pragma once

#include <time.h>

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/spsc_ring.h"

namespace fairlead::edge {

class TurnGate {
 public:
  void Enter() noexcept { entered_.fetch_add(1); }
  void Leave() noexcept { entered_.fetch_sub(1); }
  void Pass() noexcept {
    if (closed_.load()) [[unlikely]]
      Wait();
  }

  // What Pass does when it saw the gate closed; it may have been opened since. A closing can count
  // a worker that has come late or is about to leave. So the worker looks again when it is no
  // longer counted, and goes on only if the gate is open then.
  void Wait() noexcept {
    do {
      waiting_.fetch_add(1);
      while (closed_.load()) Nap();
      waiting_.fetch_sub(1);
    } while (closed_.load());
  }

  // False: some worker did not come in time, and nothing was done. Patience is short, because the
  // control core does nothing else meanwhile; a worker that sleeps is back within a millisecond.
  template <typename Change>
  bool WhileClosed(Change change, std::chrono::microseconds patience = kPatience) {
    closed_.store(true);
    const bool all_wait =
        WaitUntil([this] { return waiting_.load() >= entered_.load(); }, patience);
    if (all_wait) change();
    closed_.store(false);
    return all_wait;
  }

  static constexpr std::chrono::milliseconds kPatience{5};

 private:
  static void Nap() noexcept {
    const timespec length{0, 20'000};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &length, nullptr);
  }
  template <typename Condition>
  static bool WaitUntil(Condition condition, std::chrono::microseconds patience) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      Nap();
    }
    return true;
  }

  // All with the order of the default: a worker that enters while the gate closes is seen by the
  // one that closes, or sees the gate closed.
  alignas(kCacheLine) std::atomic<bool> closed_{false};
  alignas(kCacheLine) std::atomic<uint32_t> entered_{0};
  std::atomic<uint32_t> waiting_{0};
};

}  // namespace fairlead::edge
