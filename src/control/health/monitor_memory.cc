// What a monitor carries over: from the checks before a reload, and from a director before it.
#include <algorithm>
#include <array>
#include <utility>

#include "control/health/monitor.h"

namespace fairlead::control {
namespace {

constexpr std::array kBoundsSeconds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                    0.25,  0.5,    1.0,   2.5,  5.0,   10.0};

HealthHistogram EmptyHistogram() {
  HealthHistogram histogram;
  histogram.bounds_seconds.assign(kBoundsSeconds.begin(), kBoundsSeconds.end());
  histogram.counts.assign(kBoundsSeconds.size() + 1, 0);
  return histogram;
}

using Wall = std::chrono::system_clock;

// Times of the steady clock are of this process, those of the wall of all that follow it.
uint64_t WallOf(TimePoint at) {
  const auto wall = Wall::now() + std::chrono::duration_cast<Wall::duration>(
                                      at - std::chrono::steady_clock::now());
  return static_cast<uint64_t>(
      std::max<int64_t>(std::chrono::duration_cast<Duration>(wall.time_since_epoch()).count(), 0));
}

TimePoint SteadyOf(uint64_t wall_ms, TimePoint now) {
  if (wall_ms == 0) return now;
  const auto ago = static_cast<int64_t>(WallOf(now)) - static_cast<int64_t>(wall_ms);
  return now - Duration{std::clamp<int64_t>(ago, 0, Duration{24h * 3650}.count())};
}

// What a server wished in answer to another question, and this one cannot say or take back.
void ForgetForeignWishes(const ProbeQuestion& question, CheckFacts* facts) {
  const auto* script = std::get_if<ScriptProbe>(&question);
  if (script == nullptr || !script->sets_weight) facts->weight.reset();
  if (std::holds_alternative<AgentProbe>(question)) return;
  facts->percent.reset();
  facts->wanted = AdminState::kUp;
}

}  // namespace

struct HealthMonitor::Known {
  explicit Known(const std::map<std::string, std::shared_ptr<Entry>>& entries) {
    for (const auto& [key, entry] : entries) {
      const auto [it, is_new] = by_question.emplace(entry->check.Question(), entry.get());
      if (!is_new && entry->facts.state == HealthState::kDown) it->second = entry.get();
      for (const CheckedReal& real : entry->check.reals) {
        const auto [at, is_first] = by_real.emplace(real, entry.get());
        if (!is_first && entry->facts.state == HealthState::kDown) at->second = entry.get();
      }
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
      if (before == nullptr || it->second->facts.state == HealthState::kDown) before = it->second;
    }
    return before;
  }

  std::map<std::string, const Entry*> by_question;
  std::map<CheckedReal, const Entry*> by_real;
};

// The same for what was known before this process began. A dead answer outweighs a living one.
struct HealthMonitor::Recalled {
  explicit Recalled(const std::vector<KnownCheck>& checks) {
    for (const KnownCheck& check : checks) {
      by_key.emplace(check.key, &check);
      Add(check.question, check, &by_question);
      for (const CheckedReal& real : check.reals) Add(real, check, &by_real);
    }
  }
  void GiveTo(const std::string& key, TimePoint now, Entry* entry) const {
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
        if (it == by_real.end()) continue;
        if (known == nullptr || it->second->is_down) known = it->second;
      }
    }
    if (known == nullptr) return;
    CheckFacts& facts = entry->facts;
    facts.state = known->is_down ? HealthState::kDown : HealthState::kUp;
    facts.is_proven = known->is_proven || !known->is_down;
    facts.is_back = known->is_back && !known->is_down;
    facts.detail = known->detail;
    facts.since = SteadyOf(known->since_ms, now);
    facts.downs = known->downs;
    facts.downtime = Duration{static_cast<int64_t>(known->downtime_ms)};
    facts.weight = known->weight;
    facts.percent = known->percent;
    facts.wanted = static_cast<AdminState>(known->wanted);
  }

  template <typename Key>
  using Index = std::map<Key, const KnownCheck*>;
  template <typename Key>
  static void Add(const Key& key, const KnownCheck& check, Index<Key>* index) {
    const auto [it, is_new] = index->emplace(key, &check);
    if (!is_new && check.is_down) it->second = &check;
  }

  Index<std::string> by_key, by_question;
  Index<CheckedReal> by_real;
};

