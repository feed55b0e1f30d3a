// What a monitor says of what it has found out.
#include <algorithm>
#include <utility>

#include "control/config/names.h"
#include "control/health/monitor.h"

namespace fairlead::control {

uint32_t HealthMonitor::WarmthOf(const Entry& entry, Duration slow_start) const {
  if (!entry.facts.is_back || slow_start == Duration{0}) return 100;
  const auto up = std::chrono::duration_cast<Duration>(now_ - entry.facts.since);
  if (up >= slow_start) return 100;
  const auto steps =
      static_cast<uint32_t>(std::max<int64_t>(up.count(), 0) * kWarmSteps / slow_start.count());
  return std::max(steps, 1u) * (100 / kWarmSteps);
}

RealHealth HealthMonitor::HealthOf(Checks checks) const {
  RealHealth health;
  std::optional<uint32_t> percent;
  bool has_on_fail = false;
  for (const HealthCheck& check : checks) {
    const Entry* entry = Find(check);
    if (entry == nullptr) continue;
    const CheckFacts& facts = entry->facts;
    if (facts.state == HealthState::kDown) {
      if (!has_on_fail || IsHarsher(check.on_fail, health.on_fail)) health.on_fail = check.on_fail;
      has_on_fail = true;
      health.state = HealthState::kDown;
    } else if (health.state == HealthState::kUnchecked) {
      health.state = HealthState::kUp;
    }
    if (facts.weight)
      health.weight = std::min(health.weight.value_or(*facts.weight), *facts.weight);
    if (facts.percent) percent = std::min(percent.value_or(*facts.percent), *facts.percent);
    health.wanted = std::max(health.wanted, facts.wanted);
    health.has_been_down |= facts.is_back;
    health.warmth = std::min(health.warmth, WarmthOf(*entry, check.slow_start));
  }
  health.percent = percent.value_or(100);
  return health;
}

std::string HealthMonitor::DetailOf(Checks checks) const {
  const Entry* shown = nullptr;
  size_t known = 0, down = 0;
  for (const HealthCheck& check : checks) {
    const Entry* entry = Find(check);
    if (entry == nullptr) continue;
    ++known;
    const bool is_down = entry->facts.state == HealthState::kDown;
    const bool is_worse = is_down && down == 0;
    down += is_down ? 1 : 0;
    if (shown == nullptr || is_worse) shown = entry;
  }
  if (shown == nullptr) return {};
  const std::string& detail = shown->facts.detail;
  if (down == 0 || known == 1 || detail.empty()) return detail;
  // Which of them it is; and where it asks, when the type alone does not say it.
  const HealthType type = shown->check.type;
  const bool is_only = std::ranges::count(checks, type, &HealthCheck::type) == 1;
  std::string text = is_only ? std::string(ToWord(type)) : shown->check.AskedText();
  text += ": " + detail;
  if (down > 1) text += ", and " + std::to_string(down - 1) + " more";
  return text;
}

std::vector<CheckInfo> HealthMonitor::InfosOf(Checks checks) const {
  std::vector<CheckInfo> infos;
  for (const HealthCheck& check : checks) {
    const Entry* entry = Find(check);
    if (entry == nullptr) continue;
    infos.push_back({check.Question(), std::string(ToWord(check.type)), entry->facts});
  }
  return infos;
}

std::optional<HealthHistogram> HealthMonitor::HistogramOf(Checks checks) const {
  std::optional<HealthHistogram> all;
  for (const HealthCheck& check : checks) {
    const Entry* entry = Find(check);
    if (entry == nullptr) continue;
    const HealthHistogram& own = entry->histogram;
    if (!all) {
      all = own;
      continue;
    }
    for (size_t i = 0; i < own.counts.size(); ++i) all->counts[i] += own.counts[i];
    all->sum_seconds += own.sum_seconds;
  }
  return all;
}

HealthSummary HealthMonitor::summary() const {
  const auto stretch_of = [&](Lane lane) {
    return schedules_[static_cast<size_t>(lane)].pace.stretch();
  };
  HealthSummary summary{.checks = entries_.size(),
                        .allowed_at_once = prober_.capacity(Lane::kSockets),
                        .interval_stretch = stretch_of(Lane::kSockets),
                        .script_interval_stretch = stretch_of(Lane::kCommands),
                        .stuck_scripts = prober_.stuck()};
  for (size_t i = 1; i < kLocalErrorCount; ++i) {
    const std::string label(LabelOf(static_cast<LocalError>(i)));
    summary.local_errors.emplace_back(label, local_errors_[i].count);
    summary.recent_local_errors.emplace_back(label, local_errors_[i].lately.At(now_));
  }
  return summary;
}

const HealthMonitor::Entry* HealthMonitor::Find(const HealthCheck& check) const {
  const auto it = entries_.find(check.Key());
  return it == entries_.end() ? nullptr : it->second.get();
}

}  // namespace fairlead::control
