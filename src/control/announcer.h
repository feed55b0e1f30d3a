// Tells the neighbourhood which addresses are here: gratuitous ARP, unsolicited neighbour
// advertisements.
//
//   announcer.Announce(addresses, now);     // what was not announced before goes out
//   announcer.Tick(now);                    // every few milliseconds
//
// Each address three times, a second or more apart: a link that has just come up loses the first
// frames. The first round of all comes before any second, and no more than kPerSecond go out, since
// switches and routers that are told more at once forget some. What finds no frame free waits.
// Threads: the control core.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "control/port_runtime.h"
#include "control/time_point.h"
#include "control/worker_mail.h"
#include "dataplane/shard/counters.h"

namespace fairlead::control {

// An address to announce on a port.
struct Announcement {
  PortId port;
  IpAddress address;
  friend auto operator<=>(const Announcement&, const Announcement&) = default;
};

class Announcer {
 public:
  static constexpr std::chrono::seconds kInterval{1};
  static constexpr int kRepeats = 2;
  static constexpr size_t kPerSecond = 2000;
  static constexpr size_t kAtOnce = 200;

  Announcer(WorkerMail& mail, dataplane::NeighbourCounters& counters,
            std::span<const PortRuntime> runtimes)
      : mail_(mail), counters_(counters), runtimes_(runtimes.begin(), runtimes.end()) {}

  // All that are here now. `returned`: addresses that have been away for a moment meanwhile.
  void Announce(std::vector<Announcement> all, TimePoint now,
                const std::vector<IpAddress>& returned = {});
  // What is here on a port whose line was down: its neighbours may have forgotten.
  void AnnounceAgain(PortId port);
  void Tick(TimePoint now);

  // Addresses that have not been announced once.
  [[nodiscard]] size_t waiting() const { return first_.size(); }

 private:
  struct Repeat {
    Announcement what;
    TimePoint when;
    int left;
  };

  // False: no frame is free.
  bool Send(const Announcement& what);
  [[nodiscard]] bool IsHere(const Announcement& what) const;
  void Refill(TimePoint now);

  WorkerMail& mail_;
  dataplane::NeighbourCounters& counters_;
  const std::vector<PortRuntime> runtimes_;
  std::vector<Announcement> all_;  // sorted
  std::deque<Announcement> first_;
  std::deque<Repeat> repeats_;  // in order of time
  size_t credit_ = 0;           // announcements that may go out now
  TimePoint refilled_{};
};

}  // namespace fairlead::control
