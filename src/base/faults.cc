#include "base/faults.h"

#include <atomic>
#include <chrono>
#include <exception>
#include <string>

#include "base/log.h"
#include "base/log_writer.h"

namespace fairlead {
namespace {

using Clock = std::chrono::steady_clock;
constexpr Clock::rep kPauseBetweenLines = std::chrono::nanoseconds(std::chrono::seconds{1}).count();

struct Faults {
  std::atomic<uint64_t> count{0};
  std::atomic<Clock::rep> next_line{0};
};

std::array<Faults, kThreadNames.size()> g_faults;

// Of the exception that is being handled.
std::string TextOfCurrent() {
  try {
    throw;
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an exception without a text";
  }
}

}  // namespace

void NoteFault(Thread where) noexcept {
  Faults& faults = g_faults[static_cast<size_t>(where)];
  const uint64_t count = faults.count.fetch_add(1, std::memory_order_relaxed) + 1;
  const Clock::rep now = Clock::now().time_since_epoch().count();
  Clock::rep due = faults.next_line.load(std::memory_order_relaxed);
  if (now < due || !faults.next_line.compare_exchange_strong(due, now + kPauseBetweenLines)) return;
  try {
    LogError("internal error, or out of memory or descriptors; the thread goes on",
             {{"thread", kThreadNames[static_cast<size_t>(where)]},
              {"error", TextOfCurrent()},
              {"count", count}});
  } catch (...) {
    CountDroppedLogLine();
  }
}

uint64_t FaultCount(Thread where) noexcept {
  return g_faults[static_cast<size_t>(where)].count.load(std::memory_order_relaxed);
}

}  // namespace fairlead
