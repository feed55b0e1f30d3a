#include "control/health/monitor.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/log.h"
#include "control/config/names.h"

namespace fairlead::control {
namespace {

constexpr double kStretchBegins = 1.25;
constexpr double kStretchOver = 1.1;

void Observe(double seconds, HealthHistogram* histogram) {
  const auto bound = std::ranges::lower_bound(histogram->bounds_seconds, seconds);
  ++histogram->counts[static_cast<size_t>(bound - histogram->bounds_seconds.begin())];
  histogram->sum_seconds += seconds;
}

AdminState WantedBy(AgentWords::Mode mode, AdminState before) {
  switch (mode) {
    case AgentWords::Mode::kReady:
      return AdminState::kUp;
    case AgentWords::Mode::kDrain:
      return AdminState::kQuiesce;  // known clients stay, as with HAProxy
    case AgentWords::Mode::kMaint:
      return AdminState::kDown;
    case AgentWords::Mode::kNone:
      break;
  }
  return before;
}

std::string_view EffectOf(AdminState wanted) {
  switch (wanted) {
    case AdminState::kUp:
      return "takes new connections unless the file or the operator says otherwise";
    case AdminState::kQuiesce:
    case AdminState::kDrain:
      return "no new clients, known clients stay, its connections continue";
    case AdminState::kDown:
      return "no new connections, known clients move, until the agent says ready";
  }
  return "";
}

}  // namespace

// How many looks are under way when no server answers.
void HealthMonitor::WarnOfRoom(Lane lane) {
  Schedule& schedule = schedules_[static_cast<size_t>(lane)];
  double looks = 0;
  size_t checks = 0;
  for (const auto& [key, entry] : entries_) {
    if (&ScheduleOf(*entry) != &schedule) continue;
    ++checks;
    looks += static_cast<double>(entry->check.target.timeout.count()) /
             static_cast<double>(std::max<int64_t>(entry->check.interval.count(), 1));
  }
  const auto needed = static_cast<size_t>(std::ceil(looks));
  if (needed > prober_.capacity(lane) && needed > schedule.needed_at_once) {
    const std::string_view message =
        lane == Lane::kCommands
            ? "more scripts of health checks than can run at once when they take their whole "
              "timeout; all intervals of scripts are stretched then"
            : "more health checks than can be under way at once when servers do not answer; all "
              "intervals are stretched then";
    const std::string_view remedy =
        lane == Lane::kCommands
            ? "lengthen health.interval or shorten health.timeout of the scripts"
            : "raise LimitNOFILE of the unit (three quarters of it are for checks, 4096 at most), "
              "lengthen health.interval or shorten health.timeout";
    LogWarning(message, {{"checks", checks},
                         {"needed_at_once", needed},
                         {"allowed_at_once", prober_.capacity(lane)},
                         {"remedy", remedy}});
  }
  schedule.needed_at_once = needed;
}

void HealthMonitor::Tick(TimePoint now) {
  now_ = now;
  for (const Lane lane : {Lane::kSockets, Lane::kCommands}) {
    Start(lane, now);
    NoteStretch(lane);
  }
  WarmUp();
}

// What is due.
void HealthMonitor::Start(Lane lane, TimePoint now) {
  Schedule& schedule = schedules_[static_cast<size_t>(lane)];
  const size_t most = schedule.rate.AtOnce(now - schedule.last_start);
  schedule.last_start = now;
  const TimePoint goal = schedule.pace.Goal(now);
  TimePoint reached = goal;
  size_t started = 0;
  Queue& queue = schedule.queue;
  while (!queue.empty() && queue.begin()->first <= goal) {
    const bool has_room = prober_.has_room(lane);
    if (started == most || !has_room) {
      reached = queue.begin()->first;
      schedule.is_room_short = !has_room;
      break;
    }
    Queue::node_type place = queue.extract(queue.begin());
    const std::shared_ptr<Entry> entry = std::exchange(place.mapped(), nullptr);
    entry->place = std::move(place);
    Ask(entry, goal);
    ++started;
  }
  schedule.rate.NoteStarted(started);
  schedule.is_behind = started == most && reached < goal;
  schedule.pace.Advance(reached, now);
}

void HealthMonitor::Ask(const std::shared_ptr<Entry>& entry, TimePoint goal) {
  entry->is_asking = true;
  entry->lost_before = lost_frames_();
  entry->is_asked_behind = ScheduleOf(*entry).is_behind;
  // From when it was due, so that late turns do not add up; unless we have lost a whole interval.
  entry->next += entry->check.interval;
  if (entry->next <= goal) entry->next = goal + entry->check.interval;
  try {
    // An answer that comes when the check has been removed speaks to nobody.
    prober_.Start(entry->check.target,
                  [this, watched = std::weak_ptr<Entry>(entry)](const ProbeResult& result) {
                    if (const std::shared_ptr<Entry> alive = watched.lock())
                      OnResult(alive, result);
                  });
  } catch (...) {
    WaitAgain(entry);
    throw;
  }
}

void HealthMonitor::WaitAgain(const std::shared_ptr<Entry>& entry) {
  entry->is_asking = false;
  Queue::node_type place = std::move(entry->place);
  place.key() = entry->next;
  place.mapped() = entry;
  ScheduleOf(*entry).queue.insert(std::move(place));
}

void HealthMonitor::OnResult(const std::shared_ptr<Entry>& entry, const ProbeResult& result) {
  const bool is_ours = result.local_error != LocalError::kNone;
  const LocalError excuse = !is_ours && result.is_silent ? ExcuseOf(*entry) : LocalError::kNone;
  if (!is_ours && excuse == LocalError::kNone) HurryAfterFailure(*entry, result);
  WaitAgain(entry);
  if (is_ours) {
    entry->facts.problem = result.detail;
    return NoteLocalError(*entry, result.local_error, result.detail);
  }
  entry->facts.problem.clear();
  if (excuse != LocalError::kNone) {
    ++entry->excuses;
    return NoteLocalError(*entry, excuse, result.detail);
  }
  entry->excuses = 0;
  OnVerdict(entry, result);
}

void HealthMonitor::HurryAfterFailure(Entry& entry, const ProbeResult& result) {
  const HealthCheck& check = entry.check;
  if (result.is_ok || entry.facts.state != HealthState::kUp) return;
  if (check.retry_interval == check.interval || entry.streak + 1 >= check.fall) return;
  entry.next = ScheduleOf(entry).pace.at(now_) + check.retry_interval;
}

LocalError HealthMonitor::ExcuseOf(const Entry& entry) {
  if (entry.excuses == kMostExcuses) return LocalError::kNone;
  if (lost_frames_() != entry.lost_before) return LocalError::kQueue;
  const bool is_behind = entry.is_asked_behind || ScheduleOf(entry).is_behind;
  return is_behind ? LocalError::kOverload : LocalError::kNone;
}

// Once in a while: with many checks each of them may meet the same limit.
void HealthMonitor::NoteLocalError(const Entry& entry, LocalError error,
                                   const std::string& detail) {
  LocalErrors& errors = local_errors_[static_cast<size_t>(error)];
  ++errors.count;
  errors.lately.Note(now_);
  errors.checks.insert(&entry);
  const uint64_t looks = errors.pace.Note(now_);
  if (looks == 0) return;
  const size_t others = errors.checks.size() - 1;
  errors.checks.clear();
  LogWarning(
      "health checks failed for a reason on this machine; the state of their "
      "servers is kept",
      {{"reason", LabelOf(error)},
       {"error", detail},
       {"real", entry.check.RealsText()},
       {"services", entry.check.wanted_by},
       {"asked", entry.check.AskedText()},
       {"looks", looks},
       {"other_checks", others},
       {"remedy", RemedyOf(error)}});
}

void HealthMonitor::NoteStretch(Lane lane) {
  Schedule& schedule = schedules_[static_cast<size_t>(lane)];
  const double stretch = schedule.pace.stretch();
  if (schedule.is_stretched ? stretch > kStretchOver : stretch < kStretchBegins) return;
  if (now_ < schedule.next_stretch_word) return;
  schedule.next_stretch_word = now_ + LogPace::kPause;
  schedule.is_stretched = !schedule.is_stretched;
  const std::string factor = std::to_string(stretch).substr(0, 4);
  const bool is_command = lane == Lane::kCommands;
  if (!schedule.is_stretched) {
    return LogInfo(is_command ? "scripts of health checks keep their intervals again"
                              : "health checks keep their intervals again",
                   {{"stretch", factor}});
  }
  if (is_command) {
    return LogWarning(
        "more scripts of health checks are due than can run: all intervals of scripts are "
        "stretched",
        {{"stretch", factor},
         {"allowed_at_once", prober_.capacity(lane)},
         {"stuck", prober_.stuck()},
         {"remedy", "lengthen health.interval or shorten health.timeout of the scripts"}});
  }
  LogWarning("more health checks are due than can be made: all intervals are stretched",
             {{"stretch", factor},
              {"checks", entries_.size()},
              {"allowed_at_once", prober_.capacity(lane)},
              {"remedy", schedule.is_room_short
                             ? "raise LimitNOFILE of the unit while fewer than 4096 are allowed, "
                               "lengthen health.interval or shorten health.timeout"
                             : "lengthen health.interval"}});
}

void HealthMonitor::OnVerdict(const std::shared_ptr<Entry>& entry, const ProbeResult& result) {
  CheckFacts& facts = entry->facts;
  facts.detail = result.detail;
  facts.last_answer = now_;
  if (result.certificate_expires) facts.certificate_expires = result.certificate_expires;
  Observe(std::chrono::duration<double>(result.took).count(), &entry->histogram);
  if (IsWithoutWord(*entry, result)) return;
  TakeWishes(*entry, result);
  const bool is_up = facts.state == HealthState::kUp;
  if (result.is_ok == is_up) {
    if (std::exchange(entry->streak, 0) != 0) ++revision_;
    return;
  }
  ++entry->streak;
  ++revision_;
  const uint32_t rise = facts.is_proven ? entry->check.rise : 1;
  if (entry->streak < (is_up ? entry->check.fall : rise)) return;
  const uint32_t looks = std::exchange(entry->streak, 0);
  if (is_up) {
    GoDown(*entry, result, looks);
  } else {
    GoUp(entry, result, looks);
  }
  NoteFlip(*entry);
}

// An agent that cannot be asked says nothing about its server: other checks ask that one.
bool HealthMonitor::IsWithoutWord(Entry& entry, const ProbeResult& result) {
  if (!std::holds_alternative<AgentProbe>(entry.check.target.question)) return false;
  const bool is_silent = !result.is_ok && !result.agent;
  if (std::exchange(entry.is_agent_silent, is_silent) != is_silent && is_silent) {
    LogWarning("an agent gives no answer; what it said last stands",
               {{"real", entry.check.RealsText()},
                {"services", entry.check.wanted_by},
                {"reason", result.detail},
                {"asked", entry.check.AskedText()}});
  }
  if (is_silent) {
    entry.facts.detail = "the agent is silent (" + result.detail + "), what it said last stands";
  }
  return is_silent;
}

void HealthMonitor::TakeWishes(Entry& entry, const ProbeResult& result) {
  CheckFacts& facts = entry.facts;
  const std::optional<uint32_t> weight = result.weight ? result.weight : facts.weight;
  const AgentWords said = result.agent.value_or(AgentWords{});
  const std::optional<uint32_t> percent = said.percent ? said.percent : facts.percent;
  const AdminState wanted = WantedBy(said.mode, facts.wanted);
  if (weight == facts.weight && percent == facts.percent && wanted == facts.wanted) return;
  const bool is_other_weight = weight != facts.weight || percent != facts.percent;
  const bool is_other_state = std::exchange(facts.wanted, wanted) != wanted;
  facts.weight = weight;
  facts.percent = percent;
  ++revision_;
  const std::string real = entry.check.RealsText(), asked = entry.check.AskedText();
  if (is_other_state) {
    Log(wanted == AdminState::kDown ? LogLevel::kWarning : LogLevel::kInfo,
        "agent asks for another state",
        {{"real", real},
         {"services", entry.check.wanted_by},
         {"answer", result.detail},
         {"asked", asked},
         {"state", ToWord(wanted)},
         {"effect", EffectOf(wanted)}});
  }
  if (is_other_weight) {
    LogInfo("real server asks for another weight", {{"real", real},
                                                    {"services", entry.check.wanted_by},
                                                    {"answer", result.detail},
                                                    {"asked", asked}});
  }
  NoteFlip(entry);
}

void HealthMonitor::NoteFlip(const Entry& entry) {
  for (const CheckedReal& checked : entry.check.reals) flipped_.insert(checked.first);
  changed_();
}

// Of those that are back, one step further where its time has come.
void HealthMonitor::WarmUp() {
  while (!warming_.empty() && warming_.begin()->first <= now_) {
    const std::shared_ptr<Entry> entry = warming_.begin()->second.lock();
    warming_.erase(warming_.begin());
    if (entry == nullptr || !entry->facts.is_back) continue;
    const Duration slow_start = entry->check.slow_start;
    if (now_ < entry->facts.since + slow_start) {
      warming_.emplace(now_ + std::max(slow_start / kWarmSteps, Duration{50}), entry);
    }
    NoteFlip(*entry);
  }
}

}  // namespace fairlead::control
