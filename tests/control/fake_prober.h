// A prober whose answers a test gives.
//
//   FakeProber prober;
//   HealthMonitor monitor(prober, …);
//   monitor.Tick(now);
//   prober.AnswerAll(false);        // whoever was asked: connection refused
#pragma once

#include <chrono>
#include <functional>
#include <utility>
#include <vector>

#include "control/health/prober.h"

namespace fairlead::control {

// Answers when told to.
class FakeProber : public Prober {
 public:
  void Start(const ProbeTarget& target, std::function<void(ProbeResult)> done) override {
    asked.push_back({target, std::move(done)});
  }
  [[nodiscard]] size_t capacity() const override { return room; }
  [[nodiscard]] bool has_room() const override { return asked.size() < room; }
  void AnswerAll(LocalError error) {
    for (auto& [target, done] : std::exchange(asked, {})) {
      done({.detail = "too many open files", .local_error = error});
    }
  }
  void FallSilent() {
    for (auto& [target, done] : std::exchange(asked, {})) {
      done({.detail = "no answer in 1000 ms", .is_silent = true});
    }
  }
  void AnswerAll(bool is_ok) {
    for (auto& [target, done] : std::exchange(asked, {})) {
      done({.is_ok = is_ok,
            .detail = is_ok ? "connected" : "connection refused",
            .took = std::chrono::milliseconds{3}});
    }
  }
  std::vector<std::pair<ProbeTarget, std::function<void(ProbeResult)>>> asked;
  size_t room = SIZE_MAX;
};

}  // namespace fairlead::control
