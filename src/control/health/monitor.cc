#include "control/health/monitor.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/log.h"

namespace fairlead::control {
namespace {

constexpr std::array kBoundsSeconds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                    0.25,  0.5,    1.0,   2.5,  5.0,   10.0};

constexpr double kStretchBegins = 1.25;
constexpr double kStretchOver = 1.1;

HealthHistogram EmptyHistogram() {
  HealthHistogram histogram;
  histogram.bounds_seconds.assign(kBoundsSeconds.begin(), kBoundsSeconds.end());
  histogram.counts.assign(kBoundsSeconds.size() + 1, 0);
  return histogram;
}

void Observe(double seconds, HealthHistogram* histogram) {
  const auto bound = std::ranges::lower_bound(histogram->bounds_seconds, seconds);
  ++histogram->counts[static_cast<size_t>(bound - histogram->bounds_seconds.begin())];
  histogram->sum_seconds += seconds;
}

void AddPart(const char* name, const std::string& value, std::string* key) {
  key->append(" ").append(name).append("=").append(value);
}

ProbeQuestion QuestionOf(const HealthConfig& health) {
  if (health.type == HealthType::kTcp) return TcpProbe{};
  return HttpProbe{.path = health.path, .host = health.host, .expect = health.expect};
}

std::string_view EffectOfDown(OnFail on_fail) {
  switch (on_fail) {
    case OnFail::kDrain:
      return "no new connections, known clients move, its connections continue";
    case OnFail::kQuiesce:
      return "no new clients, known clients stay, its connections continue";
    case OnFail::kRemove:
      return "taken out: known clients move, its connections get no packets";
  }
  return "";
}

}  // namespace

std::string HealthCheck::Question() const { return TextOf(target); }

std::string HealthCheck::Key() const {
  std::string key = Question();
  AddPart("timeout", std::to_string(target.timeout.count()), &key);
  AddPart("interval", std::to_string(interval.count()), &key);
  AddPart("fall", std::to_string(fall), &key);
  AddPart("rise", std::to_string(rise), &key);
  return key;
}

std::optional<HealthCheck> CheckOf(const ServiceConfig& service, const RealConfig& real) {
  if (!service.health) return std::nullopt;
  const HealthConfig& health = *service.health;
  HealthCheck check;
  check.target = {.endpoint = {real.address, Be16::FromHost(health.PortFor(real.port))},
                  .question = QuestionOf(health),
                  .timeout = health.timeout};
  check.interval = health.interval;
  check.fall = health.fall;
  check.rise = health.rise;
  check.wanted_by = service.name;
  check.on_fail = health.on_fail;
  return check;
}

std::vector<HealthCheck> ChecksOf(const ConfigModel& model) {
  std::vector<HealthCheck> checks;
  std::map<std::string, size_t> seen;
  for (const ServiceConfig& service : model.services) {
    for (const RealConfig& real : service.reals) {
      std::optional<HealthCheck> check = CheckOf(service, real);
      if (!check) continue;
      const auto [it, is_new] = seen.try_emplace(check->Key(), checks.size());
      if (is_new) {
        checks.push_back(std::move(*check));
      } else {
        checks[it->second].wanted_by.append(", ").append(service.name);
      }
      checks[it->second].reals.emplace_back(KeyOf(service), RealIdentity{real.address, real.port});
    }
  }
  return checks;
}

// Services with checks, in order, of which the two may think differently.
bool HaveOtherChecks(const ConfigModel& before, const ConfigModel& after) {
  const auto next_checked = [](const ConfigModel& model, size_t i) {
    while (i < model.services.size() && !model.services[i].health) ++i;
    return i;
  };
  const auto is_same = [](const ServiceConfig& a, const ServiceConfig& b) {
    return a.health == b.health && a.name == b.name && KeyOf(a) == KeyOf(b) &&
           std::ranges::equal(a.reals, b.reals, [](const RealConfig& x, const RealConfig& y) {
             return x.address == y.address && x.port == y.port;
           });
  };
  size_t i = next_checked(before, 0), k = next_checked(after, 0);
  while (i < before.services.size() && k < after.services.size()) {
    const bool is_shared = before.services.item(i) == after.services.item(k);
    if (!is_shared && !is_same(before.services[i], after.services[k])) return true;
    i = next_checked(before, i + 1);
    k = next_checked(after, k + 1);
  }
  return i < before.services.size() || k < after.services.size();
}

