#include "main/watchdog.h"

#include <utility>

#include "base/ids.h"
#include "base/log.h"

namespace fairlead {

namespace {

uint64_t PollsOf(const dataplane::StatsBoard& stats, size_t worker) {
  return stats.worker(WorkerId{static_cast<uint8_t>(worker)}).polls.value();
}

}  // namespace

Watchdog::Watchdog(Clock::duration period, const dataplane::StatsBoard& stats, Send send)
    : period_(period), stats_(stats), send_(std::move(send)), polls_(stats.worker_count()) {
  for (size_t w = 0; w < polls_.size(); ++w) polls_[w] = PollsOf(stats_, w);
}

void Watchdog::OnTurn(Clock::time_point now) {
  if (period_ <= Clock::duration::zero() || now < due_) return;
  if (const size_t worker = WhoStandsStill(); worker != kNobody) return SayOnce(worker, now);
  if (!send_("WATCHDOG=1")) return;  // again after the next turn
  for (size_t w = 0; w < polls_.size(); ++w) polls_[w] = PollsOf(stats_, w);
  due_ = now + period_ / 2;
  is_said_ = false;
}

size_t Watchdog::WhoStandsStill() const {
  for (size_t w = 0; w < polls_.size(); ++w) {
    if (PollsOf(stats_, w) == polls_[w]) return w;
  }
  return kNobody;
}

// A worker may lose its core for a moment, which is no news: half of the time left must be over.
void Watchdog::SayOnce(size_t worker, Clock::time_point now) {
  if (due_ == Clock::time_point{}) due_ = now;  // the first ping waits for the workers' first turns
  if (is_said_ || now < due_ + period_ / 4) return;
  is_said_ = true;
  LogError(
      "a worker makes no turn: the watchdog of the service manager is not answered, and ends this "
      "process unless the worker goes on",
      {{"worker", worker}});
}

}  // namespace fairlead
