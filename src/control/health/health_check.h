// What is to be asked of real servers, by the configuration.
//
//   std::vector<HealthCheck> checks = ChecksOf(model);       // every one once
//   std::vector<HealthCheck> own = ChecksOf(service, real);  // those that this real must pass
//   if (HaveOtherChecks(before, after)) monitor.SetChecks(ChecksOf(after), now);
//
// Equal questions are asked once, however many services want to know. Threads: pure.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "control/config/model.h"
#include "control/health/prober.h"
#include "control/identity.h"

namespace fairlead::control {

// A real of a service, by which a check is recognised when its question has changed.
using CheckedReal = std::pair<ServiceIdentity, RealIdentity>;

struct HealthCheck {
  ProbeTarget target;
  Duration interval{2000};
  Duration retry_interval{2000};  // after a failure, until the real is down
  uint32_t fall = 3;
  uint32_t rise = 2;
  bool starts_down = false;  // until the first good answer
  // What a person knows it by; not part of what makes two checks the same.
  HealthType type = HealthType::kTcp;
  std::string wanted_by;             // "shop, shop-tls"
  std::vector<CheckedReal> reals{};  // the same
  OnFail on_fail = OnFail::kDrain;
  Duration slow_start{0};  // of a real that is back

  // For a line of the log: the real servers that it is about, "10.0.0.11:80, 10.0.0.12:80 and 3
  // more", and where it asks, or what it runs.
  [[nodiscard]] std::string RealsText() const;
  [[nodiscard]] std::string AskedText() const;

  // Equal questions: what one check has found out holds for the other.
  [[nodiscard]] std::string Question() const;
  // Equal keys: the same check. The question, how often and how long.
  [[nodiscard]] std::string Key() const;
};

// Those that the real must pass; empty: it is not checked.
std::vector<HealthCheck> ChecksOf(const ServiceConfig& service, const RealConfig& real);
// Of every real of every service, without repetitions.
std::vector<HealthCheck> ChecksOf(const ConfigModel& model);
// Whether ChecksOf differs between the two, order aside; quick where they share services.
bool HaveOtherChecks(const ConfigModel& before, const ConfigModel& after);

// Of several checks of a real that are down the harshest says what follows.
bool IsHarsher(OnFail one, OnFail than);
// What the log says of a real that is down.
std::string_view EffectOfDown(OnFail on_fail);

}  // namespace fairlead::control