struct HealthMonitor::Known {
  explicit Known(const std::map<std::string, std::shared_ptr<Entry>>& entries) {
    for (const auto& [key, entry] : entries) {
      const auto [it, is_new] = by_question.emplace(entry->check.Question(), entry.get());
      if (!is_new && entry->state == HealthState::kDown) it->second = entry.get();
      for (const CheckedReal& real : entry->check.reals) by_real.emplace(real, entry.get());
    }
  }
  // Null: nothing is known. Where several checks of a real become one, a dead answer outweighs a
  // living one.
  [[nodiscard]] const Entry* Before(const HealthCheck& check) const {
    if (const auto it = by_question.find(check.Question()); it != by_question.end()) {
      return it->second;
    }
    const Entry* before = nullptr;
    for (const CheckedReal& real : check.reals) {
      const auto it = by_real.find(real);
      if (it == by_real.end()) continue;
      if (before == nullptr || it->second->state == HealthState::kDown) before = it->second;
    }
    return before;
  }

  std::map<std::string, const Entry*> by_question;
  std::map<CheckedReal, const Entry*> by_real;
};

// The same for what was known before this process began. All are down or about to change their
// minds, so none outweighs another.
struct HealthMonitor::Recalled {
  explicit Recalled(const std::vector<KnownCheck>& checks) {
    for (const KnownCheck& check : checks) {
      by_key.emplace(check.key, &check);
      if (!check.is_down) continue;
      by_question.emplace(check.question, &check);
      for (const CheckedReal& real : check.reals) by_real.emplace(real, &check);
    }
  }
  void GiveTo(const std::string& key, Entry* entry) const {
    const KnownCheck* known = nullptr;
    if (const auto same = by_key.find(key); same != by_key.end()) {
      known = same->second;
      entry->streak = known->streak;
    } else if (const auto asked = by_question.find(entry->check.Question());
               asked != by_question.end()) {
      known = asked->second;
    } else {
      for (const CheckedReal& real : entry->check.reals) {
        const auto it = by_real.find(real);
        if (it != by_real.end()) known = it->second;
      }
    }
    if (known == nullptr) return;
    entry->state = known->is_down ? HealthState::kDown : HealthState::kUp;
    entry->detail = known->detail;
  }

  std::map<std::string, const KnownCheck*> by_key, by_question;
  std::map<CheckedReal, const KnownCheck*> by_real;
};

std::vector<KnownCheck> HealthMonitor::Remembered() const {
  std::vector<KnownCheck> all;
  for (const auto& [key, entry] : entries_) {
    if (entry->state == HealthState::kUp && entry->streak == 0) continue;
    all.push_back({.key = key,
                   .question = entry->check.Question(),
                   .reals = entry->check.reals,
                   .is_down = entry->state == HealthState::kDown,
                   .streak = entry->streak,
                   .detail = entry->detail});
  }
  return all;
}

void HealthMonitor::SetChecks(std::vector<HealthCheck> checks, TimePoint now) {
  now_ = now;
  pace_.at(now);
  ++revision_;
  const Known known(entries_);
  const std::vector<KnownCheck> before_us = std::exchange(recalled_, {});
  const Recalled recalled(before_us);
  std::map<std::string, std::shared_ptr<Entry>> next;
  for (HealthCheck& check : checks) {
    const std::string key = check.Key();
    const auto same = entries_.find(key);
    std::shared_ptr<Entry> entry =
        same != entries_.end() ? same->second : NewEntry(check, known.Before(check));
    entry->check = std::move(check);
    recalled.GiveTo(key, entry.get());
    next.emplace(key, std::move(entry));
  }
  entries_ = std::move(next);
  queue_.clear();
  for (const auto& [key, entry] : entries_) {
    if (!entry->is_asking) queue_.emplace(entry->next, entry);
  }
  WarnOfRoom();
}

