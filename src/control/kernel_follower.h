// When what is on the kernel twins is taken over: at once, but not in the middle of a change, and
// not as often as somebody likes to change it.
//
//   follower.SetWatch(&watch);
//   if (follower.Tick(now)) …build anew with *follower.network()…
//   announcer.Announce(all, now, follower.TakeArrived());      // once that is published
//
// Theory of operation. keepalived and BIRD change many things one after the other, and each
// takeover is a snapshot. So a change is taken over once nothing more has come for a tick, after
// kPatience at the latest, and at least kInterval after the one before.
// Threads: the control core. Each address that comes or goes is a line in the log, kLines at once.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/kernel_network.h"

namespace fairlead::control {

class KernelFollower {
 public:
  static constexpr std::chrono::milliseconds kPatience{100};
  static constexpr std::chrono::milliseconds kInterval{100};
  static constexpr size_t kLines = 10;
  static constexpr int kCostShare = 10;

  // `names`: of the ports, by PortId.
  explicit KernelFollower(std::vector<std::string> names) : names_(std::move(names)) {}
  // Null: nothing is known of the twins. It outlives this object.
  void SetWatch(KernelWatch* watch) { watch_ = watch; }
  // As the configuration says; cheap when it says the same.
  void FollowRoutes(size_t most);
  // What the snapshot for the last takeover has cost: the next one waits kCostShare times as long,
  // so that somebody who changes a route ten times a second takes no more than that of the thread.
  void NoteCost(std::chrono::nanoseconds cost, TimePoint now);

  // True: network() is another one.
  bool Tick(TimePoint now);
  // At the last Tick nothing more was there to read, and network() is as old as that.
  [[nodiscard]] bool has_all() const { return has_all_; }
  [[nodiscard]] bool has_watch() const { return watch_ != nullptr; }
  // Null: nothing is known.
  [[nodiscard]] const KernelNetwork* network() const { return network_ ? &*network_ : nullptr; }
  // Addresses that have come, or come again, since the last call; not those of the start.
  [[nodiscard]] std::vector<IpAddress> TakeArrived() { return std::exchange(arrived_, {}); }

 private:
  [[nodiscard]] bool IsTime(bool is_settled, TimePoint now);
  void Take(KernelNetwork next);
  void SayOfRoutes(const KernelNetwork& next);
  void SayOfAddresses(const KernelNetwork& next) const;

  const std::vector<std::string> names_;
  KernelWatch* watch_ = nullptr;
  std::optional<KernelNetwork> network_;
  std::vector<IpAddress> arrived_;
  bool has_all_ = false;
  uint64_t taken_ = 0;  // the revision of network_
  uint64_t seen_ = 0;   // that of the last tick
  TimePoint since_;     // when seen_ first differed from taken_
  TimePoint next_;
  size_t most_routes_ = 0;
  size_t said_routes_ = 0;  // in the log
  TimePoint next_saying_;
  TimePoint now_;
};

}  // namespace fairlead::control