std::vector<KnownCheck> HealthMonitor::Remembered() const {
  std::vector<KnownCheck> all;
  for (const auto& [key, entry] : entries_) {
    const CheckFacts& facts = entry->facts;
    const bool is_up = facts.state == HealthState::kUp;
    const bool is_as_at_start = is_up != entry->check.starts_down && entry->streak == 0 &&
                                facts.downs == 0 && !facts.weight && !facts.percent &&
                                facts.wanted == AdminState::kUp && facts.is_proven == is_up;
    if (is_as_at_start) continue;
    all.push_back({.key = key,
                   .question = entry->check.Question(),
                   .reals = entry->check.reals,
                   .is_down = !is_up,
                   .streak = entry->streak,
                   .detail = facts.detail,
                   .is_proven = facts.is_proven,
                   .is_back = facts.is_back,
                   .since_ms = WallOf(facts.since),
                   .downs = facts.downs,
                   .downtime_ms = static_cast<uint64_t>(facts.downtime.count()),
                   .weight = facts.weight,
                   .percent = facts.percent,
                   .wanted = static_cast<uint8_t>(facts.wanted)});
  }
  return all;
}

void HealthMonitor::SetChecks(std::vector<HealthCheck> checks, TimePoint now) {
  now_ = now;
  for (Schedule& schedule : schedules_) schedule.pace.at(now);
  ++revision_;
  const Known known(entries_);
  const std::vector<KnownCheck> before_us = std::exchange(recalled_, {});
  const Recalled recalled(before_us);
  std::map<std::string, std::shared_ptr<Entry>> next;
  warming_.clear();
  std::set<std::string> kept;
  for (const HealthCheck& check : checks) kept.insert(check.Key());
  for (HealthCheck& check : checks) {
    const std::string key = check.Key();
    const auto same = entries_.find(key);
    std::shared_ptr<Entry> entry;
    if (same != entries_.end()) {
      entry = same->second;
    } else {
      const Entry* before = known.Before(check);
      entry = NewEntry(check, before, before != nullptr && !kept.contains(before->check.Key()));
    }
    entry->check = std::move(check);
    recalled.GiveTo(key, now, entry.get());
    ForgetForeignWishes(entry->check.target.question, &entry->facts);
    if (WarmthOf(*entry, entry->check.slow_start) < 100) warming_.emplace(now, entry);
    next.emplace(key, std::move(entry));
  }
  entries_ = std::move(next);
  IndexReals();
  for (Schedule& schedule : schedules_) schedule.queue.clear();
  for (const auto& [key, entry] : entries_) {
    if (!entry->is_asking) ScheduleOf(*entry).queue.emplace(entry->next, entry);
  }
  for (const Lane lane : {Lane::kSockets, Lane::kCommands}) WarnOfRoom(lane);
}

std::shared_ptr<HealthMonitor::Entry> HealthMonitor::NewEntry(const HealthCheck& check,
                                                              const Entry* predecessor,
                                                              bool is_heir) {
  auto entry = std::make_shared<Entry>();
  entry->check = check;
  CheckFacts& facts = entry->facts;
  if (is_heir) {
    facts = predecessor->facts;
    entry->histogram = predecessor->histogram;
  } else {
    const bool is_known = predecessor != nullptr;
    facts.is_proven = is_known ? predecessor->facts.is_proven : !check.starts_down;
    facts.state = is_known ? predecessor->facts.state
                           : (check.starts_down ? HealthState::kDown : HealthState::kUp);
    facts.since = now_;
    entry->histogram = EmptyHistogram();
  }
  // Spread, so that a thousand checks do not fall on one instant; soon, so that a real that was
  // dead before us is found out early.
  const auto spread = std::min<Duration>(check.interval, std::chrono::seconds{1});
  const auto jitter = static_cast<int64_t>(random_()) % std::max<int64_t>(spread.count(), 1);
  entry->next = ScheduleOf(*entry).pace.at(now_) + Duration{jitter};
  return entry;
}

}  // namespace fairlead::control
