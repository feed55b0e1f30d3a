// One family of metrics while it is filled.
//
//   FamilyBuilder up(&families, prometheus::MetricType::Gauge, "fairlead_real_up", "0: down");
//   up.Add({{"service", "web"}, {"real", "10.0.0.11:80"}}, 1);
//
// It joins the others when it goes, unless it is empty. Threads: a value.
#pragma once

#include <prometheus/metric_family.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "control/health/health_state.h"

namespace fairlead::api {

using Labels = std::vector<prometheus::ClientMetric::Label>;

class FamilyBuilder {
 public:
  FamilyBuilder(std::vector<prometheus::MetricFamily>* all, prometheus::MetricType type,
                std::string name, std::string help) {
    family_.name = std::move(name);
    family_.help = std::move(help);
    family_.type = type;
    all_ = all;
  }
  ~FamilyBuilder() {
    if (!family_.metric.empty()) all_->push_back(std::move(family_));
  }
  FamilyBuilder(const FamilyBuilder&) = delete;
  FamilyBuilder& operator=(const FamilyBuilder&) = delete;

  template <typename Number>
  void Add(Labels labels, Number value) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    const double number = static_cast<double>(value);
    if (family_.type == prometheus::MetricType::Counter) {
      metric.counter.value = number;
    } else {
      metric.gauge.value = number;
    }
    family_.metric.push_back(std::move(metric));
  }
  void AddHistogram(Labels labels, const control::HealthHistogram& h) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    uint64_t cumulative = 0;
    for (size_t i = 0; i < h.counts.size(); ++i) {
      cumulative += h.counts[i];
      const double bound = i < h.bounds_seconds.size() ? h.bounds_seconds[i]
                                                       : std::numeric_limits<double>::infinity();
      metric.histogram.bucket.push_back({cumulative, bound});
    }
    metric.histogram.sample_count = cumulative;
    metric.histogram.sample_sum = h.sum_seconds;
    family_.metric.push_back(std::move(metric));
  }

 private:
  std::vector<prometheus::MetricFamily>* all_;
  prometheus::MetricFamily family_;
};

}  // namespace fairlead::api
