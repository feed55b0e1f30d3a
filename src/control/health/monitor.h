// Which real servers are healthy: asks each in its interval and counts answers up and down.
//
//   HealthMonitor monitor(prober, [] { …build a new snapshot… });
//   monitor.SetChecks(ChecksOf(model), now);      // at start and after each reload
//   monitor.Tick(now);                            // starts what is due
//   monitor.StateOf(ChecksOf(service, real));     // kUp until `fall` looks in a row have failed
//
// A real is up when all its checks are. A check starts up, as with keepalived without alpha, or
// down until its first good answer. A change takes `fall` failures or `rise` successes in a row.
// The same question about the same endpoint is asked once, however many services want to know; a
// check that a reload leaves as it was goes on where it stood, and one that is changed begins with
// what was known of the real, so no reload brings a dead one back.
//
// Our own limits are nobody's failure: a look that this machine could not take leaves everything as
// it was and is counted, and where there are more looks than may be taken all intervals grow by the
// same factor (pace.h); those of scripts by another than those of all others. A server is not
// called silent when its silence may be ours: frames for the kernel twin were dropped here while it
// was asked, or more was due than there was time for (a full room costs nobody time); kMostExcuses
// times in a row at the most, so that neither a flood nor an overload keeps a dead server in.
// Threads: the control core. `changed` runs inside Tick or a prober's callback.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/log_pace.h"
#include "control/health/health_check.h"
#include "control/health/health_state.h"
#include "control/health/lately_count.h"
#include "control/health/pace.h"
#include "control/health/prober.h"
#include "control/health/start_rate.h"
#include "control/survival/stored_health.h"
#include "control/time_point.h"

namespace fairlead::control {

class HealthMonitor {
 public:
  using Checks = std::span<const HealthCheck>;

  // A look costs this thread 40 microseconds or so, all of it: 12,000 a second are half of its
  // time, and the other half is for whoever asks for a change. To begin a command takes as long as
  // to load it.
  static constexpr std::array<StartRate::Bounds, kLaneCount> kStarts{
      {{5000, 12000, 25, 200}, {400, 400, 2, 8}}};

  static constexpr uint32_t kMostExcuses = 3;

  // The weight of a real that is back grows in so many steps.
  static constexpr uint32_t kWarmSteps = 20;

  // `lost_frames`: how many frames for kernel twins have been dropped here, since the start.
  HealthMonitor(Prober& prober, std::function<void()> changed,
                std::function<uint64_t()> lost_frames, uint32_t seed = 1)
      : prober_(prober),
        changed_(std::move(changed)),
        lost_frames_(std::move(lost_frames)),
        random_(seed) {}

  // What a director that was here before had found out; for the next SetChecks, which is the first.
  // A check goes on where it stood, and one that has been changed begins with what was known.
  void Recall(std::vector<KnownCheck> known) { recalled_ = std::move(known); }
  // What there is to recall, and a number that rises when that changes.
  [[nodiscard]] std::vector<KnownCheck> Remembered() const;
  [[nodiscard]] uint64_t revision() const { return revision_; }

  void SetChecks(std::vector<HealthCheck> checks, TimePoint now);
  void Tick(TimePoint now);

  // Of one real, by its checks.
  [[nodiscard]] RealHealth HealthOf(Checks checks) const;
  [[nodiscard]] HealthState StateOf(Checks checks) const { return HealthOf(checks).state; }
  // What a person should know first: "HTTP 200 in 3 ms", the reason of one that is down, and of
  // several checks which one it is: "http: connection refused". Empty before the first answer.
  [[nodiscard]] std::string DetailOf(Checks checks) const;
  // All that is known of each.
  [[nodiscard]] std::vector<CheckInfo> InfosOf(Checks checks) const;
  // Of all of them together; none when there are none.
  [[nodiscard]] std::optional<HealthHistogram> HistogramOf(Checks checks) const;
  // Services of which a check has changed its mind since the last call.
  [[nodiscard]] std::set<ServiceIdentity> TakeFlipped() { return std::exchange(flipped_, {}); }
  [[nodiscard]] HealthSummary summary() const;

 private:
  struct Entry;
  using Queue = std::multimap<TimePoint, std::shared_ptr<Entry>>;