std::shared_ptr<HealthMonitor::Entry> HealthMonitor::NewEntry(const HealthCheck& check,
                                                              const Entry* predecessor) {
  auto entry = std::make_shared<Entry>();
  entry->histogram = EmptyHistogram();
  if (predecessor != nullptr) {
    entry->state = predecessor->state;
    entry->detail = predecessor->detail;
    entry->histogram = predecessor->histogram;
  }
  // Spread, so that a thousand checks do not fall on one instant; soon, so that a real that was
  // dead before us is found out early.
  const auto spread = std::min<Duration>(check.interval, std::chrono::seconds{1});
  const auto jitter = static_cast<int64_t>(random_()) % std::max<int64_t>(spread.count(), 1);
  entry->next = pace_.at(now_) + Duration{jitter};
  return entry;
}

// How many looks are under way when no server answers.
void HealthMonitor::WarnOfRoom() {
  double looks = 0;
  for (const auto& [key, entry] : entries_) {
    looks += static_cast<double>(entry->check.target.timeout.count()) /
             static_cast<double>(std::max<int64_t>(entry->check.interval.count(), 1));
  }
  const auto needed = static_cast<size_t>(std::ceil(looks));
  if (needed > prober_.capacity() && needed > needed_at_once_) {
    LogWarning(
        "more health checks than can be under way at once when servers do not answer; all "
        "intervals are stretched then",
        {{"checks", entries_.size()},
         {"needed_at_once", needed},
         {"allowed_at_once", prober_.capacity()},
         {"remedy",
          "raise LimitNOFILE of the unit (three quarters of it are for checks, 4096 at most), "
          "lengthen health.interval or shorten health.timeout"}});
  }
  needed_at_once_ = needed;
}

void HealthMonitor::Tick(TimePoint now) {
  now_ = now;
  const TimePoint goal = pace_.Goal(now);
  TimePoint reached = goal;
  size_t started = 0;
  while (!queue_.empty() && queue_.begin()->first <= goal) {
    const bool has_room = prober_.has_room();
    if (started == kMostStartsPerTick || !has_room) {
      reached = queue_.begin()->first;
      is_room_short_ = !has_room;
      break;
    }
    Queue::node_type place = queue_.extract(queue_.begin());
    const std::shared_ptr<Entry> entry = std::exchange(place.mapped(), nullptr);
    entry->place = std::move(place);
    Ask(entry, goal);
    ++started;
  }
  is_behind_ = started == kMostStartsPerTick && reached < goal;
  pace_.Advance(reached, now);
  NoteStretch();
}

void HealthMonitor::Ask(const std::shared_ptr<Entry>& entry, TimePoint goal) {
  entry->is_asking = true;
  entry->lost_before = lost_frames_();
  entry->is_asked_behind = is_behind_;
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
  queue_.insert(std::move(place));
}

void HealthMonitor::OnResult(const std::shared_ptr<Entry>& entry, const ProbeResult& result) {
  WaitAgain(entry);
  if (result.local_error != LocalError::kNone) {
    return NoteLocalError(*entry, result.local_error, result.detail);
  }
  const LocalError excuse = result.is_silent ? ExcuseOf(*entry) : LocalError::kNone;
  if (excuse != LocalError::kNone) {
    ++entry->excuses;
    return NoteLocalError(*entry, excuse, result.detail);
  }
  entry->excuses = 0;
  OnVerdict(*entry, result);
}

LocalError HealthMonitor::ExcuseOf(const Entry& entry) const {
  if (entry.excuses == kMostExcuses) return LocalError::kNone;
  if (lost_frames_() != entry.lost_before) return LocalError::kQueue;
  return entry.is_asked_behind || is_behind_ ? LocalError::kOverload : LocalError::kNone;
}

