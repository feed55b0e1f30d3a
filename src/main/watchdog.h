// Tells the service manager (WatchdogSec= of the unit) that the director works, and stops telling
// when it does not, so that it is ended and started again.
//
//   Watchdog watchdog(WatchdogPeriod(), fabric.stats, NotifyServiceManager);
//   core.SetTurnCallback([&] { watchdog.OnTurn(Watchdog::Clock::now()); });
//
// OnTurn is called by the control core after each of its turns, so a control core that hangs, or
// whose turns all end in a fault, sends nothing. It sends WATCHDOG=1 once in half a period, and
// then only if every worker has made a turn since the time before: a hung worker is noticed within
// one and a half periods. Other threads do not count: the API's /readyz (control/api/pulse.h)
// answers people, this one decides about a restart.
//
// Threads: one, the control core's. It never waits.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "dataplane/shard/counters.h"

namespace fairlead {

class Watchdog {
 public:
  using Clock = std::chrono::steady_clock;
  // As NotifyServiceManager: false when it has to be sent again.
  using Send = std::function<bool(std::string_view state)>;

  // `period`: within which the manager wants to hear of us; 0: it does not. `stats` outlives it.
  Watchdog(Clock::duration period, const dataplane::StatsBoard& stats, Send send);

  void OnTurn(Clock::time_point now);

 private:
  static constexpr size_t kNobody = SIZE_MAX;

  // The first worker that has made no turn since the last ping.
  [[nodiscard]] size_t WhoStandsStill() const;
  void SayOnce(size_t worker, Clock::time_point now);

  const Clock::duration period_;
  const dataplane::StatsBoard& stats_;
  const Send send_;
  std::vector<uint64_t> polls_;  // of each worker, at the last ping
  Clock::time_point due_{};      // of the next one; at first at once
  bool is_said_ = false;         // that it is withheld
};

}  // namespace fairlead
