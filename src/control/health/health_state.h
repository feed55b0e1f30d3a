// What health checks have found out, as the rest of the director is told it.
//
//   HealthState state = monitor.StateOf(CheckOf(service, real));   // monitor.h
//   if (state == HealthState::kDown) …
//
// Threads: values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace fairlead::control {

// Of one real: without a checker, or what its checker thinks.
enum class HealthState : uint8_t { kUnchecked, kUp, kDown };

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
  double interval_stretch = 1;  // by how much all intervals are longer than configured
  std::vector<std::pair<std::string, uint64_t>> local_errors{};  // by reason, all reasons
};

}  // namespace fairlead::control