  struct Entry {
    HealthCheck check;
    CheckFacts facts;
    uint32_t streak = 0;  // answers in a row that speak against the state
    TimePoint next;       // by its lane's clock
    bool is_asking = false;
    Queue::node_type place{};      // its own, while it is asked: to wait again needs no memory
    uint64_t lost_before = 0;      // frames, when it was asked
    bool is_asked_behind = false;  // more was due then than could be made
    uint32_t excuses = 0;          // in a row
    bool is_agent_silent = false;
    HealthHistogram histogram;
  };

  // The schedule of those that take the same places.
  struct Schedule {
    explicit Schedule(const StartRate::Bounds& bounds) : rate(bounds) {}

    Queue queue;  // those that nobody is asked for now
    StartRate rate;
    SchedulePace pace;
    TimePoint last_start{};
    bool is_behind = false;      // more was due at the last Tick than one may start
    bool is_room_short = false;  // at the last Tick that could not start all that was due
    bool is_stretched = false;   // as last said
    TimePoint next_stretch_word{};
    size_t needed_at_once = 0;  // as last warned of
  };

  struct LocalErrors {
    uint64_t count = 0;
    LatelyCount lately;
    LogPace pace;
    std::set<const void*> checks;  // that met it since the last line
  };
  // Entries by what they ask and by whom they ask about.
  struct Known;

  struct Recalled;

  // `predecessor`: what was known of the real, or null. `is_heir`: that check is there no more, and
  // the new one goes on with its counts.
  std::shared_ptr<Entry> NewEntry(const HealthCheck& check, const Entry* predecessor, bool is_heir);
  void Ask(const std::shared_ptr<Entry>& entry, TimePoint goal);
  void WaitAgain(const std::shared_ptr<Entry>& entry);
  void OnResult(const std::shared_ptr<Entry>& entry, const ProbeResult& result);
  void OnVerdict(const std::shared_ptr<Entry>& entry, const ProbeResult& result);
  bool IsWithoutWord(Entry& entry, const ProbeResult& result);
  void GoDown(Entry& entry, const ProbeResult& result, uint32_t failures);
  void GoUp(const std::shared_ptr<Entry>& entry, const ProbeResult& result, uint32_t successes);
  // What other checks say of the reals of one.
  struct Others;
  [[nodiscard]] Others OthersOf(const Entry& entry) const;
  void LogUp(const Entry& entry, const ProbeResult& result, uint32_t successes) const;
  void IndexReals();
  // What the answer says of the weight and the administration of the real.
  void TakeWishes(Entry& entry, const ProbeResult& result);
  void NoteFlip(const Entry& entry);
  // When it is asked next after a failure that does not take it down.
  void HurryAfterFailure(Entry& entry, const ProbeResult& result);
  void Start(Lane lane, TimePoint now);
  Schedule& ScheduleOf(const Entry& entry) {
    return schedules_[static_cast<size_t>(LaneOf(entry.check.target.question))];
  }
  void WarmUp();
  [[nodiscard]] uint32_t WarmthOf(const Entry& entry, Duration slow_start) const;
  // What may have kept a silent server's answer from us; kNone: nothing, or too often.
  [[nodiscard]] LocalError ExcuseOf(const Entry& entry);
  void NoteLocalError(const Entry& entry, LocalError error, const std::string& detail);
  void NoteStretch(Lane lane);
  void WarnOfRoom(Lane lane);
  [[nodiscard]] const Entry* Find(const HealthCheck& check) const;

  Prober& prober_;
  std::function<void()> changed_;
  std::function<uint64_t()> lost_frames_;
  std::minstd_rand random_;
  std::map<std::string, std::shared_ptr<Entry>> entries_;
  // Of reals that have more than one.
  std::map<CheckedReal, std::vector<const Entry*>> checks_of_;
  std::array<Schedule, kLaneCount> schedules_{Schedule(kStarts[0]), Schedule(kStarts[1])};
  TimePoint now_{};  // of the last Tick
  std::array<LocalErrors, kLocalErrorCount> local_errors_{};
  std::set<ServiceIdentity> flipped_;
  std::multimap<TimePoint, std::weak_ptr<Entry>> warming_;  // by when their weight grows next
  std::vector<KnownCheck> recalled_;                        // until the first SetChecks
  uint64_t revision_ = 0;
};

}  // namespace fairlead::control