// Once in a while: with many checks each of them may meet the same limit.
void HealthMonitor::NoteLocalError(const Entry& entry, LocalError error,
                                   const std::string& detail) {
  LocalErrors& errors = local_errors_[static_cast<size_t>(error)];
  ++errors.count;
  const uint64_t checks = errors.pace.Note(now_);
  if (checks == 0) return;
  LogWarning(
      "health checks failed for a reason on this machine; the state of their "
      "servers is kept",
      {{"reason", LabelOf(error)},
       {"error", detail},
       {"real", entry.check.target.endpoint.ToString()},
       {"checks", checks},
       {"remedy", RemedyOf(error)}});
}

void HealthMonitor::NoteStretch() {
  const double stretch = pace_.stretch();
  if (is_stretched_ ? stretch > kStretchOver : stretch < kStretchBegins) return;
  if (now_ < next_stretch_word_) return;
  next_stretch_word_ = now_ + LogPace::kPause;
  is_stretched_ = !is_stretched_;
  const std::string factor = std::to_string(stretch).substr(0, 4);
  if (!is_stretched_) {
    return LogInfo("health checks keep their intervals again", {{"stretch", factor}});
  }
  LogWarning("more health checks are due than can be made: all intervals are stretched",
             {{"stretch", factor},
              {"checks", entries_.size()},
              {"allowed_at_once", prober_.capacity()},
              {"remedy", is_room_short_
                             ? "raise LimitNOFILE of the unit while fewer than 4096 are allowed, "
                               "lengthen health.interval or shorten health.timeout"
                             : "lengthen health.interval"}});
}

void HealthMonitor::OnVerdict(Entry& entry, const ProbeResult& result) {
  entry.detail = result.detail;
  Observe(std::chrono::duration<double>(result.took).count(), &entry.histogram);
  const bool is_up = entry.state == HealthState::kUp;
  if (result.is_ok == is_up) {
    if (std::exchange(entry.streak, 0) != 0) ++revision_;
    return;
  }
  ++entry.streak;
  ++revision_;
  if (entry.streak < (is_up ? entry.check.fall : entry.check.rise)) return;
  const uint32_t looks = std::exchange(entry.streak, 0);
  const std::string real = entry.check.target.endpoint.ToString();
  if (is_up) {
    entry.state = HealthState::kDown;
    LogWarning("real server is down", {{"real", real},
                                       {"services", entry.check.wanted_by},
                                       {"reason", result.detail},
                                       {"failures", looks},
                                       {"effect", EffectOfDown(entry.check.on_fail)}});
  } else {
    entry.state = HealthState::kUp;
    LogInfo("real server is up again", {{"real", real},
                                        {"services", entry.check.wanted_by},
                                        {"answer", result.detail},
                                        {"successes", looks},
                                        {"effect", "takes new connections by its weight"}});
  }
  for (const CheckedReal& checked : entry.check.reals) flipped_.insert(checked.first);
  changed_();
}

HealthState HealthMonitor::StateOf(const std::optional<HealthCheck>& check) const {
  const Entry* entry = Find(check);
  return entry == nullptr ? HealthState::kUnchecked : entry->state;
}

std::string HealthMonitor::DetailOf(const std::optional<HealthCheck>& check) const {
  const Entry* entry = Find(check);
  return entry == nullptr ? std::string() : entry->detail;
}

const HealthHistogram* HealthMonitor::HistogramOf(const std::optional<HealthCheck>& check) const {
  const Entry* entry = Find(check);
  return entry == nullptr ? nullptr : &entry->histogram;
}

HealthSummary HealthMonitor::summary() const {
  HealthSummary summary{.checks = entries_.size(),
                        .allowed_at_once = prober_.capacity(),
                        .interval_stretch = pace_.stretch()};
  for (size_t i = 1; i < kLocalErrorCount; ++i) {
    summary.local_errors.emplace_back(LabelOf(static_cast<LocalError>(i)), local_errors_[i].count);
  }
  return summary;
}

const HealthMonitor::Entry* HealthMonitor::Find(const std::optional<HealthCheck>& check) const {
  if (!check) return nullptr;
  const auto it = entries_.find(check->Key());
  return it == entries_.end() ? nullptr : it->second.get();
}

}  // namespace fairlead::control
