// A director with one service and one checked real, whose answers a test gives.
//
//   HealthWorld w("{ type: tcp, fall: 1 }");
//   w.TickFor(2s);
//   w.prober.AnswerAll(false);
//   EXPECT_EQ(w.Health().state, HealthState::kDown);
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "control/health/monitor.h"
#include "director_fixture.h"
#include "fake_prober.h"

namespace fairlead::control {

// A director with one service, whose real is checked as `health` says.
struct HealthWorld {
  explicit HealthWorld(const std::string& health, const std::string& of_real = "")
      : model(Model(health, of_real)) {
    monitor.SetChecks(ChecksOf(model), now);
  }
  static ConfigModel Model(const std::string& health, const std::string& of_real = "") {
    return ModelOf(
        "services:\n  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, health: " +
        health + ", reals: [ { address: 10.0.0.11" + of_real + " } ] }\n");
  }
  void TickFor(TimePoint::duration time) {
    for (const TimePoint then = now + time; now < then;)
      monitor.Tick(now = std::min(now + std::chrono::milliseconds{50}, then));
  }
  // Answers those that ask `port`.
  void Answer(uint16_t port, const ProbeResult& result) {
    for (auto& [target, done] : std::exchange(prober.asked, {})) {
      if (target.endpoint.port.host() == port) {
        done(result);
      } else {
        prober.asked.emplace_back(target, std::move(done));
      }
    }
  }
  void Reload(const ConfigModel& next) {
    model = next;
    monitor.SetChecks(ChecksOf(model), now);
  }
  std::vector<HealthCheck> Checks() {
    return ChecksOf(model.services[0], model.services[0].reals[0]);
  }
  RealHealth Health() { return monitor.HealthOf(Checks()); }
  CheckFacts Facts() { return monitor.InfosOf(Checks()).at(0).facts; }

  FakeProber prober;
  int changes = 0;
  ConfigModel model;
  HealthMonitor monitor{prober, [this] { ++changes; }, [] { return uint64_t{0}; }};
  TimePoint now = At(std::chrono::seconds{1000});
};

}  // namespace fairlead::control
