// A prober whose answers a test gives.
//
//   FakeProber prober;
//   HealthMonitor monitor(prober, …);
//   monitor.Tick(now);
//   prober.AnswerAll(false);        // whoever was asked: connection refused
#pragma once

#include <algorithm>
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
  [[nodiscard]] size_t capacity(Lane lane) const override {
    return lane == Lane::kCommands ? room_for_commands : room;
  }
  [[nodiscard]] bool has_room(Lane lane) const override {
    const auto taken = std::ranges::count_if(
        asked, [&](const auto& one) { return LaneOf(one.first.question) == lane; });
    return static_cast<size_t>(taken) < (lane == Lane::kCommands ? room_for_commands : room);
  }
  [[nodiscard]] size_t stuck() const override { return stuck_commands; }
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
  size_t room = SIZE_MAX, room_for_commands = SIZE_MAX, stuck_commands = 0;
};

}  // namespace fairlead::control
