#include "control/api/health_metrics.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <utility>

#include "control/api/metric_family.h"

namespace fairlead::api {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

void AddSummary(const control::HealthSummary& health, std::vector<MetricFamily>* families) {
  const auto add = [families](const char* name, const char* help, auto value) {
    FamilyBuilder(families, MetricType::Gauge, name, help).Add({}, value);
  };
  add("fairlead_health_checks", "Different questions that are asked of real servers",
      health.checks);
  add("fairlead_health_interval_stretch",
      "By how much all check intervals are longer than configured; 1: not",
      health.interval_stretch);
  add("fairlead_health_script_interval_stretch",
      "By how much the intervals of scripts are longer than configured; 1: not",
      health.script_interval_stretch);
  add("fairlead_health_stuck_scripts", "Scripts that were killed and have not ended",
      health.stuck_scripts);
  FamilyBuilder errors(families, MetricType::Counter, "fairlead_health_local_errors_total",
                       "Checks that this machine could not make, by reason; no verdict");
  for (const auto& [reason, count] : health.local_errors) errors.Add({{"reason", reason}}, count);
}

void AddDurations(const control::ControlView& view, std::vector<MetricFamily>* families) {
  FamilyBuilder family(families, MetricType::Histogram, "fairlead_health_check_duration_seconds",
                       "Time a health check took, answers and failures alike");
  for (const auto& service : view.services) {
    for (const auto& check : service.health_checks) {
      family.AddHistogram({{"service", service.name}, {"real", check.real}}, check.histogram);
    }
  }
}

// Of several checks of a real server the certificate that ends first. The same name can be there
// twice, as fallback and in the list.
void AddCertificates(const control::ControlView& view, std::vector<MetricFamily>* families) {
  std::map<std::pair<std::string, std::string>, std::chrono::system_clock::time_point> ends;
  for (const auto& service : view.services) {
    for (const auto& real : service.reals) {
      for (const control::CheckInfo& check : real.checks) {
        const auto& end = check.facts.certificate_expires;
        if (!end) continue;
        const auto [found, is_new] = ends.try_emplace({service.name, real.name}, *end);
        if (!is_new) found->second = std::min(found->second, *end);
      }
    }
  }
  FamilyBuilder family(families, MetricType::Gauge,
                       "fairlead_health_certificate_expiry_timestamp_seconds",
                       "When the certificate that the real showed to its checks ends, Unix time");
  for (const auto& [key, end] : ends) {
    const auto since_epoch = end.time_since_epoch();
    family.Add({{"service", key.first}, {"real", key.second}},
               std::chrono::duration_cast<std::chrono::seconds>(since_epoch).count());
  }
}

}  // namespace

void AddHealthMetrics(const control::ControlView& view, std::vector<MetricFamily>* families) {
  AddSummary(view.health, families);
  AddDurations(view, families);
  AddCertificates(view, families);
}

}  // namespace fairlead::api
