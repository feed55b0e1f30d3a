// What health checks have found out, as the rest of the director is told it.
//
//   RealHealth health = monitor.HealthOf(ChecksOf(service, real));   // monitor.h
//   if (health.state == HealthState::kDown) …
//
// Threads: values.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/config/model.h"
#include "control/time_point.h"

namespace fairlead::control {

// Of one real: without a checker, or what its checker thinks.
enum class HealthState : uint8_t { kUnchecked, kUp, kDown };

// What all checks of a real say together.
struct RealHealth {
  HealthState state = HealthState::kUnchecked;
  OnFail on_fail = OnFail::kDrain;      // the harshest of the checks that are down
  std::optional<uint32_t> weight{};     // instead of the configured one; the least that checks ask
  uint32_t percent = 100;               // of the weight, as agents say
  uint32_t warmth = 100;                // percent of its share, while slow_start lasts
  AdminState wanted = AdminState::kUp;  // by agents: the harshest
  bool has_been_down = false;           // before it was up; false: it comes up for the first time
};

// What is known of one check: kept over a change of the check, and in part over a restart.
struct CheckFacts {
  HealthState state = HealthState::kUp;
  bool is_proven = true;                        // false: down from the start, and not yet up once
  bool is_back = false;                         // up, and has been down before
  std::string detail{};                         // "HTTP 200 in 3 ms"; empty before the first answer
  TimePoint since{};                            // in this state
  TimePoint last_answer{};                      // its own zero: none yet
  uint32_t downs = 0;                           // how often it went down
  Duration downtime{0};                         // of those that are over
  std::optional<uint32_t> weight{}, percent{};  // as last said
  AdminState wanted = AdminState::kUp;          // likewise
  std::string problem{};  // why this machine could not look last time; empty: it could
  // Of the certificate that the server showed last: when it stops being valid.
  std::optional<std::chrono::system_clock::time_point> certificate_expires{};
};

// One check of a real, as a view shows it.
struct CheckInfo {
  std::string question;  // "http at=10.0.0.11:80 path=/health …"
  std::string type;      // "http"
  CheckFacts facts;
};

// Durations of one real's health checks (fairlead_health_check_duration_seconds).
struct HealthHistogram {
  std::vector<double> bounds_seconds;  // upper bounds; the last bucket is +Inf
  std::vector<uint64_t> counts;        // per bucket, not cumulative; one more than bounds
  double sum_seconds = 0;
};

// Health checks as a whole, and what hinders them (docs/health.md).
struct HealthSummary {
  size_t checks = 0;  // different questions
  size_t allowed_at_once = 0;
  double interval_stretch = 1;         // by how much all intervals are longer than configured
  double script_interval_stretch = 1;  // those of scripts, which have places of their own
  size_t stuck_scripts = 0;            // killed, and not ended
  std::vector<std::pair<std::string, uint64_t>> local_errors{};  // by reason, all reasons
  // The same of the last minutes (lately_count.h).
  std::vector<std::pair<std::string, uint64_t>> recent_local_errors{};
};

}  // namespace fairlead::control
